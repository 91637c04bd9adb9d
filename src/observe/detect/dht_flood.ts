/**
 * Detector `dht_flood`: one peer that asks more of the DHT than any lookup needs.
 *
 * Formula: queries of one peer in the last 10 s / 10 > `security.dht_query_rate`. The peer is authenticated,
 * so its address is real.
 *
 * @module
 */

import type { Instant } from "../../clock.ts";
import type { PeerId } from "../../crypto/peer_id.ts";
import { Alarm } from "./alarm.ts";
import { BoundedMap } from "./bounded_map.ts";
import { type Finding, NOTHING_FOUND } from "./detection.ts";
import { SlidingCount } from "./sliding_count.ts";

interface PeerRecord {
  readonly count: SlidingCount;
  readonly alarm: Alarm;
}

export class DhtFloodDetector {
  readonly #peers = new BoundedMap<PeerId, PeerRecord>(MAX_PEERS);

  /** Peers forgotten for want of room. */
  get evictions(): number {
    return this.#peers.evictions;
  }

  /** One query arrived. `thresholdPerSecond` is `security.dht_query_rate`. */
  onQuery(now: Instant, peerId: PeerId, source: string, thresholdPerSecond: number): Finding {
    const record = this.#peers.take(peerId, newRecord);
    record.count.add(now);
    const ratePerSecond = record.count.total(now) / WINDOW_SECONDS;
    const report = record.alarm.update(now, ratePerSecond, thresholdPerSecond);
    if (!report) return record.alarm.isRaised ? { detection: null, ban: source } : NOTHING_FOUND;
    return {
      detection: {
        detector: "dht_flood",
        source,
        observed: ratePerSecond,
        threshold: thresholdPerSecond,
        detail: `DHT queries per second over ${WINDOW_SECONDS} s by ${peerId}`,
      },
      ban: source,
    };
  }
}

function newRecord(): PeerRecord {
  return { count: new SlidingCount(WINDOW_MS), alarm: new Alarm() };
}

const WINDOW_MS = 10_000;
const WINDOW_SECONDS = WINDOW_MS / 1000;
const MAX_PEERS = 4096;
