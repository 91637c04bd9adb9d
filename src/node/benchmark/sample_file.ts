/**
 * Files to measure with: of any size, in a moment, and nothing a compressor could shorten.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** Writes a file of `bytes` that does not compress. @returns its SHA-256 in hexadecimal. */
export async function generateFile(path: string, bytes: number): Promise<string> {
  const block = new Uint8Array(1_048_576);
  for (let offset = 0; offset < block.length; offset += 65_536) {
    crypto.getRandomValues(block.subarray(offset, offset + 65_536));
  }
  const numbered = new DataView(block.buffer);
  const hash = createHash("sha256");
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  for (let written = 0; written < bytes; written += block.length) {
    numbered.setFloat64(0, written); // no two blocks are the same
    const piece = block.subarray(0, Math.min(block.length, bytes - written));
    hash.update(piece);
    for (let sent = 0; sent < piece.length;) sent += await file.write(piece.subarray(sent));
  }
  return hash.digest("hex");
}

/** SHA-256 of a file in hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}
