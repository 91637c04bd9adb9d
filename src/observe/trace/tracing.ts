/**
 * Tracing as a view of the event stream: off, it costs nothing and loads nothing; on, it turns events into
 * spans and exports them over OTLP/HTTP.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { TracingConfig } from "../../config/config.ts";
import type { PeerId } from "../../crypto/peer_id.ts";
import type { EventBus } from "../event_bus.ts";
import type { NodeEvent } from "../events.ts";
import { traceSettings } from "./environment.ts";

export interface TracingOptions {
  readonly config: TracingConfig;
  readonly bus: EventBus;
  readonly clock: Clock;
  /** This node: `service.instance.id`. */
  readonly peerId: PeerId;
  readonly version: string;
  /** Reads one OTEL_* variable. Default: the process's environment. */
  readonly environment?: (name: string) => string | undefined;
}

/** What became of ended spans: `wraith_trace_spans_total{result}`; `queued` is a gauge. */
export interface TracingStats {
  readonly exported: number;
  readonly failed: number;
  readonly dropped: number;
  readonly queued: number;
}

/** A node's tracing. Fits as transfer's `TraceContext` and as the log's `SpanLookup`. */
export interface Tracing {
  /** Loads the SDK and subscribes, if tracing is on. */
  start(): Promise<void>;
  /** Exports what waits (for at most two seconds). Idempotent. */
  stop(): Promise<void>;
  /** Exports what waits now. */
  flush(): Promise<void>;
  readonly isOn: boolean;
  /** The trace and span of an event that is just being told. */
  spanOf(event: NodeEvent): { readonly traceId: string; readonly spanId: string } | undefined;
  /** The W3C `traceparent` for the OFFER of an outgoing transfer; null while tracing is off. */
  traceparentFor(transferId: string): string | null;
  /** Whether a peer's trace context is taken over: whenever tracing is on, for it decides nothing but ids. */
  accepts(peerId: PeerId): boolean;
  readonly stats: TracingStats;
}

/** Tracing as `options.config` and the OTEL_* variables say. */
export function createTracing(options: TracingOptions): Tracing {
  const { bus, clock } = options;
  const settings = traceSettings(options.config, options.environment ?? ((name) => Deno.env.get(name)));
  let otel: import("./otel.ts").OtelTracing | null = null;
  let unsubscribe: (() => void) | null = null;

  const timeNow = () => ({ now: clock.now(), epochMs: clock.epochMs() });
  const notice = (severity: "info" | "warn", message: string) =>
    bus.emit({ type: "node.notice", severity, component: "tracing", message });
  const onOutage = (message: string | null) => {
    if (message === null) notice("info", `Traces reach ${settings.url} again`);
    else notice("warn", `Cannot export traces to ${settings.url}: ${message}`);
  };

  return {
    async start() {
      if (!settings.isEnabled || otel !== null) return;
      for (const warning of settings.warnings) notice("warn", warning);
      const { openOtel } = await import("./otel.ts");
      otel = openOtel({ settings, instanceId: options.peerId, version: options.version, onOutage });
      const { tracker } = otel;
      unsubscribe = bus.subscribe((event, time) => tracker.handle(event, time));
    },
    async stop() {
      unsubscribe?.();
      unsubscribe = null;
      if (otel === null) return;
      otel.tracker.endAll(timeNow());
      let timer: ReturnType<typeof setTimeout> | undefined;
      const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, STOP_LIMIT_MS));
      await Promise.race([otel.shutdown(), limit]);
      clearTimeout(timer);
    },
    async flush() {
      await otel?.forceFlush();
    },
    get isOn() {
      return otel !== null;
    },
    spanOf: (event) => otel?.tracker.spanOf(event, timeNow()),
    traceparentFor: (transferId) => otel?.tracker.traceparentFor(transferId, timeNow()) ?? null,
    accepts: () => otel !== null,
    get stats() {
      return otel?.stats ?? NOTHING_TRACED;
    },
  };
}

const NOTHING_TRACED: TracingStats = { exported: 0, failed: 0, dropped: 0, queued: 0 };
const STOP_LIMIT_MS = 2000;
