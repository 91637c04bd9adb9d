import assert from "node:assert/strict";
import fc from "fast-check";
import { RangeSet } from "../../src/session/range_set.ts";
import { ReceiveBuffer } from "../../src/session/receive_buffer.ts";
import { SendBuffer } from "../../src/session/send_buffer.ts";

/** Byte `i` of every stream here. */
const byteAt = (i: number) => (i * 31 + (i >>> 8)) & 0xff;
const slice = (start: number, end: number) =>
  Uint8Array.from({ length: end - start }, (_, i) => byteAt(start + i));

Deno.test("a send buffer gives back every byte it was given until that is acknowledged", () => {
  const operation = fc.record({
    write: fc.nat(30_000),
    limit: fc.nat(80_000),
    ack: fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 25 }), (list) => {
      const buffer = new SendBuffer();
      const acknowledged = new Set<number>();
      let end = 0;
      let base = 0;
      for (const { write, limit, ack } of list) {
        const taken = buffer.write(slice(end, end + write), limit);
        assert.equal(taken, Math.min(write, Math.max(0, limit - (end - base))));
        end += taken;
        const [a, b] = ack.map((share) => base + Math.floor(share * (end - base)));
        const [start, stop] = [Math.min(a, b), Math.max(a, b)];
        const copy = new Uint8Array(stop - start + 2);
        buffer.copyTo(start, stop - start, copy, 1);
        assert.deepEqual(copy.subarray(1, -1), slice(start, stop));
        buffer.acknowledge(start, stop);
        for (let i = start; i < stop; i++) acknowledged.add(i);
        while (acknowledged.delete(base)) base++;
        assert.equal(buffer.base, base);
        assert.equal(buffer.end, end);
        const rest = new RangeSet();
        rest.add(0, end);
        buffer.subtractAcknowledged(rest, 0, Infinity);
        assert.equal(rest.size, end - base - acknowledged.size);
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("a send buffer refuses to give what it does not hold, and returns memory when trimmed empty", () => {
  const buffer = new SendBuffer();
  buffer.write(slice(0, 100_000), Infinity);
  buffer.acknowledge(0, 10);
  assert.throws(() => buffer.copyTo(9, 1, new Uint8Array(8), 0), /holds \[10, 100000\)/);
  assert.throws(() => buffer.copyTo(99_999, 2, new Uint8Array(8), 0), /asked for 2 bytes at 99999/);
  buffer.trim();
  assert.ok(buffer.capacity >= 100_000 - 10, "what is held stays");
  buffer.acknowledge(10, 100_000);
  assert.ok(buffer.capacity > 0, "a busy stream keeps its ring between two writes");
  buffer.trim();
  assert.equal(buffer.capacity, 0);
});

Deno.test("a receive buffer delivers every byte once and in order, however pieces arrive", () => {
  const total = 60_000;
  const piece = fc.tuple(fc.nat(total), fc.nat(8_000), fc.nat(9_000));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const buffer = new ReceiveBuffer();
      const present = new Uint8Array(total + 1);
      let read = 0;
      const take = (most: number) => {
        let contiguous = read;
        while (present[contiguous] === 1) contiguous++;
        assert.equal(buffer.contiguousEnd, contiguous);
        assert.equal(buffer.readable, contiguous - read);
        const into = new Uint8Array(most);
        const length = buffer.read(into);
        assert.equal(length, Math.min(most, contiguous - read));
        assert.deepEqual(into.subarray(0, length), slice(read, read + length));
        read += length;
      };
      for (const [start, length, most] of pieces) {
        const end = Math.min(total, start + length);
        // The slab around the piece holds other bytes, as a packet would.
        const slab = new Uint8Array(end - start + 6).fill(0xee);
        slab.set(slice(start, end), 3);
        buffer.insert(start, slab, 3, end - start);
        present.fill(1, start, end);
        take(most);
      }
      buffer.insert(0, slice(0, total), 0, total);
      present.fill(1, 0, total);
      take(total);
      assert.equal(read, total);
      buffer.trim();
      assert.equal(buffer.capacity, 0);
    }),
    { numRuns: 60 },
  );
});
