/**
 * The audit trail: every security-relevant event as a line that cannot be changed, taken out or moved
 * without `wraith audit verify` naming it.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { AuditConfig } from "../../config/config.ts";
import type { PeerId } from "../../crypto/peer_id.ts";
import type { EventBus, EventTime } from "../event_bus.ts";
import type { NodeEvent } from "../events.ts";
import { describe } from "../log/describe.ts";
import { boundedFields } from "../log/format_json.ts";
import { bounded } from "../log/hostile_text.ts";
import { LineWriter } from "../log/line_writer.ts";
import { LineLimiter } from "../log/rate_limit.ts";
import { RotatingFile } from "../log/rotating_file.ts";
import { isAudited } from "./audit_events.ts";
import { signHead, writeHead } from "./head_file.ts";
import {
  type AuditBody,
  type AuditCrypto,
  BEGIN_EVENT,
  type ChainHead,
  CHECKPOINT_EVENT,
  GENESIS,
  sealRecord,
} from "./record.ts";
import { recoverChain } from "./recovery.ts";

/** Whose word a checkpoint is. */
export interface AuditSigner {
  readonly peerId: PeerId;
  /** The Ed25519 signature of `message` under the node's identity. */
  sign(message: Uint8Array): Uint8Array;
}

export interface AuditOptions {
  readonly config: AuditConfig;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly signer: AuditSigner;
  readonly crypto: Pick<AuditCrypto, "sha256">;
  /** Pause before a refused write is tried again, in milliseconds. Default: 500. */
  readonly retryDelayMs?: number;
}

/** Cumulative. `records` is `wraith_audit_records_total`. */
export interface AuditStats {
  readonly records: number;
  readonly checkpoints: number;
  /** Events that found no room while the disk refused. */
  readonly lost: number;
  /** Events of a kind that a peer can cause, beyond their budget; their number is itself recorded. */
  readonly heldBack: number;
  readonly writeFailures: number;
}

/** A node's audit trail. */
export interface Audit {
  /** Reads where the chain left off and begins to record. @throws {Error} one clear line. */
  start(): Promise<void>;
  /** Signs what was recorded and closes the file. Idempotent. */
  stop(): Promise<void>;
  /** Opens the path again, as SIGHUP asks. */
  reopen(): Promise<void>;
  /** Resolves when every record so far is on the disk, or the disk refuses. */
  flush(): Promise<void>;
  /** The last record. Kept somewhere else, it proves that nothing before it was cut off. */
  readonly head: ChainHead;
  readonly stats: AuditStats;
}

/** A trail as `options.config` says; with `enabled = false` it does nothing. */
export function createAudit(options: AuditOptions): Audit {
  return new AuditTrail(options);
}

