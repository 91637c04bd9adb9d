/**
 * A node that lives as long as one command, for when none runs: its own port, no listener but that, no claim on the
 * data directory. It has the same identity, so that peers who know this machine know it.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { systemEntropy } from "../entropy.ts";
import { parseHostPort } from "../net/address.ts";
import type { WraithNode } from "../node/node.ts";
import type { CommandContext } from "./command.ts";

/** Starts one; disposing stops it. */
export async function startPrivateNode(context: CommandContext): Promise<WraithNode & AsyncDisposable> {
  const loaded = context.loadConfig();
  // Loaded here: where a node runs, it does the work.
  const { startNode } = await import("../node/node.ts");
  const node = await startNode({
    config: privateConfig(loaded.config),
    // The command itself says in one line what went wrong.
    isSilent: context.options.value("log-level") === undefined,
    reload: () => loaded,
    clock: context.clock,
    entropy: systemEntropy,
    env: context.env,
    role: "private",
  });
  return Object.assign(node, {
    async [Symbol.asyncDispose]() {
      node.stop("done");
      await node.ended;
    },
  });
}

/** What differs for a command's own node. Its log goes to stderr, where it is asked for. */
function privateConfig(config: Config): Config {
  const { host } = parseHostPort(config.network.listen);
  return {
    ...config,
    network: { ...config.network, listen: `${host.includes(":") ? `[${host}]` : host}:0` },
    transfer: { ...config.transfer, accept: "none" },
    dht: { ...config.dht, relay: false },
    monitoring: { ...config.monitoring, enabled: false },
    logging: { ...config.logging, output: "stderr", format: "text" },
    audit: { ...config.audit, enabled: false },
  };
}
