/**
 * `wraith id`: who this node is.
 *
 * @module
 */

import { nobleSuite } from "../crypto/noble_suite.ts";
import { loadIdentity } from "../node/identity.ts";
import { type Command, EXIT, JSON_OPTION } from "./command.ts";

export const id: Command = {
  name: "id",
  summary: "Print this node's peer id",
  options: [JSON_OPTION],
  async run({ options, stdout, loadConfig }) {
    const { peerId } = await loadIdentity(loadConfig().config.node.identityFile, nobleSuite);
    stdout.write(options.flag("json") ? `${JSON.stringify({ peer_id: peerId })}\n` : `${peerId}\n`);
    return EXIT.success;
  },
};