class AuditTrail implements Audit {
  readonly #options: AuditOptions;
  readonly #file: RotatingFile;
  readonly #writer: LineWriter;
  readonly #limiter = new LineLimiter();
  #head: ChainHead = GENESIS;
  #records = 0;
  #checkpoints = 0;
  #lost = 0;
  #lostUnreported = 0;
  #sinceCheckpoint = 0;
  #savingHead: Promise<void> = Promise.resolve();
  #headFailures = 0;
  #unsubscribe: (() => void) | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(options: AuditOptions) {
    const { config, clock, bus } = options;
    this.#options = options;
    this.#file = new RotatingFile({
      path: config.output,
      clock,
      maxSizeBytes: config.maxSizeBytes,
      maxBackups: config.maxBackups,
      // Evidence is read with the simplest tools.
      compress: false,
      mode: 0o600,
      durable: true,
      onNotice: (message) => bus.emit({ type: "node.notice", severity: "warn", component: "audit", message }),
    });
    this.#writer = new LineWriter({
      output: this.#file,
      clock,
      events: {
        onFailed: (message) => bus.emit({ type: "log.write_failed", output: config.output, message }),
        onResumed: (outageMs, linesDropped) =>
          bus.emit({ type: "log.write_resumed", output: config.output, outageMs, linesDropped }),
      },
      ...(options.retryDelayMs === undefined ? {} : { retryDelayMs: options.retryDelayMs }),
    });
  }

  get head(): ChainHead {
    return this.#head;
  }

  get stats(): AuditStats {
    return {
      records: this.#records,
      checkpoints: this.#checkpoints,
      lost: this.#lost,
      heldBack: this.#limiter.heldBackTotal,
      writeFailures: this.#writer.stats.writeFailures + this.#headFailures,
    };
  }

  async start(): Promise<void> {
    const { config, bus, crypto, signer } = this.#options;
    if (!config.enabled) return;
    try {
      const recovery = await recoverChain(config.output, crypto);
      await this.#writer.open();
      this.#head = recovery.head;
      if (recovery.head === GENESIS) {
        this.#append(
          BEGIN_EVENT,
          recovery.isDamaged ? "Audit trail begun anew: the last record is damaged" : "Audit trail begun",
          {
            peer_id: signer.peerId,
          },
        );
      }
      if (recovery.torn !== null) {
        this.#append("audit.recovered", "A record that a crash left unfinished was cut off", {
          torn_bytes: recovery.torn.bytes,
          torn_sha256: recovery.torn.sha256,
        });
      }
      // Signed at once: a verifier of a young trail knows whose it is.
      this.#checkpoint();
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot open the audit trail ${config.output}: ${cause} (audit.output names it)`, {
        cause: error,
      });
    }
    this.#unsubscribe = bus.subscribe((event, time) => this.#onEvent(event, time));
    this.#timer = setInterval(() => this.#onTimer(), CHECKPOINT_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    if (this.#unsubscribe === null) return;
    this.#unsubscribe();
    this.#unsubscribe = null;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#onTimer();
    await this.#savingHead;
    await this.#writer.close(STOP_LIMIT_MS);
  }

  async reopen(): Promise<void> {
    if (this.#unsubscribe !== null) await this.#writer.reopen();
  }

  async flush(): Promise<void> {
    await this.#writer.flush();
    await this.#savingHead;
  }

  #onEvent(event: NodeEvent, time: EventTime): void {
    // A full disk would otherwise report itself to itself.
    if (event.type === "log.write_failed" && event.output === this.#options.config.output) return;
    if (!isAudited(event) || !this.#limiter.admit(event, time.now)) return;
    const { message, fields } = describe(event);
    this.#append(event.type, message, boundedFields(fields), time);
    if (this.#sinceCheckpoint >= CHECKPOINT_RECORDS) this.#checkpoint();
  }

  #onTimer(): void {
    for (const [event, count] of this.#limiter.takeHeldBack()) {
      this.#append("audit.held_back", "Similar events held back", {
        held_back_event: event,
        held_back: count,
      });
    }
    if (this.#sinceCheckpoint > 0) this.#checkpoint();
  }

  #append(event: string, message: string, fields: Record<string, unknown>, time?: EventTime): void {
    const all = this.#lostUnreported === 0 ? fields : { ...fields, records_lost: this.#lostUnreported };
    const { line, head } = sealRecord(
      this.#body(event, message, all, time),
      this.#head,
      this.#options.crypto,
    );
    if (!this.#writer.write(line, true)) {
      // The chain goes on from the last record that has a place in the file; the loss is told in the next.
      this.#lost++;
      this.#lostUnreported++;
      return;
    }
    this.#lostUnreported = 0;
    this.#head = head;
    this.#records++;
    this.#sinceCheckpoint++;
  }

  #checkpoint(): void {
    const { signer, crypto } = this.#options;
    const body = this.#body(CHECKPOINT_EVENT, "Audit checkpoint", { peer_id: signer.peerId });
    const { line, head } = sealRecord(body, this.#head, crypto, (message) => signer.sign(message));
    if (!this.#writer.write(line, true)) return;
    this.#head = head;
    this.#records++;
    this.#checkpoints++;
    this.#sinceCheckpoint = 0;
    this.#savingHead = this.#savingHead.then(() => this.#saveHead(head));
  }

  /** The head must never be ahead of the trail: it is written when the checkpoint is on the disk. */
  async #saveHead(head: ChainHead): Promise<void> {
    const { config, signer } = this.#options;
    await this.#writer.flush();
    if (this.#writer.stats.queuedChars > 0) return;
    try {
      await writeHead(
        config.output,
        signHead(head.seq, head.hash, signer.peerId, (message) => signer.sign(message)),
      );
    } catch {
      // The head stays behind; verification says less, and the count shows it.
      this.#headFailures++;
    }
  }

  #body(event: string, message: string, fields: Record<string, unknown>, time?: EventTime): AuditBody {
    const epochMs = time?.epochMs ?? this.#options.clock.epochMs();
    return { timestamp: new Date(epochMs).toISOString(), event, message: bounded(message, 1024), fields };
  }
}

/** What a crash or a cut can take away unsigned. */
const CHECKPOINT_RECORDS = 100;
const CHECKPOINT_INTERVAL_MS = 10_000;
const STOP_LIMIT_MS = 2000;
