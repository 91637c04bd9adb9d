/**
 * The Noise protocol framework, revision 34, for `25519_ChaChaPoly_BLAKE2s`.
 *
 * @module
 */

export { FinishedHandshake } from "./finished_handshake.ts";
export { type HandshakeOptions, HandshakeState, type ReadResult } from "./handshake_state.ts";
export { type HandshakePattern, patternNamed, type Token, XX } from "./patterns.ts";
