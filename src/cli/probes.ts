/**
 * `wraith healthcheck` and `wraith readiness`: the specification's two probes, word for word, also under the names
 * of its scripts.
 *
 * @module
 */

import { NodeNotRunningError } from "../node/control_client.ts";
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
    const line = health === null
      ? "CRITICAL: WRAITH process not running"
      : health.ok
      ? "OK: WRAITH healthy"
      : `CRITICAL: ${health.reason}`;
    return report(context, line, health, health?.ok ? EXIT.success : EXIT.usage);
  },
};

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
  using node = connectNode(context);
  try {
    // A node whose event loop is stuck accepts the connection and never answers.
    return await node.get<HealthDocument>(
      path,
      AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)]),
    );
  } catch (error) {
    if (error instanceof NodeNotRunningError) return null;
    if (!(error instanceof DOMException && error.name === "TimeoutError")) throw error;
    const reason = `no answer within ${PATIENCE_MS / 1_000} s`;
    return { ok: false, reason, listen: "", dht_peers: null, checks: [] };
  }
}

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
