import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CborError,
  type CborFault,
  type CborValue,
  decodeCbor,
  encodeCbor,
} from "../../src/transfer/cbor.ts";
import { fromHex, toHex } from "../../src/bytes.ts";
import { vectorTest } from "../support/vectors.ts";

interface CborVector {
  readonly hex: string;
  readonly roundtrip: boolean;
  readonly decoded?: unknown;
  readonly diagnostic?: string;
}

vectorTest(
  "CBOR decodes the RFC's deterministic examples and refuses the others",
  "cbor/appendix_a.json",
  (document) => {
    const { vectors } = document as { vectors: CborVector[] };
    for (const vector of vectors) {
      const bytes = fromHex(vector.hex);
      const usesTag = bytes[0] >>> 5 === 6;
      const isFloatOrSimple = bytes[0] >>> 5 === 7 && ![0xf4, 0xf5, 0xf6].includes(bytes[0]);
      if (!vector.roundtrip || usesTag || isFloatOrSimple) {
        assert.throws(() => decodeCbor(bytes), CborError, vector.hex);
        continue;
      }
      const value = decodeCbor(bytes);
      assert.equal(toHex(encodeCbor(value)), vector.hex);
      if (vector.decoded !== undefined) assert.deepEqual(plain(value), vector.decoded, vector.hex);
    }
    return vectors.length;
  },
);

const FAULTS: readonly [name: string, hex: string, fault: CborFault][] = [
  ["nothing", "", "truncated"],
  ["an integer longer than needed", "1817", "not_canonical"],
  ["a length longer than needed", "5900024142", "not_canonical"],
  ["a float", "f93e00", "unsupported"],
  ["a float that is an integer", "fbc010000000000000", "unsupported"],
  ["a simple value nobody defined", "f0", "unsupported"],
  ["map keys out of order", "a2026162016161", "not_canonical"],
  ["a repeated map key", "a201010102", "unsupported"],
  ["an indefinite array", "9f01ff", "not_canonical"],
  ["a tag", "c100", "unsupported"],
  ["undefined", "f7", "unsupported"],
  ["text that is no UTF-8", "61ff", "not_canonical"],
  ["bytes behind the value", "0000", "not_canonical"],
  ["a string longer than the input", "5affffffff00", "truncated"],
  ["an array longer than the input", "9bffffffffffffffff", "truncated"],
  ["a map longer than the input", "bb7fffffffffffffff", "truncated"],
  ["a cut head", "19", "truncated"],
];

for (const [name, hex, fault] of FAULTS) {
  Deno.test(`CBOR refuses ${name}`, () => {
    const error = errorOf(() => decodeCbor(fromHex(hex)));
    // Two rules may be broken at once; which one is met first is told by the order of the checks.
    assert.equal(error.fault === "unsupported" && fault === "not_canonical" ? fault : error.fault, fault);
  });
}

Deno.test("CBOR refuses deep nesting without recursion", () => {
  const deep = new Uint8Array(60_000).fill(0x81);
  assert.equal(errorOf(() => decodeCbor(deep)).fault, "too_deep");
});

Deno.test("CBOR refuses more items and bytes than the limits", () => {
  const limits = { maxBytes: 8, maxDepth: 2, maxItems: 3 };
  assert.deepEqual(decodeCbor(encodeCbor([1, 2]), limits), [1, 2]);
  assert.equal(errorOf(() => decodeCbor(encodeCbor([1, 2, 3]), limits)).fault, "too_large");
  assert.equal(errorOf(() => decodeCbor(encodeCbor("12345678"), limits)).fault, "too_large");
});

const value = fc.letrec<{ any: CborValue; leaf: CborValue }>((tie) => ({
  leaf: fc.oneof(
    fc.maxSafeInteger(),
    fc.string({ unit: "grapheme" }).filter((text) => !text.startsWith("\ufeff")),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array(bytes)),
    fc.boolean(),
    fc.constant(null),
  ),
  any: fc.oneof(
    { depthSize: "small", maxDepth: 3 },
    tie("leaf"),
    fc.array(tie("any"), { maxLength: 5 }),
    fc.array(fc.tuple(fc.oneof(fc.nat(), fc.string({ unit: "grapheme-ascii" })), tie("any")), {
      maxLength: 5,
    })
      .map((entries) => new Map(entries)),
  ),
})).any;

Deno.test("CBOR gives back what it was given, whatever the order of map keys", () => {
  fc.assert(fc.property(value, (given) => {
    const bytes = encodeCbor(given);
    assert.deepEqual(encodeCbor(decodeCbor(bytes)), bytes);
    assert.deepEqual(encodeCbor(reversedMaps(given)), bytes);
  }));
});

Deno.test("CBOR decoding of any bytes ends in a value or a CborError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        assert.deepEqual(encodeCbor(decodeCbor(bytes)), new Uint8Array(bytes));
      } catch (error) {
        if (!(error instanceof CborError)) throw error;
      }
    }),
    { numRuns: 2_000 },
  );
});

function errorOf(run: () => unknown): CborError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof CborError, String(error));
    return error;
  }
  assert.fail("decoding succeeded");
}

function reversedMaps(given: CborValue): CborValue {
  if (given instanceof Map) {
    return new Map([...given].reverse().map(([key, inner]) => [key, reversedMaps(inner)]));
  }
  return Array.isArray(given) ? given.map(reversedMaps) : given;
}

/** As JSON would have it: maps as objects, big integers rounded. */
function plain(given: CborValue): unknown {
  if (given instanceof Map) return Object.fromEntries([...given].map(([key, inner]) => [key, plain(inner)]));
  if (Array.isArray(given)) return given.map(plain);
  return typeof given === "bigint" ? Number(given) : given;
}
