/**
 * What each side tells the other once, inside the encrypted handshake payloads: identity and limits.
 *
 * ```text
 * payload    = identity public key (32) || signature of the static key (64) || parameter...
 * parameter  = id varint || length varint || value
 * ```
 *
 * @module
 */

import { DecodeError } from "./decode_error.ts";
import { wholeCharacters } from "./utf8.ts";
import { ByteReader, encodeVarint, varintLength } from "./varint.ts";

/** One side's limits and facts. Sizes in bytes, times in milliseconds. */
export interface TransportParameters {
  /** The sender's session index, 1 to 2^32 - 1: the authenticated copy of what the headers carry. */
  readonly index: number;
  /** Largest datagram this side will take: 1200 to 65,535. */
  readonly maxDatagramBytes: number;
  readonly initialMaxData: number;
  readonly initialMaxStreamData: number;
  /** How many streams the other side may open, in all, before a MAX_STREAMS. */
  readonly initialMaxStreams: number;
  readonly idleTimeoutMs: number;
  readonly maxAckDelayMs: number;
  /** Free text naming the software, at most {@link MAX_AGENT_LENGTH} bytes. */
  readonly agent: string;
}

/** The encrypted payload of Response and Final. */
export interface HandshakePayload {
  readonly identityKey: Uint8Array;
  readonly staticKeySignature: Uint8Array;
  readonly parameters: TransportParameters;
}

export const MAX_AGENT_LENGTH = 64;
/** No payload of ours is longer: both handshake messages stay well below 1200 bytes. */
export const MAX_PAYLOAD_LENGTH = 512;

const ParameterId = {
  maxDatagram: 1,
  initialMaxData: 2,
  initialMaxStreamData: 3,
  initialMaxStreams: 4,
  idleTimeoutMs: 5,
  maxAckDelayMs: 6,
  agent: 7,
  index: 8,
} as const;

/** Encodes `payload` into a new array. */
export function encodeHandshakePayload(payload: HandshakePayload): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(MAX_PAYLOAD_LENGTH);
  out.set(payload.identityKey, 0);
  out.set(payload.staticKeySignature, 32);
  const { parameters } = payload;
  let at = 96;
  at = writeInteger(out, at, ParameterId.maxDatagram, parameters.maxDatagramBytes);
  at = writeInteger(out, at, ParameterId.initialMaxData, parameters.initialMaxData);
  at = writeInteger(out, at, ParameterId.initialMaxStreamData, parameters.initialMaxStreamData);
  at = writeInteger(out, at, ParameterId.initialMaxStreams, parameters.initialMaxStreams);
  at = writeInteger(out, at, ParameterId.idleTimeoutMs, parameters.idleTimeoutMs);
  at = writeInteger(out, at, ParameterId.maxAckDelayMs, parameters.maxAckDelayMs);
  at = writeInteger(out, at, ParameterId.index, parameters.index);
  const text = new TextEncoder().encode(parameters.agent);
  const agent = text.subarray(0, wholeCharacters(text, MAX_AGENT_LENGTH));
  at = encodeVarint(ParameterId.agent, out, at);
  at = encodeVarint(agent.length, out, at);
  out.set(agent, at);
  return out.slice(0, at + agent.length);
}

/**
 * Decodes a payload. Unknown parameters are passed over; absent ones take the defaults below.
 *
 * @throws {DecodeError} when cut short, when a parameter appears twice or lies outside its range, and when
 * the index is missing.
 */
export function decodeHandshakePayload(bytes: Uint8Array): HandshakePayload {
  const reader = new ByteReader().reset(bytes);
  const identityKey = reader.view(32).slice();
  const staticKeySignature = reader.view(64).slice();
  const parameters = { ...DEFAULTS };
  const seen = new Set<number>();
  while (reader.remaining > 0) {
    const id = reader.varint();
    const value = reader.view(reader.varint());
    if (seen.has(id)) throw new DecodeError(`Transport parameter ${id} appears twice`);
    seen.add(id);
    applyParameter(parameters, id, value);
  }
  if (parameters.index === 0) throw new DecodeError("Transport parameters without a session index");
  return { identityKey, staticKeySignature, parameters };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function applyParameter(parameters: Mutable<TransportParameters>, id: number, value: Uint8Array): void {
  switch (id) {
    case ParameterId.maxDatagram:
      parameters.maxDatagramBytes = integerIn(value, id, 1200, 65_535);
      return;
    case ParameterId.initialMaxData:
      parameters.initialMaxData = integerIn(value, id, 0, Number.MAX_SAFE_INTEGER);
      return;
    case ParameterId.initialMaxStreamData:
      parameters.initialMaxStreamData = integerIn(value, id, 0, Number.MAX_SAFE_INTEGER);
      return;
    case ParameterId.initialMaxStreams:
      parameters.initialMaxStreams = integerIn(value, id, 0, 1 << 30);
      return;
    case ParameterId.idleTimeoutMs:
      parameters.idleTimeoutMs = integerIn(value, id, 1_000, 86_400_000);
      return;
    case ParameterId.maxAckDelayMs:
      parameters.maxAckDelayMs = integerIn(value, id, 0, 16_384);
      return;
    case ParameterId.index:
      parameters.index = integerIn(value, id, 1, 0xffff_ffff);
      return;
    case ParameterId.agent:
      if (value.length > MAX_AGENT_LENGTH) throw new DecodeError(`Agent of ${value.length} bytes`);
      parameters.agent = new TextDecoder().decode(value);
      return;
  }
}

function integerIn(value: Uint8Array, id: number, min: number, max: number): number {
  const reader = new ByteReader().reset(value);
  const number = reader.varint();
  if (reader.remaining > 0) throw new DecodeError(`Transport parameter ${id} has trailing bytes`);
  if (number < min || number > max) {
    throw new DecodeError(`Transport parameter ${id} must be between ${min} and ${max}, got ${number}`);
  }
  return number;
}

function writeInteger(out: Uint8Array, at: number, id: number, value: number): number {
  at = encodeVarint(id, out, at);
  at = encodeVarint(varintLength(value), out, at);
  return encodeVarint(value, out, at);
}

const DEFAULTS: TransportParameters = {
  index: 0,
  maxDatagramBytes: 1200,
  initialMaxData: 0,
  initialMaxStreamData: 0,
  initialMaxStreams: 0,
  idleTimeoutMs: 60_000,
  maxAckDelayMs: 25,
  agent: "",
};
