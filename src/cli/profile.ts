/**
 * `wraith profile`: where the running node spends its time or its memory.
 *
 * @module
 */

import { resolve } from "node:path";
import type { ProfileKind } from "../node/profile.ts";
import { type Command, EXIT, UsageError } from "./command.ts";
import { connectNode } from "./connect.ts";
import { encodePprof } from "./profile_pprof.ts";

export const profile: Command = {
  name: "profile",
  summary: "Record where the running node spends time or memory",
  details:
    "The file opens in Chrome's developer tools and in speedscope, with --format pprof in go tool pprof and " +
    "Pyroscope. The node keeps working while it is watched; only its control socket takes this request.",
  arguments: [{ name: "KIND", about: "what to record", choices: ["cpu", "heap"] }],
  options: [
    { name: "seconds", value: "N", about: "how long to watch, 30 by default" },
    {
      name: "output",
      short: "o",
      value: "FILE",
      about:
        "where to write; wraith.cpuprofile, wraith.heapprofile, wraith.cpu.pb.gz or wraith.heap.pb.gz by default",
      completes: "files",
    },
    {
      name: "format",
      value: "FORMAT",
      about: "v8, the default, or pprof",
      choices: ["v8", "pprof"],
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
    const isPprof = options.value("format") === "pprof";
    const name = isPprof ? `wraith.${kind}.pb.gz` : `wraith.${kind}profile`;
    const path = resolve(context.workingDir, options.value("output") ?? name);
    using node = connectNode(context);
    const document = await node.post<unknown>(`/v1/profile/${kind}`, { seconds }, context.signal);
    const bytes = isPprof
      ? encodePprof(kind, document, context.clock.epochMs())
      : new TextEncoder().encode(JSON.stringify(document));
    await Deno.writeFile(path, bytes, { mode: 0o600 });
    context.stdout.write(`wrote ${path}\n`);
    return EXIT.success;
  },
};
