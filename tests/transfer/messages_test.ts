import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeCbor } from "../../src/transfer/cbor.ts";
import { MessageReader } from "../../src/transfer/message_reader.ts";
import { MessageWriter } from "../../src/transfer/message_writer.ts";
import {
  decodeMessage,
  encodeMessage,
  entryPages,
  type ManifestEntry,
  MAX_MESSAGE_BYTES,
  type Message,
} from "../../src/transfer/messages.ts";
import { TransferError } from "../../src/transfer/transfer_error.ts";
import { toHex } from "../../src/bytes.ts";

const count = fc.nat({ max: 2 ** 31 - 1 });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => new Uint8Array(bytes));
const text = fc.string({ unit: "grapheme", maxLength: 40 }).filter((each) => !each.startsWith("\ufeff"));
const reason = fc.constantFrom("storage" as const, "cancelled" as const, "refused_name" as const);
const entry: fc.Arbitrary<ManifestEntry> = fc.record({
  path: text,
  isDirectory: fc.boolean(),
  sizeBytes: fc.nat({ max: 2 ** 46 }),
  mode: fc.nat({ max: 0o777 }),
  mtimeMs: fc.integer({ min: -8.64e15, max: 8.64e15 }),
}).map((each) => each.isDirectory ? { ...each, sizeBytes: 0 } : each);
const runs = fc.array(fc.tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 99 })), {
  minLength: 1,
  maxLength: 20,
}).map((gaps) => {
  let end = 0;
  return gaps.map(([gap, length]) => {
    const run = { first: end + gap, count: length };
    end = run.first + length;
    return run;
  });
});

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    type: fc.constant("offer" as const),
    id: hash.map((each) => each.slice(0, 16)),
    name: text,
    files: count,
  })
    .map((each) => ({ ...each, entries: each.files + 1, bytes: 7, traceparent: "00-x" })),
  fc.record({
    type: fc.constant("entries" as const),
    entries: fc.array(entry, { minLength: 1, maxLength: 20 }),
  }),
  fc.record({ type: fc.constant("have" as const), file: count, runs }),
  fc.constant({ type: "accept" as const }),
  fc.record({ type: fc.constantFrom("reject" as const, "abort" as const), reason, message: text }),
  fc.record({ type: fc.constant("chunk" as const), file: count, index: count, leaf: hash }),
  fc.record({
    type: fc.constant("keep" as const),
    file: count,
    first: count,
    leaves: fc.array(hash, { minLength: 1, maxLength: 64 }),
  }),
  fc.record({
    type: fc.constantFrom("hole" as const, "want" as const),
    file: count,
    first: count,
    count: fc.integer({ min: 1, max: 1_000 }),
  }),
  fc.record({ type: fc.constantFrom("file_end" as const, "receipt" as const), file: count, root: hash }),
  fc.record({ type: fc.constant("file_failed" as const), file: count, reason, message: text }),
  fc.record({ type: fc.constant("saved" as const), bytes: count }),
  fc.record({ type: fc.constant("complete" as const), delivered: count, failed: count }),
  fc.record({ type: fc.constant("pause" as const), paused: fc.boolean() }),
).map((each) => structuredClone(each)); // as plain objects

Deno.test("Every message is read back as it was written", () => {
  fc.assert(fc.property(message, (each) => {
    assert.deepEqual(decodeMessage(encodeMessage(each)), each);
  }));
});

Deno.test("The bytes of a message are those of the specification", () => {
  const leaf = new Uint8Array(32).fill(0xab);
  assert.equal(
    toHex(encodeMessage({ type: "chunk", file: 1, index: 300, leaf })),
    `84050119012c5820${"ab".repeat(32)}`,
  );
  assert.equal(toHex(encodeMessage({ type: "pause", paused: true })), "820ef5");
  assert.equal(toHex(encodeMessage({ type: "have", file: 0, runs: [{ first: 0, count: 5 }] })), "8402000005");
});

Deno.test("Any bytes are a message or a protocol error", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 60 }), message.map(encodeMessage)),
      fc.nat(),
      (bytes, at) => {
        const changed = new Uint8Array(bytes);
        if (changed.length > 0) changed[at % changed.length] ^= 1 << (at % 8);
        try {
          decodeMessage(changed);
        } catch (error) {
          assert.ok(error instanceof TransferError && error.reason === "protocol", String(error));
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

const REFUSED: readonly [name: string, value: Parameters<typeof encodeCbor>[0]][] = [
  ["no array", 5],
  ["an empty array", []],
  ["a type nobody defined", [16]],
  ["a field too many", [3, 0]],
  ["a negative index", [5, 0, -1, new Uint8Array(32)]],
  ["a short hash", [5, 0, 0, new Uint8Array(31)]],
  ["a number beyond 2^53", [11, 2n ** 60n]],
  ["an empty run", [2, 0, 0, 0]],
  ["runs that touch", [2, 0, 0, 1, 1, 1]],
  ["a run without a length", [2, 0, 0]],
  ["mode bits beyond permissions", [1, ["a", 0o4755, 0, 1]]],
  ["a file of more than 2^46 bytes", [1, ["a", 0o644, 0, 2 ** 46 + 1]]],
  ["no entry at all", [1]],
];

for (const [name, value] of REFUSED) {
  Deno.test(`A message with ${name} is refused`, () => {
    assert.throws(() => decodeMessage(encodeCbor(value)), TransferError);
  });
}

Deno.test("An unknown reason of a newer peer is read as a protocol failure", () => {
  const read = decodeMessage(encodeCbor([15, "out_of_luck", "sorry"]));
  assert.deepEqual(read, { type: "abort", reason: "protocol", message: "sorry" });
});

Deno.test("Pages of entries fit a message, in order and whole", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 1_500 }), (entries) => {
      const pages = [...entryPages(entries)];
      assert.deepEqual(pages.flat(), entries);
      for (const page of pages) {
        assert.ok(encodeMessage({ type: "entries", entries: page }).length <= MAX_MESSAGE_BYTES);
      }
    }),
    { numRuns: 20 },
  );
});

Deno.test("Messages and payloads come out of a stream as they went in, however it is cut into reads", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(message, fc.nat({ max: 70_000 })), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 5_000 }),
      async (sent, readBytes) => {
        const wire: number[][] = [];
        const writer = new MessageWriter({
          write: (bytes) => {
            wire.push([...bytes]);
            return Promise.resolve();
          },
        });
        // Not awaited one by one: calls may overlap.
        await Promise.all(sent.map(([each, size]) => writer.queue(each, new Uint8Array(size).fill(size))));
        await writer.flush();
        const bytes = Uint8Array.from(wire.flat());
        let offset = 0;
        const reader = new MessageReader({
          read: (into) => {
            if (offset === bytes.length) return Promise.resolve(null);
            const part = bytes.subarray(offset, offset + Math.min(readBytes, into.length));
            into.set(part);
            offset += part.length;
            return Promise.resolve(part.length);
          },
        });
        for (const [each, size] of sent) {
          assert.deepEqual(await reader.next(), each);
          const payload = new Uint8Array(size);
          await reader.readFully(payload);
          assert.ok(payload.every((byte) => byte === size % 256));
        }
        assert.equal(await reader.next(), null);
      },
    ),
    { numRuns: 30 },
  );
});
