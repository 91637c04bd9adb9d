import assert from "node:assert/strict";
import fc from "fast-check";
import { METRIC_LIST } from "../../src/monitor/catalogue.ts";
import { writeExposition } from "../../src/monitor/exposition.ts";
import { familyName, initialSeries, MAX_SERIES_PER_FAMILY } from "../../src/monitor/metric_spec.ts";
import { createMonitor } from "../../src/monitor/monitor.ts";
import type { Family } from "../../src/monitor/registry.ts";
import { EventBus } from "../../src/observe/event_bus.ts";
import { isInstalled, runTool, toolTest } from "../support/external_tool.ts";
import { FakeNodeView, fakeSession, monitoringConfig, PEER_B } from "../support/fake_node_view.ts";
import { ManualClock } from "../support/manual_clock.ts";

/** The expositions of a node that has seen some of everything, traces too. */
async function eventfulNode(): Promise<{ text: string; openmetrics: string }> {
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const view = new FakeNodeView();
  view.facts = { ...view.facts, revision: 'quote " backslash \\ line\nbreak' };
  const monitor = createMonitor({
    view,
    bus,
    clock,
    config: monitoringConfig({ enabled: false }),
    exemplarOf: () => ({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }),
  });
  await monitor.start();
  for (let sessionId = 1; sessionId <= 20; sessionId++) {
    bus.emit({
      type: "session.established",
      sessionId,
      handshakeId: sessionId,
      direction: sessionId % 2 === 0 ? "inbound" : "outbound",
      peerId: PEER_B,
      remoteAddr: "192.0.2.10:41641",
      handshakeDurationMs: sessionId ** 3,
      agent: "wraith",
      path: "direct",
    });
    view.establishedSessions.push(fakeSession(sessionId));
  }
  bus.emit({ type: "node.error", errorType: "unheard of" as never, component: "test", message: "test" });
  const rendered = { text: await monitor.render("text"), openmetrics: await monitor.render("openmetrics") };
  await monitor.stop();
  return rendered;
}

Deno.test("Catalogue names no family twice, nor one family as another's sample", () => {
  const families = METRIC_LIST.map(familyName);
  assert.equal(new Set(families).size, families.length);
  assert.ok(
    METRIC_LIST.length < MAX_SERIES_PER_FAMILY,
    "wraith_metrics_series has one series for each family",
  );
});

Deno.test("Catalogue keeps to the naming rules that its types demand", () => {
  for (const spec of METRIC_LIST) {
    assert.match(spec.name, /^(wraith|process)_[a-z0-9_]+$/);
    assert.equal(spec.name.endsWith("_total"), spec.type === "counter", spec.name);
    assert.equal(spec.name.endsWith("_info"), spec.type === "info", spec.name);
    if (spec.unit) assert.ok(familyName(spec).endsWith(`_${spec.unit}`), `${spec.name}: unit ${spec.unit}`);
    assert.ok(initialSeries(spec).length <= MAX_SERIES_PER_FAMILY, spec.name);
    assert.match(spec.help, /\.$/, spec.name);
    assert.ok(spec.normal.length > 0, spec.name);
  }
});

Deno.test("OpenMetrics has units, info metrics, canonical bounds, exemplars and an end", async () => {
  const { openmetrics } = await eventfulNode();
  assert.match(openmetrics, /^# TYPE wraith_errors counter$/m);
  assert.match(openmetrics, /^# TYPE wraith_build info$/m);
  assert.match(openmetrics, /^# UNIT wraith_handshake_latency_seconds seconds$/m);
  assert.match(
    openmetrics,
    /^wraith_handshake_latency_seconds_bucket\{le="1\.0",direction="inbound"\} \d+ # \{trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"\} \S+ \d+\.\d{3}$/m,
  );
  assert.ok(openmetrics.endsWith("\n# EOF\n"));
});

Deno.test("The text format has no exemplars, no units and no end", async () => {
  const { text } = await eventfulNode();
  assert.match(text, /^# TYPE wraith_build_info gauge$/m);
  assert.match(text, /^wraith_handshake_latency_seconds_bucket\{le="1",direction="inbound"\} \d+$/m);
  assert.doesNotMatch(text, /# UNIT|# EOF|trace_id/);
});

Deno.test("Any label value survives both formats", () => {
  const family = (value: string): Family => ({
    spec: METRIC_LIST.find(({ type }) => type === "info")!,
    samples: [{ name: "wraith_build_info", labels: { version: value }, value: 1, exemplar: null }],
  });
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (value) => {
    for (const format of ["text", "openmetrics"] as const) {
      const lines = writeExposition([family(value)], format).split("\n");
      // Only "\n" ends a line of the exposition; a bare dot would stop at "\r" and U+2028 too.
      const [, escaped] = /^wraith_build_info\{version="(.*)"\} 1$/s.exec(
        lines.find((line) => !line.startsWith("#"))!,
      )!;
      const back = escaped.replace(/\\(.)/gs, (_, c) => c === "n" ? "\n" : c);
      assert.equal(back, value);
    }
  }));
});

Deno.test("Numbers that are none are written as both formats spell them", () => {
  const spec = METRIC_LIST.find(({ type }) => type === "gauge")!;
  const samples = [NaN, Infinity, -Infinity, 1e21].map((value) => ({
    name: "x",
    labels: {},
    value,
    exemplar: null,
  }));
  assert.match(writeExposition([{ spec, samples }], "text"), /^x NaN\nx \+Inf\nx -Inf\nx 1e\+21$/m);
});

toolTest("promtool", "prometheus", "promtool finds nothing to complain about", async () => {
  const { text } = await eventfulNode();
  const { success, output } = await runTool("promtool", ["check", "metrics"], { input: text });
  assert.ok(success && output === "", output);
});

const PYTHON = "/usr/bin/python3";
const hasParser = isInstalled("python3") &&
  (await runTool(PYTHON, ["-c", "import prometheus_client"]).catch(() => ({ success: false }))).success;
// deno-lint-ignore no-console
if (!hasParser) console.log("skipped: the OpenMetrics parser needs python3-prometheus-client");

Deno.test({
  name: "Prometheus' own Python parser reads both formats to the same numbers",
  ignore: !hasParser,
  async fn() {
    const { text, openmetrics } = await eventfulNode();
    const program = `
import sys
from prometheus_client.${"$"}PARSER import text_string_to_metric_families as parse
for family in parse(sys.stdin.read()):
    for sample in family.samples:
        labels = ",".join("%s=%s" % (k, v) for k, v in sorted(sample.labels.items()) if k not in ("le", "quantile"))
        bound = sample.labels.get("le") or sample.labels.get("quantile") or ""
        print("%s|%s|%s|%s" % (sample.name, labels.encode(), bound and float(bound), float(sample.value)))
`;
    const read = async (parser: string, input: string) => {
      const { success, output } = await runTool(PYTHON, ["-c", program.replace("$PARSER", parser)], {
        input,
      });
      assert.ok(success, output);
      return output.split("\n").filter((line) =>
        !/scrape_duration|^process_cpu|resident|heap|_used/.test(line)
      );
    };
    const fromText = await read("parser", text);
    const fromOpenMetrics = await read("openmetrics.parser", openmetrics);
    assert.ok(fromText.length > 300, `${fromText.length} samples`);
    assert.deepEqual(fromOpenMetrics, fromText);
  },
});
