/**
 * `wraith init`: an identity, and a configuration file to edit.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { configTemplate } from "../config/render.ts";
import { nobleSuite } from "../crypto/noble_suite.ts";
import { systemEntropy } from "../entropy.ts";
import { createIdentity } from "../node/identity.ts";
import { type Command, CommandError, EXIT, JSON_OPTION } from "./command.ts";

export const init: Command = {
  name: "init",
  summary: "Write identity.key and a commented config.toml, print the peer id",
  options: [
    { name: "dir", value: "DIR", about: "where; the data directory by default", completes: "directories" },
    JSON_OPTION,
  ],
  async run(context) {
    const dir = resolve(
      context.workingDir,
      context.options.value("dir") ?? context.loadConfig().config.node.dataDir,
    );
    const configFile = join(dir, "config.toml");
    await refuseExisting(configFile);
    const identity = await createIdentity(join(dir, "identity.key"), nobleSuite, systemEntropy);
    // The file sets its own folder as the data directory, so that the folder can be moved as a whole.
    await Deno.writeTextFile(configFile, configTemplate("."), { createNew: true, mode: 0o644 });

    if (context.options.flag("json")) {
      const { peerId } = identity;
      context.stdout.write(`${JSON.stringify({ peer_id: peerId, dir, config_file: configFile })}\n`);
    } else {
      context.stdout.write(`${identity.peerId}\n`);
      context.stderr.write(`wrote identity.key and config.toml to ${dir}: wraith --config ${configFile}\n`);
    }
    return EXIT.success;
  },
};

async function refuseExisting(path: string): Promise<void> {
  try {
    await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  throw new CommandError(`${path} exists: move it away or choose another folder with --dir`);
}
