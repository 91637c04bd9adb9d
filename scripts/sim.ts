/**
 * Runs the transport's named scenarios in virtual time and prints their table.
 *
 *   deno task sim [--scenario NAME] [--seed N] [--write]
 *
 * `--write` also puts the table into docs/transport_scenarios.md, and plots beside it.
 */

import { parseArgs } from "node:util";
import { writeFileSync } from "node:fs";
import { stderr, stdout } from "node:process";
import type { Outcome, Scenario } from "../tests/sim/scenario.ts";
import { SCENARIOS } from "../tests/sim/scenarios/all.ts";
import { trace } from "../tests/sim/scenarios/congestion.ts";
import { plotTrace } from "../tests/sim/plot.ts";

const HEADER = ["scenario", "network", "seed", "goodput", "retransmitted", "time", "note"];
const PLOT_MS = 12_000;

function main(): number {
  const { values } = parseArgs({
    options: { scenario: { type: "string" }, seed: { type: "string" }, write: { type: "boolean" } },
  });
  const seed = values.seed === undefined ? null : Number(values.seed);
  if (seed !== null && !Number.isSafeInteger(seed)) {
    return fail(`--seed must be an integer, got ${values.seed}`);
  }
  const chosen = SCENARIOS.filter(({ name }) => values.scenario === undefined || name === values.scenario);
  if (chosen.length === 0) {
    return fail(
      `No scenario "${values.scenario}". There are: ${SCENARIOS.map(({ name }) => name).join(", ")}`,
    );
  }
  const rows: string[][] = [];
  let failures = 0;
  print(row(HEADER));
  for (const scenario of chosen) {
    try {
      const cells = cellsOf(scenario, seed ?? scenario.seed, scenario.run(seed ?? scenario.seed));
      rows.push(cells);
      print(row(cells));
    } catch (error) {
      failures++;
      const message = error instanceof Error ? error.message.split("\n")[0] : String(error);
      print(
        row([scenario.name, scenario.network, `${seed ?? scenario.seed}`, "", "", "", `FAILED: ${message}`]),
      );
    }
  }
  if (values.write === true && failures === 0) write(rows);
  return failures === 0 ? 0 : 1;
}

function cellsOf({ name, network }: Scenario, seed: number, outcome: Outcome): string[] {
  const { bytes, timeMs, retransmitRatio, note } = outcome;
  return [
    name,
    network,
    `${seed}`,
    bytes === 0 ? "" : `${((bytes * 8) / timeMs / 1000).toFixed(2)} Mbit/s`,
    retransmitRatio === null ? "" : `${(100 * retransmitRatio).toFixed(2)} %`,
    timeMs === 0 ? "" : timeMs < 10_000 ? `${timeMs.toFixed(0)} ms` : `${(timeMs / 1000).toFixed(1)} s`,
    note,
  ];
}

function write(rows: readonly string[][]): void {
  const docs = new URL("../docs/", import.meta.url);
  const table = [row(HEADER), row(HEADER.map(() => "---")), ...rows.map(row)].join("\n");
  writeFileSync(new URL("transport_scenarios.md", docs), `${INTRODUCTION}\n${table}\n${PLOTS}`);
  for (const controller of ["cubic", "bbr"] as const) {
    const svg = plotTrace(`${controller}: window and goodput`, trace(40, controller, PLOT_MS));
    writeFileSync(new URL(`transport_${controller}.svg`, docs), svg);
  }
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function fail(message: string): number {
  stderr.write(`sim: ${message}\n`);
  return 2;
}

function print(line: string): void {
  stdout.write(`${line}\n`);
}

const INTRODUCTION = `# The transport on bad networks

Each row is one run of two (or four) complete nodes' transports in a virtual network and virtual time:
\`deno task sim\` prints this table, \`deno task sim --scenario NAME --seed N\` replays a row, and
\`deno task sim --write\` and \`deno fmt\` write this file. Same seed, same run, on any machine. The list is the
QUIC interop runner's, on our protocol. Every transfer that ends is compared byte by byte, and its session leaves
no timer armed and no session index in use.

Links carry UDP payloads of up to 1,472 bytes (a 1,500-byte MTU); larger datagrams vanish. Unless the row says
otherwise a link has 20 Mbit/s, a round trip of 40 ms and a buffer of one bandwidth-delay product.
_Retransmitted_ is packets declared lost per packet sent.

How to read three rows: \`transfer_loss_5\` is at what loss-based control can reach there, Mathis' bound for 5 %
loss and 42 ms (about 1.5 Mbit/s). The repeats of \`random_loss_bbr\` are BBR version 1 filling a buffer of one
bandwidth-delay product: it takes no loss as a sign of congestion. Those of \`reordering\` are slow start's: jitter
hides the rise of the delay that ends it.
`;

const PLOTS = `
## Window and rate over time

10 Mbit/s, 30 ms, a buffer of one bandwidth-delay product (37,500 bytes), 12 seconds.

![CUBIC](transport_cubic.svg)

![BBR](transport_bbr.svg)
`;

Deno.exit(main());
