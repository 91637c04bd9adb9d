/**
 * Unit tests for alert rules in promtool's form: whole nodes as series over time.
 *
 * @module
 */

import { stringify } from "yaml";
import { createMonitor } from "../../src/monitor/monitor.ts";
import { EventBus } from "../../src/observe/event_bus.ts";
import { FakeNodeView, monitoringConfig } from "./fake_node_view.ts";
import { ManualClock } from "./manual_clock.ts";

/** Series (with labels, without job and instance) and their values in promtool's notation. */
export type SeriesValues = ReadonlyMap<string, string>;

/** One test of promtool's file: an input and what must fire at some moments. */
export interface Scenario {
  readonly name: string;
  readonly series: SeriesValues;
  readonly interval: string;
  readonly at: readonly string[];
  /** Alert names that fire for this node, each with how many series. */
  readonly firing: Readonly<Record<string, number>>;
  /** Looks at these alerts only; at all when left out. */
  readonly only?: string;
}

/** Every sample that a node shows while nothing happens, as name with labels, and its value. */
export async function idleNode(): Promise<Map<string, string>> {
  const clock = new ManualClock();
  const view = new FakeNodeView();
  const bus = new EventBus(clock);
  const monitor = createMonitor({ view, bus, clock, config: monitoringConfig({ enabled: false }) });
  await monitor.start();
  const lines = (await monitor.render()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  await monitor.stop();
  const node = new Map(lines.map((line) => {
    const space = line.lastIndexOf(" ");
    return [line.slice(0, space), line.slice(space + 1)];
  }));
  node.set("up", "1");
  node.set("wraith_memory_limit_bytes", "2e9");
  // Promtool's time begins at 1970, and so does this node.
  node.set("process_start_time_seconds", "0");
  return node;
}

/** promtool's test file for `scenarios`. */
export function promtoolTests(ruleFiles: readonly string[], scenarios: readonly Scenario[]): string {
  return stringify({
    rule_files: ruleFiles,
    evaluation_interval: "30s",
    tests: scenarios.map((scenario) => ({
      name: scenario.name,
      interval: scenario.interval,
      input_series: [...scenario.series].map(([series, values]) => ({ series: ofNode(series), values })),
      promql_expr_test: scenario.at.map((moment) => ({
        expr: `count by (alertname) (ALERTS{alertstate="firing"${
          scenario.only ? `, alertname="${scenario.only}"` : ""
        }})`,
        eval_time: moment,
        exp_samples: Object.entries(scenario.firing).map(([alert, value]) => ({
          labels: `{alertname="${alert}"}`,
          value,
        })),
      })),
    })),
  });
}

function ofNode(series: string): string {
  const [, name, labels = ""] = /^([^{]+)(?:\{(.*)\})?$/.exec(series)!;
  return `${name}{${[labels, 'job="wraith"', 'instance="node-1:9090"'].filter(Boolean).join(",")}}`;
}
