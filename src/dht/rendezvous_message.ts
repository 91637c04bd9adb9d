/**
 * What peers say to meet through a third: DATAGRAM frames of type 2. docs/dht.md has the layout.
 *
 * @module
 */

import { concatBytes } from "../bytes.ts";
import { identityKeyOf, type PeerId, peerIdOf } from "../crypto/peer_id.ts";
import { DATAGRAM_TYPES } from "../wire/codes.ts";
import { DecodeError } from "../wire/decode_error.ts";
import { ByteReader } from "../wire/varint.ts";
import { decodeAddress, encodeAddress, MAX_ADDRESS_BYTES } from "./endpoint_address.ts";

/** Why an introducer will not introduce. */
export type IntroductionRefusal = typeof INTRODUCTION_REFUSALS[number];
export const INTRODUCTION_REFUSALS = ["unknown_peer", "rate_limited"] as const;

export type RendezvousMessage =
  /** To an introducer: tell `target` and me of each other. */
  | { readonly kind: "introduce"; readonly nonce: number; readonly target: PeerId }
  /** From an introducer, to both: `peer` is at `address`; send there now. `isCaller`: you asked for it. */
  | {
    readonly kind: "meet";
    readonly nonce: number;
    readonly isCaller: boolean;
    readonly peer: PeerId;
    readonly address: string;
  }
  | { readonly kind: "refused"; readonly nonce: number; readonly reason: IntroductionRefusal };

export function encodeRendezvous(message: RendezvousMessage): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(6);
  head[0] = DATAGRAM_TYPES.rendezvous;
  new DataView(head.buffer).setUint32(2, message.nonce);
  switch (message.kind) {
    case "introduce":
      head[1] = INTRODUCE;
      return concatBytes(head, identityKeyOf(message.target));
    case "meet": {
      head[1] = message.isCaller ? MEET_CALLER : MEET_CALLED;
      const address = new Uint8Array(MAX_ADDRESS_BYTES);
      const end = encodeAddress(message.address, address, 0);
      return concatBytes(head, identityKeyOf(message.peer), address.subarray(0, end));
    }
    case "refused":
      head[1] = REFUSED;
      return concatBytes(head, Uint8Array.of(INTRODUCTION_REFUSALS.indexOf(message.reason)));
  }
}

/** @throws {DecodeError} */
export function decodeRendezvous(bytes: Uint8Array): RendezvousMessage {
  const reader = new ByteReader().reset(bytes);
  if (reader.byte() !== DATAGRAM_TYPES.rendezvous) throw new DecodeError("Not a rendezvous message");
  const code = reader.byte();
  const nonce = reader.uint32();
  const message = decodeBody(reader, code, nonce);
  if (reader.remaining > 0) throw new DecodeError("Bytes after a rendezvous message");
  return message;
}

function decodeBody(reader: ByteReader, code: number, nonce: number): RendezvousMessage {
  switch (code) {
    case INTRODUCE:
      return { kind: "introduce", nonce, target: peerIdOf(reader.view(32)) };
    case MEET_CALLER:
    case MEET_CALLED: {
      const peer = peerIdOf(reader.view(32));
      return { kind: "meet", nonce, isCaller: code === MEET_CALLER, peer, address: decodeAddress(reader) };
    }
    case REFUSED: {
      const reason = INTRODUCTION_REFUSALS[reader.byte()];
      if (reason === undefined) throw new DecodeError("Unknown refusal of an introduction");
      return { kind: "refused", nonce, reason };
    }
    default:
      throw new DecodeError(`Unknown rendezvous message ${code}`);
  }
}

const INTRODUCE = 1;
const MEET_CALLER = 2;
const MEET_CALLED = 3;
const REFUSED = 4;
