/**
 * The views of the event stream that a node runs: log, audit trail, intrusion detection.
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
import type { Log } from "../observe/log/mod.ts";
import type { Identity } from "./identity.ts";

export interface ObserversOptions {
  readonly config: Config;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly identity: Identity;
  readonly suite: CipherSuite;
  /** Received datagrams that went no further, since the node started. */
  readonly datagramsDropped: () => number;
}

/** The running views. */
export class Observers {
  readonly log: Log;
  readonly audit: Audit;
  readonly detector: Detector;

  constructor(options: ObserversOptions) {
    const { config, bus, clock, entropy, log, identity, suite, datagramsDropped } = options;
    this.log = log;
    const signer = {
      peerId: identity.peerId,
      sign: (message: Uint8Array) => suite.ed25519Sign(identity.seed, message),
    };
    this.audit = createAudit({ config: config.audit, bus, clock, signer, crypto: suite });
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
    this.log.setLevel(config.logging.level);
    this.detector.configure(config.security, config.transfer.knownPeers);
  }

  get counters(): ObserverCounters {
    return {
      logLines: this.log.stats.linesByLevel,
      auditRecords: this.audit.stats.records,
      auditWriteFailures: this.audit.stats.writeFailures,
      spansExported: 0,
      spansDropped: 0,
      spansFailed: 0,
    };
  }
}
