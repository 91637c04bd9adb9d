/**
 * The views of the event stream that a node runs: log, audit trail, intrusion detection, traces.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import type { Entropy } from "../entropy.ts";
import type { ObserverCounters } from "../monitor/node_view.ts";
import { type Audit, createAudit } from "../observe/audit/mod.ts";
import { createDetector, type Detector } from "../observe/detect/mod.ts";
import type { EventBus } from "../observe/event_bus.ts";
import { type Log, type PacketDump, packetDump } from "../observe/log/mod.ts";
import { createTracing, type Tracing } from "../observe/trace/mod.ts";
import type { DatagramTap } from "./driver.ts";
import type { Identity } from "./identity.ts";
import { LogVerbosity } from "./log_verbosity.ts";

export interface ObserversOptions {
  readonly config: Config;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly identity: Identity;
  readonly suite: CipherSuite;
  /** Whether this process is the one that writes the audit trail: a trail has one writer. */
  readonly isAuditor: boolean;
  readonly version: string;
  /** Received datagrams that went no further, since the node started. */
  readonly datagramsDropped: () => number;
}

/** The running views. */
export class Observers {
  readonly log: Log;
  readonly audit: Audit;
  readonly detector: Detector;
  readonly tracing: Tracing;
  readonly verbosity: LogVerbosity;
  readonly #dump: PacketDump;
  #tapped: Tapped | null = null;

  constructor(options: ObserversOptions) {
    const { config, bus, clock, entropy, log, identity, suite, datagramsDropped } = options;
    this.log = log;
    const signer = {
      peerId: identity.peerId,
      sign: (message: Uint8Array) => suite.ed25519Sign(identity.seed, message),
    };
    const auditConfig = { ...config.audit, enabled: config.audit.enabled && options.isAuditor };
    this.audit = createAudit({ config: auditConfig, bus, clock, signer, crypto: suite });
    this.tracing = createTracing({
      config: config.tracing,
      bus,
      clock,
      peerId: identity.peerId,
      version: options.version,
    });
    log.nameSpans(this.tracing);
    this.#dump = packetDump(log, clock);
    this.verbosity = new LogVerbosity(config.logging.level, clock, (level) => {
      log.setLevel(level);
      this.#tap();
    });
    this.detector = createDetector({
      config: config.security,
      bus,
      clock,
      entropy,
      allowedPeers: config.transfer.knownPeers,
      datagramsDropped,
    });
  }

  /** Opens log and audit again, as SIGHUP asks. */
  async reopen(): Promise<void> {
    await this.log.reopen();
    await this.audit.reopen();
  }

  /** Takes what can change live. */
  configure(config: Config): void {
    this.verbosity.configure(config.logging.level);
    this.detector.configure(config.security, config.transfer.knownPeers);
  }

  /** Dumps the packets of `tapped` while the log's level asks for it. */
  dumpPackets(tapped: Tapped): void {
    this.#tapped = tapped;
    this.#tap();
  }

  /** A capture that holds the tap keeps it. */
  #tap(): void {
    if (this.#tapped === null) return;
    const isWanted = this.log.isEnabled("debug");
    if (isWanted && this.#tapped.tap === null) this.#tapped.tap = this.#dump;
    else if (!isWanted && this.#tapped.tap === this.#dump) this.#tapped.tap = null;
  }

  get counters(): ObserverCounters {
    const spans = this.tracing.stats;
    const log = this.log.stats;
    const audit = this.audit.stats;
    const detector = this.detector.stats;
    return {
      logLines: log.linesByLevel,
      logLinesDropped: log.linesDropped,
      logLinesHeldBack: log.linesHeldBack,
      logWriteFailures: log.writeFailures,
      auditRecords: audit.records,
      auditRecordsLost: audit.lost,
      auditRecordsHeldBack: audit.heldBack,
      auditWriteFailures: audit.writeFailures,
      sourcesEvicted: detector.evictions,
      bansSpared: detector.bansSpared,
      spansExported: spans.exported,
      spansDropped: spans.dropped,
      spansFailed: spans.failed,
    };
  }
}

/** What packets can be seen at: the driver. */
interface Tapped {
  tap: DatagramTap | null;
}
