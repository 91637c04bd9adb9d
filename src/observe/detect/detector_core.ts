/**
 * Intrusion detection as a state machine: events, samples and the time go in; reports and bans come out.
 * It waits for nothing and remembers a fixed amount, whoever attacks.
 *
 * @module
 */

import type { Instant } from "../../clock.ts";
import type { SecurityConfig } from "../../config/config.ts";
import type { PeerId } from "../../crypto/peer_id.ts";
import { AUTHENTICATION_REASONS } from "../error_type.ts";
import type { DetectorName, HandshakeFailed, NodeEvent } from "../events.ts";
import { DETECTORS } from "../events.ts";
import { AllowList } from "./allow_list.ts";
import { AuthFailureDetector } from "./auth_failures.ts";
import { type Ban, type BanCause, BanTable } from "./ban_list.ts";
import type { Finding } from "./detection.ts";
import { DhtFloodDetector } from "./dht_flood.ts";
import { HandshakeFailureDetector } from "./handshake_failures.ts";
import { sourceKeyOf } from "./source_key.ts";
import { TrafficSpikeDetector } from "./traffic_spike.ts";

export interface DetectorCoreOptions {
  readonly config: SecurityConfig;
  /** Peers that are never banned. */
  readonly allowedPeers: readonly PeerId[];
  /** Unpredictable; see `CountMinSketch`. */
  readonly seed: number;
}

/** Cumulative, but for `banned`. */
export interface DetectorStats {
  readonly detections: Readonly<Record<DetectorName, number>>;
  readonly bans: number;
  /** Bans that an allow-listed peer at that address prevented. */
  readonly bansSpared: number;
  /** Sources forgotten for want of room, over all detectors. */
  readonly evictions: number;
  readonly banned: number;
}

export class DetectorCore {
  readonly bans = new BanTable();
  readonly #allowList: AllowList;
  readonly #handshakes = new HandshakeFailureDetector();
  readonly #auth: AuthFailureDetector;
  readonly #dht = new DhtFloodDetector();
  readonly #traffic = new TrafficSpikeDetector();
  readonly #detections = Object.fromEntries(DETECTORS.map((name) => [name, 0])) as Record<
    DetectorName,
    number
  >;
  #config: SecurityConfig;
  #bansTotal = 0;
  #bansSpared = 0;
  #output: NodeEvent[] = [];

  constructor(options: DetectorCoreOptions) {
    this.#config = options.config;
    this.#allowList = new AllowList(options.allowedPeers);
    this.#auth = new AuthFailureDetector(options.seed);
  }

  get stats(): DetectorStats {
    return {
      detections: this.#detections,
      bans: this.#bansTotal,
      bansSpared: this.#bansSpared,
      evictions: this.#handshakes.evictions + this.#auth.evictions + this.#dht.evictions,
      banned: this.bans.size,
    };
  }

  /** Takes new thresholds and names, from the next fact on. */
  configure(config: SecurityConfig, allowedPeers: readonly PeerId[]): void {
    this.#config = config;
    this.#allowList.allow(allowedPeers);
  }

  handleEvent(now: Instant, event: NodeEvent): void {
    this.#allowList.handle(event);
    switch (event.type) {
      case "handshake.started":
        if (event.direction === "inbound") this.#traffic.onHandshakeStarted(now);
        break;
      case "handshake.failed":
        this.#onHandshakeFailed(now, event);
        break;
      case "dht.query.received": {
        const source = sourceKeyOf(event.remoteAddr);
        const finding = this.#dht.onQuery(now, event.peerId, source, this.#config.dhtQueryRate);
        this.#act(now, finding, "dht_flood", event.peerId);
        break;
      }
    }
  }

  /** Takes the count of datagrams dropped since the node started, about once a second. */
  handleSample(now: Instant, datagramsDropped: number): void {
    this.#act(
      now,
      this.#traffic.onSample(now, datagramsDropped, this.#config.trafficSpikeFactor),
      "traffic_spike",
    );
  }

  /** Ends the bans whose time is over. */
  handleTimeout(now: Instant): void {
    for (const ban of this.bans.expire(now)) this.#reportUnbanned(now, ban);
  }

  /** Shuts a source out because a person said so; allow-listed or not. */
  ban(now: Instant, address: string, durationMs: number): void {
    this.#ban(now, address, "operator", durationMs);
  }

  /** Lets a source in again before its time. @returns whether it was banned. */
  unban(now: Instant, address: string): boolean {
    const lifted = this.bans.lift(address);
    if (lifted !== null) this.#reportUnbanned(now, lifted);
    return lifted !== null;
  }

  /** The next event to put on the stream, or null. */
  pollEvent(): NodeEvent | null {
    return this.#output.shift() ?? null;
  }

  #onHandshakeFailed(now: Instant, event: HandshakeFailed): void {
    const source = sourceKeyOf(event.remoteAddr);
    const { handshakeFailureRate, authFailureLimit } = this.#config;
    // Whom we called ourselves is no intruder; his failure is still said.
    const inbound = event.direction === "inbound";
    if (AUTHENTICATION_REASONS.has(event.reason)) {
      const found = this.#auth.onFailure(now, source, event.addressValidated && inbound, authFailureLimit);
      this.#output.push({
        type: "security.authentication_failed",
        remoteAddr: event.remoteAddr,
        reason: event.reason,
        attemptCount: found.attemptCount,
      });
      this.#act(now, found, "auth_failures", event.peerId);
    }
    if (!inbound) return;
    const found = this.#handshakes.onFailure(now, source, event.addressValidated, handshakeFailureRate);
    this.#act(now, found, "handshake_failure_rate", event.peerId);
  }

  #act(now: Instant, { detection, ban }: Finding, detector: DetectorName, peerId?: PeerId): void {
    if (detection !== null) {
      this.#detections[detector]++;
      this.#output.push({ type: "security.detected", ...detection });
    }
    if (ban === null || this.#config.banTimeMs === 0 || this.bans.isBanned(ban)) return;
    if (detector === "dht_flood" && peerId !== undefined && this.#allowList.isAllowed(peerId)) {
      this.#bansSpared++;
    } else if (this.#allowList.covers(ban)) this.#bansSpared++;
    else this.#ban(now, ban, detector, this.#config.banTimeMs);
  }

  #ban(now: Instant, address: string, cause: BanCause, durationMs: number): void {
    const { added, evicted } = this.bans.ban(now, address, cause, durationMs);
    for (const ban of evicted) this.#reportUnbanned(now, ban);
    if (added === null) return;
    this.#bansTotal++;
    this.#output.push({ type: "security.banned", source: added.source, detector: cause, durationMs });
  }

  #reportUnbanned(now: Instant, ban: Ban): void {
    this.#output.push({
      type: "security.unbanned",
      source: ban.source,
      detector: ban.cause,
      durationMs: now - ban.since,
    });
  }
}
