/**
 * croc, with a relay of its own on loopback: sender and receiver are commands that start and end.
 *
 * @module
 */

import { basename, join } from "node:path";
import { freePort, requireTool, runTool, startTool, untilListening } from "../external_tool.ts";
import type { Peer } from "./peer.ts";

export async function crocPeer(folder: string): Promise<Peer> {
  const croc = await requireTool("croc");
  const ports = Array.from({ length: 5 }, freePort);
  const relay = startTool(croc, ["relay", "--host", "127.0.0.1", "--ports", ports.join(",")], {
    HOME: folder,
  });
  await untilListening(ports[0], "croc's relay");
  const common = ["--relay", `127.0.0.1:${ports[0]}`, "--pass", "pass123", "--yes", "--overwrite"];
  const [target] = [join(folder, "target")];
  await Deno.mkdir(target);
  let round = 0;
  return {
    name: "croc",
    servers: [relay.pid],
    async copy(file) {
      const code = `wraith-bench-${++round}`;
      const env = { HOME: folder, CROC_SECRET: code };
      const sending = runTool(croc, [...common, "send", "--no-local", file], env);
      await Promise.all([sending, runTool(croc, [...common, "--out", target], env)]);
      return join(target, basename(file));
    },
    [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose](),
  };
}
