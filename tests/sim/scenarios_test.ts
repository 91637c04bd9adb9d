import { SCENARIOS } from "./scenarios/all.ts";

// Replay one with another seed: deno task sim --scenario NAME --seed N
for (const scenario of SCENARIOS) {
  Deno.test(`scenario ${scenario.name} (seed ${scenario.seed})`, () => {
    scenario.run(scenario.seed);
  });
}
