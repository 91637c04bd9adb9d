/**
 * The OpenTelemetry SDK, put together. Imported only when tracing is on: a node that does not trace does not
 * load any of it.
 *
 * @module
 */

import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-base";
import { BatchQueue, type TraceStats } from "./batch_queue.ts";
import type { SamplerChoice, TraceSettings } from "./environment.ts";
import { OtlpExporter } from "./otlp_exporter.ts";
import { SpanTracker } from "./span_tracker.ts";

export interface OtelOptions {
  readonly settings: TraceSettings;
  /** `service.instance.id`: the peer id. */
  readonly instanceId: string;
  readonly version: string;
  readonly onOutage: (message: string | null) => void;
}

/** Running tracing. */
export interface OtelTracing {
  readonly tracker: SpanTracker;
  readonly stats: TraceStats;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Provider, exporter and queue as `options.settings` says. Registers nothing globally. */
export function openOtel({ settings, instanceId, version, onOutage }: OtelOptions): OtelTracing {
  const queue = new BatchQueue({
    exporter: new OtlpExporter(settings),
    maxQueueSpans: settings.maxQueueSpans,
    maxBatchSpans: settings.maxBatchSpans,
    exportIntervalMs: settings.exportIntervalMs,
    onOutage,
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      "service.version": version,
      "service.instance.id": instanceId,
      "process.pid": Deno.pid,
      "process.runtime.name": "deno",
      "process.runtime.version": Deno.version.deno,
      ...settings.resource,
      "service.name": settings.serviceName,
    }),
    sampler: samplerOf(settings),
    spanProcessors: [queue],
  });
  return {
    tracker: new SpanTracker(provider.getTracer("wraith", version)),
    stats: queue.stats,
    forceFlush: () => queue.forceFlush(),
    shutdown: () => provider.shutdown(),
  };
}

/**
 * A peer's "do not sample" is followed; its "sample" is asked for, not ordered: the ratio decides by the trace
 * id, so two nodes with one ratio keep the same traces and no peer can make us export more than we chose to.
 */
function samplerOf({ sampler, isParentBased }: TraceSettings): Sampler {
  const root = rootSampler(sampler);
  return isParentBased ? new ParentBasedSampler({ root, remoteParentSampled: root }) : root;
}

function rootSampler(choice: SamplerChoice): Sampler {
  switch (choice.kind) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "ratio":
      return new TraceIdRatioBasedSampler(choice.ratio);
  }
}
