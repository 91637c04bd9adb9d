/**
 * `wraith` and `wraith daemon`: a node in the foreground.
 *
 * @module
 */

import { systemEntropy } from "../entropy.ts";
import { ConfigError, type LoadedConfig } from "../config/load.ts";
import { formatConfig } from "../config/render.ts";
import { Interruption, listenForFaults, listenForReload } from "../node/lifecycle.ts";
import { type Command, type CommandContext, EXIT, type ExitCode } from "./command.ts";

export const daemon: Command = {
  name: "daemon",
  summary: "Run the node in the foreground (what wraith does without a command)",
  details: "SIGTERM and SIGINT end it cleanly, a second one at once; SIGHUP reads the configuration again.",
  options: [
    { name: "check", about: "only say whether the configuration is right" },
    { name: "show-config", about: "only print the configuration in force, and who said so" },
  ],
  async run(context) {
    if (context.options.flag("check")) return check(context);
    const loaded = loadWithWarnings(context);
    if (context.options.flag("show-config")) {
      context.stdout.write(formatConfig(loaded.config, loaded.origins));
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

function loadWithWarnings(context: CommandContext): LoadedConfig {
  const loaded = context.loadConfig();
  for (const warning of loaded.warnings) context.stderr.write(`wraith: warning: ${warning}\n`);
  return loaded;
}

function causeOf(reason: unknown): string {
  return reason instanceof Interruption ? reason.signalName : String(reason);
}
