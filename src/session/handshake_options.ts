/**
 * What both sides' handshakes start from.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import type { Entropy, Prng } from "../entropy.ts";
import type { TransportParameters } from "../wire/transport_parameters.ts";
import type { SessionIdentity } from "./session_identity.ts";

export interface HandshakeOptions {
  readonly now: Instant;
  readonly handshakeId: number;
  /** Our session index. */
  readonly index: number;
  readonly suite: CipherSuite;
  readonly entropy: Entropy;
  readonly prng: Prng;
  readonly identity: SessionIdentity;
  readonly parameters: TransportParameters;
  readonly timeoutMs: number;
  /** A fixed ephemeral secret, for golden vectors only. */
  readonly ephemeral?: Uint8Array | undefined;
}
