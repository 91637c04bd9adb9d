/**
 * The event stream as metrics: one subscriber that counts.
 *
 * @module
 */

import { errorTypeOf } from "../observe/error_type.ts";
import type {
  HandshakeFailed,
  NodeEvent,
  SessionClosed,
  SessionEstablished,
  TransferCompleted,
  TransferDirection,
  TransferFailed,
} from "../observe/events.ts";
import type { Exemplar, MetricHandles } from "./registry.ts";

/** The trace that an event belongs to, where it is traced. */
export type ExemplarSource = (event: NodeEvent) => Exemplar | null;

/** Counts every event. State is one small record per open session, running transfer and banned source. */
export class EventMetrics {
  readonly #metrics: MetricHandles;
  readonly #exemplarOf: ExemplarSource;
  readonly #peers = { direct: 0, relayed: 0 };
  readonly #pathOf = new Map<number, "direct" | "relayed">();
  readonly #runningTransfers = new Map<string, { direction: TransferDirection; paused: boolean }>();
  readonly #blocked = new Set<string>();

  constructor(metrics: MetricHandles, exemplarOf: ExemplarSource) {
    this.#metrics = metrics;
    this.#exemplarOf = exemplarOf;
    metrics.configReloadSuccessful.set({}, 1);
  }

  /** Takes note of one event. */
  count(event: NodeEvent): void {
    const metrics = this.#metrics;
    const errorType = errorTypeOf(event);
    if (errorType !== null) metrics.errors.inc({ type: errorType });
    switch (event.type) {
      case "handshake.retried":
        return metrics.handshakeRetries.inc({ direction: event.direction });
      case "handshake.failed":
        return this.#handshakeFailed(event);
      case "session.established":
        return this.#sessionEstablished(event);
      case "session.closed":
        return this.#sessionClosed(event);
      case "session.rekeyed":
        return metrics.sessionRekeys.inc({});
      case "session.path_changed":
        return metrics.sessionPathChanges.inc({});
      case "session.replay_burst":
        return metrics.replayBursts.inc({});
      case "transfer.started":
        return this.#transferRuns(event.direction, event.transferId, false);
      case "transfer.paused":
        return this.#transferRuns(event.direction, event.transferId, true);
      case "transfer.resumed":
        return this.#transferRuns(event.direction, event.transferId, false);
      case "transfer.completed":
        return this.#transferCompleted(event);
      case "transfer.failed":
        return this.#transferFailed(event);
      case "transfer.chunk_rejected":
        return metrics.transferChunksRejected.inc({});
      case "dht.lookup.finished":
        metrics.dhtLookups.inc({ result: event.result });
        metrics.dhtLookupDuration.observe({}, event.durationMs / 1000);
        metrics.dhtLookupHops.observe({ result: event.result }, event.hops);
        return metrics.dhtLookupLatency.observe(
          { result: event.result },
          event.durationMs / 1000,
          this.#exemplarOf(event),
        );
      case "dht.rpc.finished":
        return metrics.dhtRpcs.inc({ type: event.rpc, result: event.result });
      case "dht.refused":
        return metrics.dhtRefusals.inc({ what: event.what, reason: event.reason }, event.count ?? 1);
      case "security.detected":
        return metrics.securityEvents.inc({ detector: event.detector });
      case "security.authentication_failed":
        return metrics.authenticationFailures.inc({ reason: event.reason });
      case "security.banned":
        this.#blocked.add(event.source);
        return metrics.sourcesBlocked.set({}, this.#blocked.size);
      case "security.unbanned":
        this.#blocked.delete(event.source);
        return metrics.sourcesBlocked.set({}, this.#blocked.size);
      case "config.reloaded":
        metrics.configReloads.inc({ result: "success" });
        return metrics.configReloadSuccessful.set({}, 1);
      case "config.reload_failed":
        metrics.configReloads.inc({ result: "failure" });
        return metrics.configReloadSuccessful.set({}, 0);
    }
  }

  #handshakeFailed(event: HandshakeFailed): void {
    this.#metrics.sessionsTotal.inc({ result: "failure" });
    this.#metrics.handshakes.inc({ direction: event.direction, result: "failure", reason: event.reason });
  }

  #sessionEstablished(event: SessionEstablished): void {
    const metrics = this.#metrics;
    const seconds = event.handshakeDurationMs / 1000;
    metrics.sessionsTotal.inc({ result: "success" });
    metrics.handshakes.inc({ direction: event.direction, result: "success", reason: "none" });
    metrics.handshakeDuration.observe({}, seconds);
    metrics.handshakeLatency.observe({ direction: event.direction }, seconds, this.#exemplarOf(event));
    this.#pathOf.set(event.sessionId, event.path);
    this.#changePeers(event.path, 1);
  }

  #sessionClosed(event: SessionClosed): void {
    this.#metrics.sessionsClosed.inc({ end: event.end });
    const path = this.#pathOf.get(event.sessionId);
    if (path === undefined) return;
    this.#pathOf.delete(event.sessionId);
    this.#changePeers(path, -1);
  }

  #changePeers(path: "direct" | "relayed", by: number): void {
    this.#peers[path] += by;
    this.#metrics.peers.set({ path }, this.#peers[path]);
  }

  #transferRuns(direction: TransferDirection, transferId: string, paused: boolean): void {
    this.#runningTransfers.set(`${direction} ${transferId}`, { direction, paused });
    this.#setTransfers();
  }

  #transferCompleted(event: TransferCompleted): void {
    const { direction } = event;
    this.#runningTransfers.delete(`${direction} ${event.transferId}`);
    this.#setTransfers();
    this.#metrics.transfers.inc({ direction, result: "success", reason: "none" });
    this.#metrics.transferBytes.inc({ direction }, event.bytesTransferred);
    this.#metrics.transferDuration.observe({ direction }, event.durationMs / 1000, this.#exemplarOf(event));
  }

  #transferFailed(event: TransferFailed): void {
    const { direction } = event;
    this.#runningTransfers.delete(`${direction} ${event.transferId}`);
    this.#setTransfers();
    this.#metrics.transfers.inc({ direction, result: "failure", reason: event.reason });
  }

  #setTransfers(): void {
    const running = { send: 0, receive: 0 };
    for (const { direction, paused } of this.#runningTransfers.values()) if (!paused) running[direction]++;
    this.#metrics.transfersActive.set({}, this.#runningTransfers.size);
    this.#metrics.transfersInProgress.set({ direction: "send" }, running.send);
    this.#metrics.transfersInProgress.set({ direction: "receive" }, running.receive);
  }
}
