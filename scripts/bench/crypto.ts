/**
 * Section `crypto`: what each primitive costs.
 *
 * @module
 */

import { measuredSuites, measurePrimitives } from "../../src/node/benchmark/primitives.ts";
import { byEffort, type Section } from "./section.ts";

export const crypto: Section = {
  name: "crypto",
  about: "each cryptographic primitive, by every suite of this machine",
  async run(context) {
    const { suites, nativeUnavailable } = measuredSuites();
    if (nativeUnavailable !== null) context.skip(`native cryptography: ${nativeUnavailable}`);
    const rounds = byEffort(context, { quick: 10, normal: 100, full: 200 });
    const figures = await measurePrimitives(suites, { rounds });
    const operations = [...new Set(figures.map((row) => row.operation))];
    const last = suites[suites.length - 1].name;
    return [{
      name: "primitives",
      caption: `Microseconds of one operation, the best of ${rounds} rounds of 2 ms.`,
      columns: [
        { key: "operation", heading: "operation" },
        ...suites.map(({ name }) => ({ key: name, heading: name, digits: 2 })),
        { key: "gain", heading: `${suites[0].name} / ${last}`, digits: 1 },
        { key: "rate", heading: `${last}, MB/s`, digits: 0 },
      ],
      rows: operations.map((operation) => {
        const of = (suite: string) =>
          figures.find((row) => row.operation === operation && row.suite === suite)!;
        const fastest = of(last);
        return {
          operation,
          ...Object.fromEntries(suites.map(({ name }) => [name, of(name).us])),
          gain: of(suites[0].name).us / fastest.us,
          rate: fastest.bytes === null ? null : fastest.bytes / fastest.us,
        };
      }),
    }];
  },
};
