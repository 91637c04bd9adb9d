/**
 * Numbers on the wire that name a cause, and stream types.
 *
 * @module
 */

/** Why a session ends: the code of a CLOSE frame. */
export const CLOSE_CODES = {
  no_error: 0,
  internal_error: 1,
  frame_encoding: 2,
  flow_control: 3,
  stream_limit: 4,
  stream_state: 5,
  final_size: 6,
  protocol_violation: 7,
  not_allowed: 8,
  key_expired: 9,
  aead_limit: 10,
  too_many_sessions: 11,
  shutting_down: 12,
  superseded: 13,
} as const;

export type CloseCode = keyof typeof CLOSE_CODES;

/** The name of a close code; unknown numbers read as `unknown_<number>`. */
export function closeCodeName(code: number): string {
  return CLOSE_NAMES.get(code) ?? `unknown_${code}`;
}

/** Why one stream ends early: the code of RESET_STREAM and STOP_SENDING. */
export const STREAM_CODES = {
  cancelled: 0,
  unknown_type: 1,
  refused: 2,
  malformed: 3,
  limit: 4,
  internal: 5,
} as const;

/** The varint that opens every stream says who speaks on it. */
export const STREAM_TYPES = { transfer: 1, share: 2, relay: 3 } as const;

/** The byte that opens every DATAGRAM frame says whom it is for. */
export const DATAGRAM_TYPES = { dht: 1, rendezvous: 2 } as const;

const CLOSE_NAMES = new Map<number, string>(Object.entries(CLOSE_CODES).map(([name, code]) => [code, name]));
