/**
 * Reads packet captures for tests, from the format's draft and not with the program's own code.
 *
 * @module
 */

import assert from "node:assert/strict";

/** A block as it lies in the file. */
export interface RawBlock {
  readonly type: number;
  /** Between the two lengths. */
  readonly body: DataView;
}

/** One enhanced packet block. */
export interface ReadPacket {
  readonly interfaceId: number;
  readonly timeUs: number;
  readonly direction: "in" | "out";
  readonly lostBefore: number;
  readonly originalLength: number;
  readonly bytes: Uint8Array;
}

/** Takes a file apart. Fails where a block is cut or its two lengths differ. */
export function readBlocks(file: Uint8Array): RawBlock[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const blocks: RawBlock[] = [];
  for (let at = 0; at < file.length;) {
    const length = view.getUint32(at + 4, true);
    assert.ok(length >= 12 && length % 4 === 0 && at + length <= file.length, `block at ${at}`);
    assert.equal(view.getUint32(at + length - 4, true), length);
    blocks.push({
      type: view.getUint32(at, true),
      body: new DataView(file.buffer, file.byteOffset + at + 8, length - 12),
    });
    at += length;
  }
  return blocks;
}

export function readPacket({ type, body }: RawBlock): ReadPacket {
  assert.equal(type, 6);
  const kept = body.getUint32(12, true);
  const options = readOptions(body, 20 + kept + (-kept & 3));
  return {
    interfaceId: body.getUint32(0, true),
    timeUs: body.getUint32(4, true) * 2 ** 32 + body.getUint32(8, true),
    originalLength: body.getUint32(16, true),
    bytes: new Uint8Array(body.buffer, body.byteOffset + 20, kept),
    direction: (options.get(2)!.getUint32(0, true) & 3) === 1 ? "in" : "out",
    lostBefore: Number(options.get(4)?.getBigUint64(0, true) ?? 0n),
  };
}

/** Received and dropped packets of an interface statistics block. */
export function readStatistics(
  { type, body }: RawBlock,
): { interfaceId: number; seen: number; dropped: number } {
  assert.equal(type, 5);
  const options = readOptions(body, 12);
  const count = (code: number) => Number(options.get(code)!.getBigUint64(0, true));
  return { interfaceId: body.getUint32(0, true), seen: count(4), dropped: count(5) };
}

function readOptions(body: DataView, at: number): Map<number, DataView> {
  const options = new Map<number, DataView>();
  for (let code = -1; code !== 0;) {
    code = body.getUint16(at, true);
    const length = body.getUint16(at + 2, true);
    options.set(code, new DataView(body.buffer, body.byteOffset + at + 4, length));
    at += 4 + length + (-length & 3);
  }
  assert.equal(at, body.byteLength);
  return options;
}
