/**
 * The key log of a capture: one key a line, as text, for `wraith.lua` and whoever wants to decrypt.
 *
 * @module
 */

import { toHex } from "../../bytes.ts";

/** The secrets block's own kind of contents between node and command ("WRTH"); no file has it. */
export const SECRETS_TYPE = 0x57525448;

/**
 * `WRAITH_KEY <receiver index> <epoch> <key>`: opens the Data packets with that index in their header and the
 * epoch mod 4 in their flags. Index and key in hexadecimal, the epoch in decimal.
 */
export function keyLine(receiverIndex: number, epoch: number, key: Uint8Array): Uint8Array<ArrayBuffer> {
  const index = receiverIndex.toString(16).padStart(8, "0");
  return new TextEncoder().encode(`WRAITH_KEY ${index} ${epoch} ${toHex(key)}\n`);
}
