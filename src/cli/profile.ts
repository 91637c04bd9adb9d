/**
 * `wraith profile`: where the running node spends its time or its memory.
 *
 * @module
 */

import { resolve } from "node:path";
import type { ProfileKind } from "../node/profile.ts";
import { type Command, EXIT, UsageError } from "./command.ts";
import { connectNode } from "./connect.ts";

export const profile: Command = {
  name: "profile",
  summary: "Record where the running node spends time or memory",
  details:
    "The file opens in Chrome's developer tools and in speedscope. The node keeps working while it is " +
    "watched; only its control socket takes this request.",
  arguments: [{ name: "KIND", about: "what to record", choices: ["cpu", "heap"] }],
  options: [
    { name: "seconds", value: "N", about: "how long to watch, 30 by default" },
    {
      name: "output",
      short: "o",
      value: "FILE",
      about: "where to write; wraith.cpuprofile or wraith.heapprofile by default",
      completes: "files",
    },
  ],
  async run(context) {
    const { options } = context;
    const kind = context.args[0] as ProfileKind;
    const text = options.value("seconds") ?? "30";
    const seconds = Number(text);
    if (!(seconds >= 0.1 && seconds <= 600)) {
      throw new UsageError(`--seconds ${text}: expected a number from 0.1 to 600`);
    }
    const path = resolve(context.workingDir, options.value("output") ?? `wraith.${kind}profile`);
    using node = connectNode(context);
    const document = await node.post<unknown>(`/v1/profile/${kind}`, { seconds }, context.signal);
    await Deno.writeTextFile(path, JSON.stringify(document), { mode: 0o600 });
    context.stdout.write(`wrote ${path}\n`);
    return EXIT.success;
  },
};
