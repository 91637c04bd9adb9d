import assert from "node:assert/strict";
import fc from "fast-check";
import { DecodeError } from "../../src/wire/decode_error.ts";
import {
  datagramFrameLength,
  encodeAck,
  encodeClose,
  encodeDatagram,
  encodeIntegers,
  encodePathFrame,
  encodeRekey,
  encodeStreamHeader,
  MAX_REKEY_LENGTH,
  streamHeaderLength,
} from "../../src/wire/frame_encoding.ts";
import { FrameType, MAX_ACK_RANGES, MAX_CLOSE_REASON, parseFrames } from "../../src/wire/frames.ts";
import { ByteReader, encodeVarint } from "../../src/wire/varint.ts";
import { RecordingSink } from "./recording_sink.ts";

const ROOM = 4_096;
const integer = fc.maxSafeNat();
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** A frame as values, and how to write it. */
type Sample = { readonly says: unknown[]; readonly write: (out: Uint8Array, at: number) => number };

function integers(name: string, type: number, count: number): fc.Arbitrary<Sample> {
  return fc.array(integer, { minLength: count, maxLength: count }).map((values) => ({
    says: [name, ...values],
    write: (out, at) => encodeIntegers(out, at, type, ...values),
  }));
}

/** Descending, disjoint, non-touching ranges as `[low, high]`. */
const ackRanges = fc.array(fc.tuple(fc.nat(1_000), fc.nat(1_000)), { minLength: 1, maxLength: 40 }).map(
  (steps) => {
    const ascending: [number, number][] = [];
    let next = 0;
    for (const [gap, span] of steps) {
      const low = next + gap;
      ascending.push([low, low + span]);
      next = low + span + 2;
    }
    return ascending.reverse();
  },
);

function rangesToAck(pairs: readonly [number, number][]) {
  return { count: pairs.length, lowAt: (i: number) => pairs[i][0], highAt: (i: number) => pairs[i][1] };
}

const frame: fc.Arbitrary<Sample> = fc.oneof(
  fc.constant<Sample>({ says: ["ping"], write: (out, at) => encodeIntegers(out, at, FrameType.Ping) }),
  integers("reset_stream", FrameType.ResetStream, 3),
  integers("stop_sending", FrameType.StopSending, 2),
  integers("max_data", FrameType.MaxData, 1),
  integers("max_stream_data", FrameType.MaxStreamData, 2),
  integers("max_streams", FrameType.MaxStreams, 1),
  fc.tuple(ackRanges, integer).map(([pairs, delay]): Sample => ({
    says: ["ack", pairs, delay],
    write: (out, at) => encodeAck(out, at, out.length, rangesToAck(pairs), delay),
  })),
  fc.tuple(integer, fc.nat(2 ** 40), fc.uint8Array({ maxLength: 100 }), fc.boolean()).map(
    ([id, offset, data, fin]): Sample => ({
      says: ["stream", id, offset, [...data], fin],
      write: (out, at) => {
        const body = encodeStreamHeader(out, at, id, offset, data.length, fin);
        assert.equal(body - at, streamHeaderLength(id, offset, data.length));
        out.set(data, body);
        return body + data.length;
      },
    }),
  ),
  bytes(8).map((data): Sample => ({
    says: ["path_challenge", [...data]],
    write: (out, at) => encodePathFrame(out, at, FrameType.PathChallenge, data),
  })),
  bytes(8).map((data): Sample => ({
    says: ["path_response", [...data]],
    write: (out, at) => encodePathFrame(out, at, FrameType.PathResponse, data),
  })),
  fc.tuple(fc.nat(2 ** 30 - 1), bytes(32), fc.boolean()).map(([epoch, key, isResponse]): Sample => ({
    says: ["rekey", epoch, [...key], isResponse],
    write: (out, at) => {
      const end = encodeRekey(out, at, epoch, key, isResponse);
      assert.ok(end - at <= MAX_REKEY_LENGTH);
      return end;
    },
  })),
  fc.uint8Array({ maxLength: 200 }).map((payload): Sample => ({
    says: ["datagram", [...payload]],
    write: (out, at) => {
      const end = encodeDatagram(out, at, payload);
      assert.equal(end - at, datagramFrameLength(payload.length));
      return end;
    },
  })),
  fc.tuple(integer, fc.string({ maxLength: 100 })).map(([code, reason]): Sample => ({
    says: ["close", code, reason],
    write: (out, at) => encodeClose(out, at, out.length, code, new TextEncoder().encode(reason)),
  })),
);

Deno.test("frames round-trip, in order, with padding between them", () => {
  fc.assert(fc.property(fc.array(frame, { minLength: 1, maxLength: 5 }), fc.nat(3), (frames, padding) => {
    const out = new Uint8Array(ROOM);
    let at = 0;
    for (const { write } of frames) at = write(out, at) + padding;
    const sink = new RecordingSink();
    const eliciting = parseFrames(new ByteReader().reset(out, 0, at), sink);
    assert.deepEqual(sink.frames, frames.map(({ says }) => says));
    assert.equal(eliciting, frames.some(({ says }) => says[0] !== "ack" && says[0] !== "close"));
  }));
});

