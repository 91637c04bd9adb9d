/**
 * The edge of intrusion detection: the event stream, the clock, and one timer around the core.
 *
 * @module
 */

import type { Clock, Instant } from "../../clock.ts";
import type { SecurityConfig } from "../../config/config.ts";
import type { PeerId } from "../../crypto/peer_id.ts";
import { type Entropy, randomBytes } from "../../entropy.ts";
import type { EventBus } from "../event_bus.ts";
import type { Ban, BanList } from "./ban_list.ts";
import { DetectorCore, type DetectorStats } from "./detector_core.ts";

export interface DetectorOptions {
  readonly config: SecurityConfig;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Peers that are never banned: `transfer.known_peers`. */
  readonly allowedPeers: readonly PeerId[];
  /** Received datagrams that went no further, since the node started. Read once a second. */
  readonly datagramsDropped: () => number;
}

/** A running detector. */
export interface Detector {
  /** What the endpoint asks before it looks at a datagram from outside a session. */
  readonly bans: BanList;
  /**
   * Subscribes. Start it after log and metrics, so that what it finds is reported behind the event that
   * showed it.
   */
  start(): void;
  stop(): void;
  /** New thresholds and names, live. */
  configure(config: SecurityConfig, allowedPeers: readonly PeerId[]): void;
  /** For the control API. Sources are addresses, with or without port. */
  ban(address: string, durationMs: number): void;
  unban(address: string): boolean;
  listBans(): readonly (Ban & { readonly remainingMs: number })[];
  readonly stats: DetectorStats;
}

/** A detector as `options.config` says; `banTimeMs` 0 detects and reports only. */
export function createDetector(options: DetectorOptions): Detector {
  const { bus, clock } = options;
  const seed = new DataView(randomBytes(options.entropy, 4).buffer).getUint32(0);
  const core = new DetectorCore({ config: options.config, allowedPeers: options.allowedPeers, seed });
  let unsubscribe: (() => void) | null = null;
  let timer: ReturnType<typeof setInterval> | null = null;

  const turn = (input: (now: Instant) => void) => {
    input(clock.now());
    for (let event = core.pollEvent(); event !== null; event = core.pollEvent()) bus.emit(event);
  };

  return {
    bans: core.bans,
    start() {
      if (unsubscribe !== null) return;
      unsubscribe = bus.subscribe((event, time) => {
        core.handleEvent(time.now, event);
        turn(() => {});
      });
      timer = setInterval(() => {
        turn((now) => {
          core.handleTimeout(now);
          core.handleSample(now, options.datagramsDropped());
        });
      }, SAMPLE_INTERVAL_MS);
    },
    stop() {
      unsubscribe?.();
      unsubscribe = null;
      if (timer !== null) clearInterval(timer);
      timer = null;
    },
    configure: (config, allowedPeers) => core.configure(config, allowedPeers),
    ban: (address, durationMs) => turn((now) => core.ban(now, address, durationMs)),
    unban(address) {
      let lifted = false;
      turn((now) => lifted = core.unban(now, address));
      return lifted;
    },
    listBans() {
      const now = clock.now();
      return core.bans.list().map((ban) => ({ ...ban, remainingMs: Math.max(0, ban.until - now) }));
    },
    get stats() {
      return core.stats;
    },
  };
}

const SAMPLE_INTERVAL_MS = 1000;
