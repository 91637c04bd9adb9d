/**
 * The one way a parser fails.
 *
 * @module
 */

/** Bytes that are not what the format says. Parsers throw nothing else, whatever they are fed. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}
