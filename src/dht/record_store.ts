/**
 * The records a node keeps for others, bounded in every direction somebody could push: number, bytes, one storing
 * peer, one network, one content.
 *
 * @module
 */

import type { PeerId } from "../crypto/peer_id.ts";
import { networkOf } from "./endpoint_address.ts";
import { FarthestFirst } from "./farthest_first.ts";
import { compareDistance, type NodeId } from "./node_id.ts";
import type { RecordKind, SignedRecord } from "./record.ts";

export interface RecordLimits {
  readonly records: number;
  readonly bytes: number;
  /** Records that one peer may have stored here. */
  readonly perPeer: number;
  /** Records that one public /24 or /48 may have stored here. */
  readonly perNetwork: number;
  /** Providers kept for one content. */
  readonly perKey: number;
}

/** Who handed a record over. */
export interface RecordSource {
  readonly peerId: PeerId;
  readonly address: string;
}

/** `stored`: it is new or newer. `known`: we had it already. `stale`: we have a newer one. `full`: a limit. */
export type StoreOutcome = "stored" | "known" | "stale" | "full";

/** A kept record. */
export interface StoredRecord {
  readonly kind: RecordKind;
  readonly key: NodeId;
  readonly subject: PeerId;
  readonly sequence: number;
  readonly expiresAtS: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whose share of the limits it uses: of the first who stored it. */
  readonly sourcePeer: PeerId;
  readonly sourceNetwork: string | null;
}

export class RecordStore {
  readonly #self: NodeId;
  readonly #limits: RecordLimits;
  readonly #byKey = new Map<string, StoredRecord[]>();
  readonly #perPeer = new Map<string, number>();
  readonly #perNetwork = new Map<string, number>();
  readonly #byDistance: FarthestFirst<StoredRecord>;
  #count = 0;
  #bytes = 0;

  constructor(self: NodeId, limits: RecordLimits) {
    this.#self = self;
    this.#byDistance = new FarthestFirst(self);
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a verified record, if it is news and there is room. */
  put(signed: SignedRecord, source: RecordSource): StoreOutcome {
    const { record, key } = signed;
    const held = this.#byKey.get(slot(record.kind, key)) ?? [];
    const older = held.find((entry) => entry.subject === record.subject);
    if (older !== undefined) {
      if (record.sequence < older.sequence) return "stale";
      if (record.sequence === older.sequence) return sameBytes(older.bytes, signed.bytes) ? "known" : "stale";
    }
    const entry = storedRecord(signed, older ?? quotaOf(source));
    if (!this.#makeRoom(entry, older, held.length)) return "full";
    if (older !== undefined) this.#drop(older);
    this.#add(entry);
    return "stored";
  }

  /** The kept records of a key, those that expire last first. */
  find(kind: RecordKind, key: NodeId, epochMs: number): StoredRecord[] {
    const held = this.#byKey.get(slot(kind, key)) ?? [];
    return held.filter((entry) => entry.expiresAtS * 1000 > epochMs)
      .sort((a, b) => b.expiresAtS - a.expiresAtS);
  }

  /** Forgets what has expired. Returns how many records that was. */
  sweep(epochMs: number): number {
    const expired = [...this.all()].filter((entry) => entry.expiresAtS * 1000 <= epochMs);
    for (const entry of expired) this.#drop(entry);
    return expired.length;
  }

  *all(): Generator<StoredRecord> {
    for (const held of this.#byKey.values()) yield* held;
  }

  /** Makes sure that `entry` fits, if need be by dropping a record that others are closer to than we are. */
  #makeRoom(entry: StoredRecord, older: StoredRecord | undefined, heldForKey: number): boolean {
    const limits = this.#limits;
    if (older === undefined) {
      if (heldForKey >= (entry.kind === "provider" ? limits.perKey : 1)) return false;
      if ((this.#perPeer.get(entry.sourcePeer) ?? 0) >= limits.perPeer) return false;
      const network = entry.sourceNetwork;
      if (network !== null && (this.#perNetwork.get(network) ?? 0) >= limits.perNetwork) return false;
    }
    const extraCount = older === undefined ? 1 : 0;
    const extraBytes = entry.bytes.length - (older?.bytes.length ?? 0);
    while (this.#count + extraCount > limits.records || this.#bytes + extraBytes > limits.bytes) {
      const farthest = this.#byDistance.peek();
      if (farthest === null || farthest === older) return false;
      if (compareDistance(this.#self, farthest.key, entry.key) <= 0) return false;
      this.#drop(farthest);
    }
    return true;
  }

  #add(entry: StoredRecord): void {
    const key = slot(entry.kind, entry.key);
    const held = this.#byKey.get(key);
    if (held === undefined) this.#byKey.set(key, [entry]);
    else held.push(entry);
    this.#byDistance.add(entry);
    this.#account(entry, 1);
  }

  #drop(entry: StoredRecord): void {
    const key = slot(entry.kind, entry.key);
    const held = this.#byKey.get(key)?.filter((other) => other !== entry) ?? [];
    if (held.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, held);
    this.#byDistance.delete(entry);
    this.#account(entry, -1);
  }

  #account(entry: StoredRecord, sign: 1 | -1): void {
    this.#count += sign;
    this.#bytes += sign * entry.bytes.length;
    adjust(this.#perPeer, entry.sourcePeer, sign);
    if (entry.sourceNetwork !== null) adjust(this.#perNetwork, entry.sourceNetwork, sign);
  }
}

interface Quota {
  readonly sourcePeer: PeerId;
  readonly sourceNetwork: string | null;
}

function quotaOf(source: RecordSource): Quota {
  return { sourcePeer: source.peerId, sourceNetwork: networkOf(source.address) };
}

function storedRecord({ key, record, bytes }: SignedRecord, quota: Quota): StoredRecord {
  return {
    kind: record.kind,
    key,
    subject: record.subject,
    sequence: record.sequence,
    expiresAtS: record.expiresAtS,
    bytes,
    sourcePeer: quota.sourcePeer,
    sourceNetwork: quota.sourceNetwork,
  };
}

function adjust(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Peer and provider records live apart even when a content's root equals a peer's point. */
function slot(kind: RecordKind, key: NodeId): string {
  return `${kind}:${key}`;
}
