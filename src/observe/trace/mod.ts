/**
 * Traces over OpenTelemetry's protocol.
 *
 * @module
 */

export { createTracing, type Tracing, type TracingOptions, type TracingStats } from "./tracing.ts";
