/**
 * From a command to the running node.
 *
 * @module
 */

import { ControlClient } from "../node/control_client.ts";
import type { CommandContext } from "./command.ts";

/** A client of the node whose data directory the configuration names. Whether one runs shows at the first request. */
export function connectNode(context: Pick<CommandContext, "loadConfig">): ControlClient {
  return new ControlClient(context.loadConfig().config.node.dataDir);
}
