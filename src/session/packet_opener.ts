/**
 * From a sealed packet to an authentic one: key epoch, replay window, AEAD, in that order (cheap before dear).
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import { HEADER_LENGTH, packetNumber } from "../wire/packet.ts";
import type { PacketKeys } from "./packet_keys.ts";
import { ReplayWindow } from "./replay_window.ts";

/** Why a Data packet went no further. */
export type DataDropReason = "malformed" | "epoch" | "replay" | "too_old" | "decrypt";

/** Replayed packets in a row that are reported as a burst. */
const REPLAY_BURST = 64;

export class PacketOpener {
  /** Of the packet opened last: its number, its key epoch mod 4, the length of its frames in bytes. */
  number = 0;
  epochBits = 0;
  bodyLength = 0;
  /** Whether it had the largest number so far. */
  isNewest = false;
  readonly #keys: PacketKeys;
  readonly #onReplayBurst: (packets: number) => void;
  readonly #replay = new ReplayWindow();
  #replays = 0;

  constructor(keys: PacketKeys, onReplayBurst: (packets: number) => void) {
    this.#keys = keys;
    this.#onReplayBurst = onReplayBurst;
  }

  /** Opens `slab[start, start + length)` in place. Returns why not, or null and the facts in the fields. */
  open(now: Instant, slab: Uint8Array, start: number, length: number): DataDropReason | null {
    const epochBits = slab[start + 1] & 3;
    const key = this.#keys.opening(now, epochBits);
    if (key === null) return "epoch";
    const number = packetNumber(slab, start);
    if (number < 0) return "malformed";
    const verdict = this.#replay.check(number);
    if (verdict !== "fresh") {
      if (verdict === "replay" && ++this.#replays % REPLAY_BURST === 0) this.#onReplayBurst(this.#replays);
      return verdict;
    }
    const bodyLength = key.open(number, slab, start, HEADER_LENGTH, length - HEADER_LENGTH);
    if (bodyLength < 0) {
      this.#keys.onForgery();
      return "decrypt";
    }
    this.#replays = 0;
    this.isNewest = number > this.#replay.largest;
    this.#replay.commit(number);
    this.number = number;
    this.epochBits = epochBits;
    this.bodyLength = bodyLength;
    return null;
  }
}
