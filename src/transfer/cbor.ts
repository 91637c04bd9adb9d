/**
 * Deterministic CBOR (RFC 8949 §4.2.1): one value has exactly one encoding, and only that one is read.
 *
 * Input is measured before anything is built from it: size, depth and number of items are bounded, so hostile
 * bytes cost no more memory than a walk over them.
 *
 * @module
 */

import { decode, encode, rfc8949EncodeOptions } from "cborg";
import { equalBytes } from "../bytes.ts";

/** What the codec carries. Maps are `Map`s: a peer's keys never become property names; numbers are integers. */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | ReadonlyMap<number | string, CborValue>;

/** How much a decoder takes before it refuses. */
export interface CborLimits {
  /** Bytes of the whole encoding. */
  readonly maxBytes: number;
  /** Arrays and maps inside one another. */
  readonly maxDepth: number;
  /** Values in all, counting every array, map, key and element. */
  readonly maxItems: number;
}

/** Enough for every message of the protocol. */
export const MESSAGE_LIMITS: CborLimits = { maxBytes: 65_536, maxDepth: 4, maxItems: 16_384 };

/** Which rule an encoding broke. */
export type CborFault = "truncated" | "too_large" | "too_deep" | "not_canonical" | "unsupported";

/** Bytes that are not one deterministic encoding of a supported value, or exceed a limit. */
export class CborError extends Error {
  override readonly name = "CborError";

  constructor(readonly fault: CborFault, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The deterministic encoding of `value`. */
export function encodeCbor(value: CborValue): Uint8Array<ArrayBuffer> {
  return encode(value, rfc8949EncodeOptions) as Uint8Array<ArrayBuffer>;
}

/**
 * The value that all of `bytes` encode. Byte strings in it are copies.
 *
 * @throws {CborError} on anything but one deterministic encoding within `limits`.
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits = MESSAGE_LIMITS): CborValue {
  measure(bytes, limits);
  let value: CborValue;
  try {
    value = decode(bytes, STRICT);
  } catch (cause) {
    throw new CborError("unsupported", "Cannot decode CBOR: a value has no meaning here", { cause });
  }
  // What re-encodes to the same bytes had the shortest heads, sorted keys and valid UTF-8.
  if (!equalBytes(encodeCbor(value), bytes)) {
    throw new CborError("not_canonical", "Cannot decode CBOR: not the deterministic encoding of its value");
  }
  return value;
}

/**
 * Walks over the heads of all items without recursion, and refuses what the decoder must not meet: too much,
 * too deep, tags, indefinite lengths, lengths longer than the input.
 */
function measure(bytes: Uint8Array, limits: CborLimits): void {
  if (bytes.length > limits.maxBytes) {
    throw new CborError(
      "too_large",
      `Cannot decode CBOR: ${bytes.length} bytes, the limit is ${limits.maxBytes}`,
    );
  }
  // How many items each open array or map still misses; the outermost entry is the input itself.
  const missing = [1];
  let offset = 0;
  let items = 0;
  while (missing.length > 0) {
    const open = missing.length - 1;
    if (missing[open] === 0) {
      missing.pop();
      continue;
    }
    missing[open]--;
    if (++items > limits.maxItems) {
      throw new CborError("too_large", `Cannot decode CBOR: more than ${limits.maxItems} items`);
    }
    const start = offset;
    const head = readHead(bytes, offset);
    offset = head.next;
    if (head.major === MAJOR_BYTES || head.major === MAJOR_TEXT) {
      if (head.argument > bytes.length - offset) throw truncated();
      offset += head.argument;
    } else if (head.major === MAJOR_ARRAY || head.major === MAJOR_MAP) {
      if (missing.length > limits.maxDepth) {
        throw new CborError("too_deep", `Cannot decode CBOR: nested deeper than ${limits.maxDepth}`);
      }
      const children = head.major === MAJOR_MAP ? 2 * head.argument : head.argument;
      // Every item takes at least one byte.
      if (children > bytes.length - offset) throw truncated();
      missing.push(children);
    } else if (head.major === MAJOR_TAG) {
      throw new CborError("unsupported", "Cannot decode CBOR: tags have no meaning here");
    } else if (head.major === MAJOR_SIMPLE && !PLAIN_SIMPLE.has(bytes[start])) {
      throw new CborError(
        "unsupported",
        "Cannot decode CBOR: floats and other simple values have no meaning here",
      );
    }
  }
  if (offset !== bytes.length) {
    throw new CborError(
      "not_canonical",
      `Cannot decode CBOR: ${bytes.length - offset} bytes follow the value`,
    );
  }
}

/** The initial byte and its argument (RFC 8949 §3). */
function readHead(bytes: Uint8Array, offset: number): { major: number; argument: number; next: number } {
  if (offset >= bytes.length) throw truncated();
  const major = bytes[offset] >>> 5;
  const info = bytes[offset] & 0x1f;
  if (info < 24) return { major, argument: info, next: offset + 1 };
  if (info > 27) {
    throw new CborError("not_canonical", "Cannot decode CBOR: indefinite or reserved length");
  }
  const width = 1 << (info - 24);
  if (width > bytes.length - offset - 1) throw truncated();
  let argument = 0;
  for (let i = 1; i <= width; i++) argument = argument * 256 + bytes[offset + i];
  return { major, argument, next: offset + 1 + width };
}

function truncated(): CborError {
  return new CborError("truncated", "Cannot decode CBOR: unexpected end of input");
}

const MAJOR_BYTES = 2;
const MAJOR_TEXT = 3;
const MAJOR_ARRAY = 4;
const MAJOR_MAP = 5;
const MAJOR_TAG = 6;
const MAJOR_SIMPLE = 7;
// The initial bytes of false, true and null.
const PLAIN_SIMPLE: ReadonlySet<number> = new Set([0xf4, 0xf5, 0xf6]);

const STRICT = {
  strict: true,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowBigInt: true,
} as const;
