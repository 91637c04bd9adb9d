/**
 * `wraith mon`: the running node, live.
 *
 * @module
 */

import { parseDuration } from "../config/units.ts";
import { type Command, type CommandContext, EXIT, type ExitCode, UsageError } from "./command.ts";
import { connectNode } from "./connect.ts";
import { pause, runDashboard } from "./mon/dashboard.ts";
import { SampleFeed } from "./mon/feed.ts";
import { plainLines } from "./mon/frame.ts";
import { paintFor, PLAIN } from "./paint.ts";

export const mon: Command = {
  name: "mon",
  summary: "Watch the running node",
  details:
    "Keys: 1-4 or Tab switch between overview, sessions, transfers and security events; s sorts, p pauses, " +
    "q quits. Where the output is no terminal, plain frames follow each other.",
  options: [
    { name: "interval", value: "TIME", about: "time between two looks, 1s by default, 100ms at least" },
    { name: "once", about: "print one plain frame and end" },
    { name: "json", about: "print a sample as JSON each interval, one a line" },
  ],
  async run(context) {
    const { options, stdout } = context;
    const intervalMs = intervalOf(options.value("interval") ?? "1s");
    using client = connectNode(context);
    const feed = await SampleFeed.open(client, context.signal);
    const print = options.flag("json")
      ? () => stdout.write(`${JSON.stringify(feed.last)}\n`)
      : () => stdout.write(`${plainLines(feed.last, stdout.columns, PLAIN).join("\n")}\n`);
    if (options.flag("once")) {
      print();
      return EXIT.success;
    }
    if (stdout.isTerminal && !options.flag("json")) {
      return await runDashboard(context, feed, intervalMs, paintFor(context));
    }
    return await follow(context, feed, intervalMs, print);
  },
};

/** Prints after each interval until it is ended; what becomes of the node is told on stderr. */
async function follow(
  { signal, stderr }: CommandContext,
  feed: SampleFeed,
  intervalMs: number,
  print: () => void,
): Promise<ExitCode> {
  let told: string | null = null;
  print();
  while (true) {
    await pause(intervalMs, signal);
    if (signal.aborted) return EXIT.interrupted;
    const { isFresh, notice } = await feed.next(signal);
    if (notice !== null && notice !== told) stderr.write(`wraith: ${notice}\n`);
    told = notice;
    if (isFresh) print();
  }
}

function intervalOf(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null && ms >= MIN_INTERVAL_MS && ms <= MAX_INTERVAL_MS) return ms;
  throw new UsageError(`--interval ${text}: expected a duration from 100ms to 1h, such as 1s`);
}

const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 3_600_000;