Deno.test("a packet cut short anywhere is refused, or ends between two frames", () => {
  fc.assert(
    fc.property(frame, frame, (first, second) => {
      const out = new Uint8Array(ROOM);
      const middle = first.write(out, 0);
      const end = second.write(out, middle);
      for (let cut = 0; cut < end; cut++) {
        // Beyond the cut lie bytes that would complete the frame: reading them would show.
        const parse = () => parseFrames(new ByteReader().reset(out, 0, cut), new RecordingSink());
        if (cut === middle) parse();
        else assert.throws(parse, DecodeError);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("no bytes make the frame parser throw anything but its own error, or report bytes beyond its end", () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.tuple(fc.constantFrom(...Object.values(FrameType)), fc.uint8Array({ maxLength: 80 }))
      .map(([type, rest]) => Uint8Array.of(type, ...rest)),
  );
  fc.assert(
    fc.property(noise, (input) => {
      const sink = new RecordingSink();
      sink.onStream = (_id, _offset, bytes, start, length) => {
        assert.equal(bytes, input);
        assert.ok(start + length <= input.length);
      };
      try {
        parseFrames(new ByteReader().reset(input), sink);
      } catch (error) {
        assert.ok(error instanceof DecodeError, `${error}`);
      }
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("an ACK that must be short keeps its newest ranges", () => {
  fc.assert(fc.property(ackRanges, fc.integer({ min: 0, max: 120 }), (pairs, limit) => {
    const out = new Uint8Array(256).fill(0xee);
    const end = encodeAck(out, 0, limit, rangesToAck(pairs), 7);
    assert.ok(end <= limit || end === 0);
    assert.equal(out[Math.max(end, 0)], 0xee);
    if (end === 0) return;
    const sink = new RecordingSink();
    parseFrames(new ByteReader().reset(out, 0, end), sink);
    const written = sink.frames[0][1] as [number, number][];
    assert.deepEqual(written, pairs.slice(0, written.length));
  }));
});

Deno.test("an ACK may have 256 ranges and no more", () => {
  for (const ranges of [MAX_ACK_RANGES, MAX_ACK_RANGES + 1]) {
    const out = new Uint8Array(ROOM);
    let at = encodeIntegers(out, 0, FrameType.Ack, 1_000, 0, ranges - 1, 0);
    for (let i = 1; i < ranges; i++) at = encodeVarint(0, out, encodeVarint(0, out, at));
    const parse = () => parseFrames(new ByteReader().reset(out, 0, at), new RecordingSink());
    if (ranges === MAX_ACK_RANGES) parse();
    else assert.throws(parse, /257 ranges/);
  }
});

Deno.test("an ACK below packet number 0 is refused", () => {
  const out = new Uint8Array(64);
  for (const values of [[4, 0, 0, 5], [4, 0, 1, 0, 3, 0], [4, 0, 1, 0, 1, 2]]) {
    const end = encodeIntegers(out, 0, FrameType.Ack, ...values);
    assert.throws(
      () => parseFrames(new ByteReader().reset(out, 0, end), new RecordingSink()),
      /below packet number 0/,
    );
  }
});

Deno.test("a stream that would reach past 2^53 - 1 is refused", () => {
  const out = new Uint8Array(64);
  const end = encodeStreamHeader(out, 0, 0, Number.MAX_SAFE_INTEGER, 1, false) + 1;
  assert.throws(
    () => parseFrames(new ByteReader().reset(out, 0, end), new RecordingSink()),
    /Stream offset above/,
  );
});

Deno.test("a packet without frames, an unknown frame and a REKEY of unknown role are refused", () => {
  const parse = (...input: number[]) =>
    parseFrames(new ByteReader().reset(Uint8Array.from(input)), new RecordingSink());
  assert.throws(() => parse(), /without frames/);
  assert.throws(() => parse(0x03), /Unknown frame type 0x03/);
  assert.throws(() => parse(FrameType.Rekey, 1, 2, ...new Array(32).fill(9)), /REKEY role 2/);
});

Deno.test("a CLOSE reason is cut to what a peer will read, and never inside a character", () => {
  const out = new Uint8Array(ROOM);
  const reason = "é".repeat(MAX_CLOSE_REASON);
  for (const limit of [20, 21, 100, 101, ROOM]) {
    const end = encodeClose(out, 0, limit, 7, new TextEncoder().encode(reason));
    assert.ok(end <= limit);
    const sink = new RecordingSink();
    parseFrames(new ByteReader().reset(out, 0, end), sink);
    assert.match(sink.frames[0][2] as string, /^é+$/);
  }
});
