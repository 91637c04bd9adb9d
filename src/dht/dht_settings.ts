/**
 * The numbers the DHT runs by.
 *
 * @module
 */

import type { BucketLimits } from "./bucket.ts";
import type { FloodLimits } from "./flood_guard.ts";
import type { LookupShape } from "./lookup.ts";
import type { MaintenanceSettings } from "./maintenance.ts";
import type { RecordLimits } from "./record_store.ts";
import type { RpcTimeouts } from "./rpc_book.ts";

/** What may be set; each has a default. */
export interface DhtTuning {
  /** k: peers of a bucket, and copies of a record. */
  readonly replication: number;
  /** alpha: questions of one path at a time. */
  readonly concurrency: number;
  /** d: disjoint paths of a search for values. The simulation's choice, see docs/dht.md. */
  readonly paths: number;
  readonly maxStoredValues: number;
  readonly maxStoredBytes: number;
  /** Questions a second that one peer may ask. */
  readonly queryRate: number;
  readonly republishMs: number;
  readonly refreshMs: number;
  /** A peer unheard for this long is asked for a sign of life. */
  readonly silenceMs: number;
}

/** The same, told apart by who needs them. */
export interface DhtSettings extends DhtTuning {
  readonly bucket: BucketLimits;
  readonly lookup: LookupShape;
  readonly records: RecordLimits;
  readonly flood: FloodLimits;
  readonly timeouts: RpcTimeouts;
  readonly maintenance: MaintenanceSettings;
}

export const DHT_DEFAULTS: DhtTuning = {
  replication: 20,
  concurrency: 3,
  paths: 4,
  maxStoredValues: 65_536,
  maxStoredBytes: 64 * 1024 * 1024,
  queryRate: 50,
  republishMs: 3_600_000,
  refreshMs: 3_600_000,
  silenceMs: 20 * 60_000,
};

/** All settings, from the ones given and the defaults. */
export function dhtSettings(given: Partial<DhtSettings> = {}): DhtSettings {
  const tuning: DhtTuning = { ...DHT_DEFAULTS, ...given };
  const perNetwork = 2;
  return {
    ...tuning,
    bucket: { contacts: tuning.replication, replacements: 8, perNetwork },
    lookup: {
      width: tuning.replication,
      concurrency: tuning.concurrency,
      paths: tuning.paths,
      maxPaths: 2 * tuning.paths,
      perNetwork,
    },
    records: {
      records: tuning.maxStoredValues,
      bytes: tuning.maxStoredBytes,
      perPeer: Math.max(16, Math.floor(tuning.maxStoredValues / 16)),
      perNetwork: Math.max(32, Math.floor(tuning.maxStoredValues / 8)),
      perKey: 100,
    },
    flood: {
      perPeerRate: tuning.queryRate,
      perSourceRate: 4 * tuning.queryRate,
      burstSeconds: 4,
      remembered: 4096,
    },
    timeouts: { slowMs: 400, giveUpMs: 2500 },
    maintenance: {
      refreshMs: tuning.refreshMs,
      silenceMs: tuning.silenceMs,
      retryLostMs: 5 * 60_000,
      paths: tuning.paths,
    },
    ...given,
  };
}
