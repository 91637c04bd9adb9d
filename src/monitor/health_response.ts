/**
 * A health report as HTTP: small JSON, or health+json (draft-inadarei-api-health-check-06) for who asks.
 *
 * @module
 */

import type { HealthReport } from "./health.ts";
import { accepts } from "./negotiation.ts";
import type { NodeView } from "./node_view.ts";

export const HEALTH_JSON = "application/health+json";

/** 200 or 503 with the report; every detail with `?verbose` or `Accept: application/health+json`. */
export function healthResponse(
  request: Request,
  report: HealthReport,
  view: NodeView,
  uptimeMs: number,
): Response {
  const verbose = new URL(request.url).searchParams.has("verbose") ||
    accepts(request.headers.get("accept"), HEALTH_JSON);
  const body = verbose ? detailedBody(report, view) : briefBody(report, view, uptimeMs);
  return new Response(JSON.stringify(body) + "\n", {
    status: report.ok ? 200 : 503,
    headers: { "content-type": verbose ? HEALTH_JSON : "application/json" },
  });
}

function briefBody(report: HealthReport, view: NodeView, uptimeMs: number): unknown {
  return {
    status: report.ok ? "ok" : "unavailable",
    reason: report.reason,
    // Whoever probes a port can tell this node from something else that answers there.
    service: "wraith",
    version: view.facts.version,
    listen: view.facts.listen,
    uptime_seconds: Math.max(0, Math.floor(uptimeMs / 1000)),
    ...(report.checks.length > 0 ? { checks: report.checks.map(briefCheck) } : {}),
  };
}

function briefCheck(check: HealthReport["checks"][number]): unknown {
  return {
    name: check.name,
    passing: check.passing,
    reason: check.reason,
    observed: check.observed,
    last_success: check.lastSuccessMs === null ? null : new Date(check.lastSuccessMs).toISOString(),
  };
}

function detailedBody(report: HealthReport, view: NodeView): unknown {
  const checks = report.checks.map((check) => [`wraith:${check.name}`, [{
    componentType: "component",
    status: check.passing ? "pass" : "fail",
    output: check.reason,
    ...(check.observed === null ? {} : { observedValue: check.observed, observedUnit: "peers" }),
    ...(check.lastSuccessMs === null ? {} : { time: new Date(check.lastSuccessMs).toISOString() }),
  }]]);
  return {
    status: report.ok ? "pass" : "fail",
    version: view.facts.version.split(".")[0],
    releaseId: view.facts.version,
    serviceId: view.facts.peerId,
    description: "WRAITH node",
    output: report.ok ? "" : report.reason,
    checks: Object.fromEntries(checks),
  };
}
