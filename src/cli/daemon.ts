/**
 * `wraith` and `wraith daemon`: a node in the foreground.
 *
 * @module
 */

import { systemEntropy } from "../entropy.ts";
import { ConfigError, type LoadedConfig } from "../config/load.ts";
import { configDocument, formatConfig } from "../config/render.ts";
import { Interruption, listenForFaults, listenForReload } from "../node/lifecycle.ts";
import {
  type Command,
  type CommandContext,
  EXIT,
  type ExitCode,
  JSON_OPTION,
  UsageError,
} from "./command.ts";

export const daemon: Command = {
  name: "daemon",
  summary: "Run the node in the foreground (what wraith does without a command)",
  details: "SIGTERM and SIGINT end it cleanly, a second one at once; SIGHUP reads the configuration again.",
  options: [
    { name: "check", about: "only say whether the configuration is right" },
    { name: "show-config", about: "only print the configuration in force, and who said so" },
    { ...JSON_OPTION, about: "with --check or --show-config: print one JSON document" },
  ],
  async run(context) {
    const asJson = context.options.flag("json");
    if (context.options.flag("check")) return asJson ? checkAsJson(context) : check(context);
    const showConfig = context.options.flag("show-config");
    if (asJson && !showConfig) throw new UsageError("--json goes with --check or --show-config");
    const loaded = loadWithWarnings(context);
    if (showConfig) {
      const { config, origins, file } = loaded;
      context.stdout.write(
        asJson
          ? `${JSON.stringify({ file, config: configDocument(config, origins) })}\n`
          : formatConfig(config, origins),
      );
      return EXIT.success;
    }
    return await runNode(context, loaded);
  },
};

async function runNode(context: CommandContext, { config }: LoadedConfig): Promise<ExitCode> {
  const { signal, clock, env } = context;
  // Loaded here: --check and --show-config need none of it.
  const { startNode } = await import("../node/node.ts");
  const node = await startNode({
    config,
    reload: () => context.loadConfig(),
    clock,
    entropy: systemEntropy,
    env,
    role: "daemon",
  });
  let fault: unknown = null;
  using _faults = listenForFaults((error) => {
    fault ??= error;
    node.fail(error);
  });
  using _reloads = listenForReload(() => void node.reload());
  signal.addEventListener("abort", () => node.stop(causeOf(signal.reason)), { once: true });
  if (signal.aborted) node.stop(causeOf(signal.reason));
  await node.ended;
  if (fault !== null) throw fault;
  return EXIT.success;
}

function check(context: CommandContext): ExitCode {
  try {
    const { file } = loadWithWarnings(context);
    context.stdout.write(`${file ?? "configuration (no file)"}: OK\n`);
    return EXIT.success;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) context.stderr.write(`wraith: ${problem}\n`);
    return EXIT.failure;
  }
}

function checkAsJson(context: CommandContext): ExitCode {
  const say = (
    document: { ok: boolean; file: string | null; problems: readonly string[]; warnings: readonly string[] },
  ) => context.stdout.write(`${JSON.stringify(document)}\n`);
  try {
    const { file, warnings } = context.loadConfig();
    say({ ok: true, file, problems: [], warnings });
    return EXIT.success;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    say({ ok: false, file: context.options.value("config") ?? null, problems: error.problems, warnings: [] });
    return EXIT.failure;
  }
}

function loadWithWarnings(context: CommandContext): LoadedConfig {
  const loaded = context.loadConfig();
  for (const warning of loaded.warnings) context.stderr.write(`wraith: warning: ${warning}\n`);
  return loaded;
}

function causeOf(reason: unknown): string {
  return reason instanceof Interruption ? reason.signalName : String(reason);
}
