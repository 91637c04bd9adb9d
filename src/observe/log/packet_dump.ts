/**
 * Packets as debug lines: header fields, and the first bytes as they cross the wire. What crosses the wire is
 * sealed or public; no key is near.
 *
 * @module
 */

import type { Clock, Instant } from "../../clock.ts";
import { toHex } from "../../bytes.ts";
import { HEADER_LENGTH, packetNumber, PacketType, receiverIndex } from "../../wire/packet.ts";
import type { Log } from "./log.ts";

/** Sees a datagram as it crosses the socket: fits the driver's tap. Borrows the bytes until it returns. */
export type PacketDump = (
  direction: "in" | "out",
  remote: { readonly text: string },
  slab: Uint8Array,
  offset: number,
  length: number,
) => void;

/**
 * A dump into `log`. Set it as the driver's tap while {@link Log.isEnabled}("debug"): without it a packet costs
 * nothing. A fast transfer would drown the log, so at most 500 packets a second are written; a line says how
 * many went before it unwritten.
 */
export function packetDump(log: Log, clock: Clock): PacketDump {
  let tokens = PACKETS_PER_SECOND;
  let refilledAt: Instant = clock.now();
  let heldBack = 0;
  return (direction, remote, slab, offset, length) => {
    if (!log.isEnabled("debug")) return;
    const now = clock.now();
    tokens = Math.min(PACKETS_PER_SECOND, tokens + (now - refilledAt) / 1000 * PACKETS_PER_SECOND);
    refilledAt = now;
    if (tokens < 1) {
      heldBack++;
      return;
    }
    tokens--;
    log.diagnose("debug", "packet", direction === "in" ? "Packet received" : "Packet sent", {
      remote_addr: remote.text,
      packet_bytes: length,
      ...headerFields(slab, offset, length),
      packet_hex: toHex(slab.subarray(offset, offset + Math.min(length, DUMPED_BYTES))),
      held_back: heldBack === 0 ? undefined : heldBack,
    });
    heldBack = 0;
  };
}

function headerFields(slab: Uint8Array, offset: number, length: number): {
  readonly packet_type: string;
  readonly receiver_index?: number;
  readonly packet_number?: number;
  readonly key_epoch?: number;
} {
  const packet_type = TYPE_NAMES[slab[offset]] ?? "unknown";
  if (length < HEADER_LENGTH || packet_type === "unknown") return { packet_type };
  const receiver_index = receiverIndex(slab, offset);
  if (packet_type !== "data") return { packet_type, receiver_index };
  // The two low bits: the key epoch modulo 4.
  const key_epoch = slab[offset + 1] & 3;
  return { packet_type, receiver_index, packet_number: packetNumber(slab, offset), key_epoch };
}

const TYPE_NAMES: Readonly<Record<number, string>> = {
  [PacketType.Init]: "init",
  [PacketType.Response]: "response",
  [PacketType.Final]: "final",
  [PacketType.Data]: "data",
  [PacketType.Retry]: "retry",
};

const PACKETS_PER_SECOND = 500;
/** The header and the beginning of the body: enough to find the packet in a capture. */
const DUMPED_BYTES = 64;
