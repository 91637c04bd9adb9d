/**
 * Control routes that say how the node is, and that reload or stop it.
 *
 * @module
 */

import type { HealthReport } from "../monitor/health.ts";
import { metricsDocument } from "../monitor/metrics_document.ts";
import type { Monitor } from "../monitor/monitor.ts";
import type { NodeView, SessionView } from "../monitor/node_view.ts";
import type { EmitEvent } from "../observe/events.ts";
import { ControlError, type ControlRoute } from "./control_server.ts";
import type { ReloadOutcome } from "./reload.ts";

/** `GET /v1/status`. Field names are stable. */
export interface StatusDocument {
  readonly peer_id: string;
  readonly nickname: string;
  readonly listen: string;
  readonly version: string;
  readonly revision: string;
  readonly runtime: string;
  readonly crypto: string;
  readonly sockets: string;
  readonly phase: NodeView["phase"];
  readonly pid: number;
  readonly started_at: string;
  readonly monitoring_url: string | null;
  readonly sessions: number;
}

/** `GET /v1/sessions`. */
export interface SessionsDocument {
  readonly sessions: readonly SessionDocument[];
}

/** One established session. */
export interface SessionDocument {
  readonly session_id: number;
  readonly peer_id: string;
  readonly remote_addr: string;
  readonly direction: "inbound" | "outbound";
  readonly path: "direct" | "relayed";
  readonly agent: string;
  readonly established_at: string;
  readonly rtt_ms: number;
  readonly congestion_window_bytes: number;
  readonly bytes_in_flight: number;
  readonly datagram_bytes: number;
  readonly bytes_sent: number;
  readonly bytes_received: number;
  readonly packets_lost: number;
  readonly open_streams: number;
  readonly key_epoch: number;
}

/** `GET /v1/health` and `GET /v1/ready`. */
export interface HealthDocument {
  readonly ok: boolean;
  readonly reason: string;
  readonly listen: string;
  readonly dht_peers: number | null;
  readonly checks: readonly { readonly name: string; readonly passing: boolean; readonly reason: string }[];
}

/** What the routes ask and tell the node. */
export interface StatusSource {
  readonly view: NodeView;
  readonly monitor: Monitor;
  reload(): Promise<ReloadOutcome>;
  /** Begins to stop; the answer still leaves. */
  stop(cause: string): void;
}

export function statusRoutes(source: StatusSource, emit: EmitEvent): ControlRoute[] {
  const { view, monitor } = source;
  return [
    { method: "GET", path: "/v1/status", handle: () => Response.json(statusDocument(source)) },
    {
      method: "GET",
      path: "/v1/sessions",
      handle: ({ query }) => {
        const sessions = view.sessions(limitOf(query)).map(sessionDocument);
        return Response.json({ sessions } satisfies SessionsDocument);
      },
    },
    {
      method: "GET",
      path: "/v1/metrics",
      handle: async ({ query }) =>
        query.get("format") === "json"
          ? new Response(`${JSON.stringify(metricsDocument(await monitor.collect()))}\n`, {
            headers: { "content-type": "application/json" },
          })
          : new Response(await monitor.render()),
    },
    {
      method: "GET",
      path: "/v1/health",
      handle: () => Response.json(healthDocument(monitor.health.live(), view)),
    },
    {
      method: "GET",
      path: "/v1/ready",
      handle: () => Response.json(healthDocument(monitor.health.ready(), view)),
    },
    {
      method: "POST",
      path: "/v1/reload",
      handle: async () => {
        const outcome = await source.reload();
        emit({
          type: "control.action",
          action: "reload",
          outcome: outcome.error === null ? "success" : "failure",
        });
        return Response.json(outcome);
      },
    },
    {
      method: "POST",
      path: "/v1/stop",
      handle: () => {
        emit({ type: "control.action", action: "stop", outcome: "success" });
        source.stop("control");
        return Response.json({ stopping: true });
      },
    },
  ];
}

function statusDocument({ view, monitor }: StatusSource): StatusDocument {
  const { facts } = view;
  return {
    peer_id: facts.peerId,
    nickname: facts.nickname,
    listen: facts.listen,
    version: facts.version,
    revision: facts.revision,
    runtime: facts.runtime,
    crypto: facts.crypto,
    sockets: facts.sockets,
    phase: view.phase,
    pid: Deno.pid,
    started_at: new Date(facts.startedAtMs).toISOString(),
    monitoring_url: monitor.url,
    sessions: view.sessionCount(),
  };
}

function sessionDocument(session: SessionView): SessionDocument {
  return {
    session_id: session.sessionId,
    peer_id: session.peerId,
    remote_addr: session.remoteAddr,
    direction: session.direction,
    path: session.path,
    agent: session.agent,
    established_at: new Date(session.establishedAtMs).toISOString(),
    rtt_ms: Math.round(session.smoothedRttMs * 1000) / 1000,
    congestion_window_bytes: session.congestionWindowBytes,
    bytes_in_flight: session.bytesInFlight,
    datagram_bytes: session.datagramBytes,
    bytes_sent: session.bytesSent,
    bytes_received: session.bytesReceived,
    packets_lost: session.packetsLost,
    open_streams: session.openStreams,
    key_epoch: session.keyEpoch,
  };
}

function healthDocument(report: HealthReport, view: NodeView): HealthDocument {
  return {
    ok: report.ok,
    reason: report.reason,
    listen: view.facts.listen,
    dht_peers: view.dht()?.peers ?? null,
    checks: report.checks.map(({ name, passing, reason }) => ({ name, passing, reason })),
  };
}

/** `?limit=N`, bounded so that no question costs more than a listing should. */
function limitOf(query: URLSearchParams): number {
  const text = query.get("limit");
  if (text === null) return MAX_LISTED;
  const limit = Number(text);
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= MAX_LISTED) return limit;
  throw new ControlError(
    400,
    "bad_request",
    `limit: expected a whole number from 1 to ${MAX_LISTED}, found ${text}`,
  );
}

const MAX_LISTED = 10_000;
