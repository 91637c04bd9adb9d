/**
 * Handshake patterns of the Noise specification (revision 34, sections 7 and 9) as data.
 *
 * WRAITH speaks XX. The others are here because published vectors speak them, and a state machine that runs
 * seven patterns from a table has nowhere to hide a mistake in one.
 *
 * @module
 */

/** One step of a handshake message: a key sent, a Diffie-Hellman (initiator's key first), or a shared key mixed. */
export type Token = "e" | "s" | "ee" | "es" | "se" | "ss" | "psk";

/** What both sides know beforehand, and what each message carries. The initiator sends messages 0, 2, ... */
export interface HandshakePattern {
  /** As it stands in the protocol name, modifiers included. */
  readonly name: string;
  /** Whether the initiator must know the responder's static key beforehand (pre-message `<- s`). */
  readonly responderStaticKnown: boolean;
  readonly messages: readonly (readonly Token[])[];
}

/** The pattern of every WRAITH session. */
export const XX: HandshakePattern = {
  name: "XX",
  responderStaticKnown: false,
  messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]],
};

const FUNDAMENTAL_PATTERNS: readonly HandshakePattern[] = [
  XX,
  { name: "NN", responderStaticKnown: false, messages: [["e"], ["e", "ee"]] },
  { name: "NK", responderStaticKnown: true, messages: [["e", "es"], ["e", "ee"]] },
  { name: "IK", responderStaticKnown: true, messages: [["e", "es", "s", "ss"], ["e", "ee", "se"]] },
];

/**
 * The pattern of a name such as `XX` or `IKpsk2`.
 *
 * @throws {RangeError} when the name is none this build knows.
 */
export function patternNamed(name: string): HandshakePattern {
  const [, base, modifiers] = /^([A-Z]+)((?:psk\d(?:\+psk\d)*)?)$/.exec(name) ?? [];
  const fundamental = FUNDAMENTAL_PATTERNS.find((pattern) => pattern.name === base);
  if (fundamental === undefined) throw new RangeError(`Cannot find the handshake pattern: got "${name}"`);
  const messages = fundamental.messages.map((tokens) => [...tokens]);
  for (const modifier of modifiers.split("+").filter((text) => text !== "")) {
    const place = Number(modifier.slice("psk".length));
    if (place > messages.length) {
      throw new RangeError(`Cannot place ${modifier}: ${base} has ${messages.length} messages`);
    }
    // Section 9.4: psk0 opens the first message, pskN closes the N-th.
    if (place === 0) messages[0].unshift("psk");
    else messages[place - 1].push("psk");
  }
  return { ...fundamental, name, messages };
}

/** Whether `pattern` mixes pre-shared keys, which changes what its `e` token does (section 9.2). */
export function usesPsk(pattern: HandshakePattern): boolean {
  return pattern.messages.some((tokens) => tokens.includes("psk"));
}
