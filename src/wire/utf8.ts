/**
 * Text that must fit.
 *
 * @module
 */

/** How many of the first `limit` bytes of UTF-8 `text` end with a whole character. */
export function wholeCharacters(text: Uint8Array, limit: number): number {
  if (text.length <= limit) return text.length;
  let length = Math.max(0, limit);
  // A continuation byte behind the cut means that the cut is inside its character.
  while (length > 0 && (text[length] & 0xc0) === 0x80) length--;
  return length;
}
