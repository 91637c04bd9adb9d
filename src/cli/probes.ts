/**
 * `wraith healthcheck` and `wraith readiness`: the specification's two probes, word for word, also under the names
 * of its scripts.
 *
 * @module
 */

import { isUdpPortBound } from "../monitor/udp_listeners.ts";
import { controlSocketPath, NodeNotRunningError } from "../node/control_client.ts";
import type { HealthDocument } from "../node/control_status.ts";
import { type Command, type CommandContext, EXIT, type ExitCode, JSON_OPTION } from "./command.ts";
import { connectNode } from "./connect.ts";

/** Liveness: exit 0 and `OK`, or exit 2 and `CRITICAL`. */
export const healthcheck: Command = {
  name: "healthcheck",
  summary: "Say whether the node lives: OK exits 0, CRITICAL exits 2",
  options: [JSON_OPTION],
  async run(context) {
    const health = await ask(context, "/v1/health");
    const line = livenessLine(health);
    return report(context, line, health, line.startsWith("OK") ? EXIT.success : EXIT.usage);
  },
};

function livenessLine(health: HealthDocument | null): string {
  if (health === null) return "CRITICAL: WRAITH process not running";
  if (!health.ok) return `CRITICAL: ${health.reason}`;
  const port = Number(/:(\d+)$/.exec(health.listen)?.[1]);
  // Null, where the system does not tell, is no reason to restart a node that answers.
  if (isUdpPortBound(port) === false) return `CRITICAL: Port ${port} not listening`;
  return "OK: WRAITH healthy";
}

/** Readiness: exit 0 and `OK`, or exit 1 and `WARNING`. */
export const readiness: Command = {
  name: "readiness",
  summary: "Say whether the node is ready: OK exits 0, WARNING exits 1",
  options: [JSON_OPTION],
  async run(context) {
    const ready = await ask(context, "/v1/ready");
    return report(context, readinessLine(ready), ready, ready?.ok ? EXIT.success : EXIT.failure);
  },
};

function readinessLine(ready: HealthDocument | null): string {
  if (ready === null) return "WARNING: WRAITH process not running";
  if (ready.ok) {
    return ready.dht_peers === null ? "OK: ready (DHT is off)" : `OK: DHT ready (${ready.dht_peers} peers)`;
  }
  const failing = ready.checks.filter((check) => !check.passing).map((check) => check.name);
  return failing.length === 1 && failing[0] === "dht_peers"
    ? `WARNING: Insufficient DHT peers (${ready.dht_peers})`
    : `WARNING: ${ready.reason}`;
}

/** The node's answer, or null when no node runs. */
async function ask(context: CommandContext, path: string): Promise<HealthDocument | null> {
  // A node whose event loop is stuck accepts the connection and never answers.
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)]);
  using node = connectNode(context);
  try {
    return await node.get<HealthDocument>(path, signal);
  } catch (error) {
    if (error instanceof NodeNotRunningError) return await askListener(context, path, signal);
    if (!(error instanceof DOMException && error.name === "TimeoutError")) throw error;
    const reason = `no answer within ${PATIENCE_MS / 1_000} s`;
    return { ok: false, reason, listen: "", dht_peers: null, checks: [] };
  }
}

/**
 * Asks the monitoring listener instead, when the control socket is there and belongs to somebody else: a
 * supervisor's probe runs as its own user. Without that sign it is not asked, since it might be another node's.
 */
async function askListener(
  { loadConfig }: CommandContext,
  path: string,
  signal: AbortSignal,
): Promise<HealthDocument | null> {
  const { node, monitoring } = loadConfig().config;
  if (!await isForeign(controlSocketPath(node.dataDir))) return null;
  const host = ANY_ADDRESS[monitoring.bind] ?? monitoring.bind;
  const url = `${monitoring.tlsCert ? "https" : "http"}://${host}:${monitoring.prometheusPort}`;
  try {
    const response = await fetch(`${url}${LISTENER_PATHS[path]}`, { signal });
    const body: ListenerHealth = await response.json();
    if (body.service !== "wraith") return null;
    const peers = body.checks?.find(({ name }) => name === "dht_peers")?.observed ?? null;
    return {
      ok: response.ok,
      reason: body.reason,
      listen: body.listen,
      dht_peers: peers,
      checks: body.checks ?? [],
    };
  } catch {
    return null;
  }
}

async function isForeign(socketPath: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path: socketPath })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied;
  }
}

/** The body of the listener's probes. */
interface ListenerHealth {
  readonly service: string;
  readonly reason: string;
  readonly listen: string;
  readonly checks?: readonly {
    readonly name: string;
    readonly passing: boolean;
    readonly reason: string;
    readonly observed: number | null;
  }[];
}

const LISTENER_PATHS: Readonly<Record<string, string>> = { "/v1/health": "/healthz", "/v1/ready": "/readyz" };
const ANY_ADDRESS: Readonly<Record<string, string>> = {
  "0.0.0.0": "127.0.0.1",
  "::": "[::1]",
  "::1": "[::1]",
};

function report(
  { options, stdout }: CommandContext,
  line: string,
  health: HealthDocument | null,
  exitCode: ExitCode,
): ExitCode {
  const document = { status: line.split(":")[0], message: line, running: health !== null, ...health };
  stdout.write(options.flag("json") ? `${JSON.stringify(document)}\n` : `${line}\n`);
  return exitCode;
}

/** Below the `timeoutSeconds: 3` of the specification's readiness probe. */
const PATIENCE_MS = 2_500;
