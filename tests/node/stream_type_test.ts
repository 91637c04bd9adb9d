import assert from "node:assert/strict";
import { readStreamType } from "../../src/node/stream_type.ts";
import { type PeerStream, StreamError } from "../../src/transfer/mod.ts";

/** A stream that holds `bytes` and then ends, or fails. */
function streamOf(bytes: readonly number[], failure: StreamError | null = null): PeerStream {
  const rest = [...bytes];
  return {
    id: 0,
    unacknowledgedBytes: 0,
    read(into) {
      if (rest.length === 0) return failure === null ? Promise.resolve(null) : Promise.reject(failure);
      into[0] = rest.shift()!;
      return Promise.resolve(1);
    },
    write: () => Promise.resolve(),
    finish: () => Promise.resolve(),
    reset() {},
  };
}

Deno.test("A stream's type is read in each of its lengths, and nothing behind it", async () => {
  assert.equal(await readStreamType(streamOf([0x01, 0xff])), 1);
  assert.equal(await readStreamType(streamOf([0x40, 0x80])), 128);
  assert.equal(await readStreamType(streamOf([0x80, 0x01, 0x00, 0x00])), 65_536);
});

Deno.test("A stream without a type that could be is none, and never an exception", async () => {
  assert.equal(await readStreamType(streamOf([])), null);
  assert.equal(await readStreamType(streamOf([0x40])), null);
  assert.equal(await readStreamType(streamOf([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])), null);
  assert.equal(await readStreamType(streamOf([], new StreamError("reset", 0, "reset"))), null);
});
