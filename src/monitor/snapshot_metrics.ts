/**
 * The node's own counters and short facts as metrics, read at the moment of a scrape.
 *
 * @module
 */

import { DROP_REASONS } from "../session/endpoint_stats.ts";
import process from "node:process";
import { type NodeView, type ObserverCounters } from "./node_view.ts";
import type { MetricHandles } from "./registry.ts";

/** Copies what `view` says now into the registry. Cheap, whatever the number of sessions. */
export function readSnapshot(view: NodeView, metrics: MetricHandles): void {
  readTransport(view, metrics);
  readDht(view, metrics);
  const observers = view.observers?.();
  if (observers) readObservers(observers, metrics);
  const { user, system } = process.cpuUsage();
  metrics.processCpu.follow({}, (user + system) / 1e6);
}

/** Sets what never changes while the node runs. */
export function readFacts(view: NodeView, metrics: MetricHandles): void {
  const { version, revision, runtime, crypto, sockets, startedAtMs } = view.facts;
  metrics.buildInfo.set({ version, revision, runtime, crypto, sockets }, 1);
  metrics.processStart.set({}, startedAtMs / 1000);
}

function readTransport(view: NodeView, metrics: MetricHandles): void {
  const transport = view.transport();
  metrics.sessionsActive.set({ state: "established" }, view.sessionCount());
  metrics.sessionsActive.set({ state: "handshaking" }, transport.halfOpen);
  metrics.bytesSent.follow({}, transport.bytesSent);
  metrics.bytesReceived.follow({}, transport.bytesReceived);
  metrics.packets.follow({ direction: "send" }, transport.packetsSent);
  metrics.packets.follow({ direction: "receive" }, transport.packetsReceived);
  metrics.packetsLost.follow({}, transport.packetsLost);
  metrics.packetsRefused.follow({}, transport.packetsRefused);
  for (const reason of DROP_REASONS) {
    metrics.packetsDropped.follow({ reason }, transport.packetsDropped[reason]);
  }
}

function readDht(view: NodeView, metrics: MetricHandles): void {
  const dht = view.dht();
  metrics.dhtPeers.set({}, dht?.peers ?? 0);
  metrics.dhtStoredValues.set({}, dht?.storedValues ?? 0);
  metrics.dhtStoredBytes.set({}, dht?.storedBytes ?? 0);
}

function readObservers(observers: ObserverCounters, metrics: MetricHandles): void {
  for (const level of ["error", "warn", "info", "debug", "trace"] as const) {
    metrics.logLines.follow({ level }, observers.logLines[level]);
  }
  metrics.logLinesDropped.follow({}, observers.logLinesDropped);
  metrics.logLinesHeldBack.follow({}, observers.logLinesHeldBack);
  metrics.logWriteFailures.follow({}, observers.logWriteFailures);
  metrics.sourcesEvicted.follow({}, observers.sourcesEvicted);
  metrics.bansSpared.follow({}, observers.bansSpared);
  metrics.auditRecords.follow({}, observers.auditRecords);
  metrics.auditRecordsLost.follow({}, observers.auditRecordsLost);
  metrics.auditRecordsHeldBack.follow({}, observers.auditRecordsHeldBack);
  metrics.auditWriteFailures.follow({}, observers.auditWriteFailures);
  metrics.traceSpans.follow({ result: "exported" }, observers.spansExported);
  metrics.traceSpans.follow({ result: "dropped" }, observers.spansDropped);
  metrics.traceSpans.follow({ result: "failed" }, observers.spansFailed);
}
