/**
 * Shows the DHT at work on a virtual internet: `deno task sim:dht [SCENARIO...] [--seed N] [--nodes N] [--out FILE]`.
 *
 * Every result is one JSON line with its seed; the same seed gives the same line but for wall-clock times.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { cost } from "./sim_dht/cost.ts";
import { attack, churn, eclipse, growth, partition } from "./sim_dht/scenarios.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: "string" }, nodes: { type: "string" }, out: { type: "string" } },
});
const seed = Number(values.seed ?? 2027);
const nodes = values.nodes === undefined ? undefined : Number(values.nodes);

const SCENARIOS: Readonly<Record<string, () => Generator<unknown>>> = {
  *growth() {
    for (const size of nodes === undefined ? [100, 300, 1000] : [nodes]) yield growth(seed, size, 2000);
  },
  *attack() {
    for (const [paths, entrances] of [[1, 5], [2, 5], [4, 1], [4, 3], [4, 5], [8, 5]]) {
      yield attack(seed, nodes ?? 1000, { maliciousShare: 0.2, paths, entrances, lookups: 1000 });
    }
  },
  *eclipse() {
    yield eclipse(seed, nodes ?? 300, 200, 200);
  },
  *partition() {
    yield partition(seed, nodes ?? 200, 2, 200);
  },
  *churn() {
    yield churn(seed, nodes ?? 500, 24, 50);
  },
  *cost() {
    yield* cost(seed);
  },
};

const wanted = positionals.length > 0 ? positionals : ["cost", "growth", "attack", "eclipse", "partition"];
for (const name of wanted) {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) {
    const known = Object.keys(SCENARIOS).join(", ");
    write(Deno.stderr, `sim_dht: unknown scenario "${name}": choose from ${known}\n`);
    Deno.exit(2);
  }
  for (const result of scenario()) {
    const line = JSON.stringify(
      { scenario: name, ...result as object },
      (_, value) =>
        typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value,
    );
    write(Deno.stdout, `${line}\n`);
    if (values.out !== undefined) Deno.writeTextFileSync(values.out, `${line}\n`, { append: true });
  }
}

function write(to: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  to.writeSync(new TextEncoder().encode(text));
}
