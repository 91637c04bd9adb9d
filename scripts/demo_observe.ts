/**
 * Two nodes, a file across, and an attacker; then the story as each view tells it: log lines, audit records,
 * metrics, one trace over both nodes, a ban and its end. Leaves nothing behind.
 *
 * `deno task demo:observe`
 *
 * @module
 */

import { join } from "node:path";
import { OtlpReceiver, type ReceivedSpan } from "../tests/observe/trace/otlp_receiver.ts";
import type { LogLine, NodeProcess, ProgramWords } from "../tests/support/wraith_process.ts";
import { impersonate } from "./impostor.ts";
import { FROM_SOURCE, generateFile, type NodePair, sendMeasured, startPair } from "./loopback_transfer.ts";

const WATCHED_METRICS = [
  'wraith_sessions_total{result="success"}',
  'wraith_sessions_total{result="failure"}',
  'wraith_errors_total{type="crypto"}',
  'wraith_security_events_total{detector="auth_failures"}',
  "wraith_sources_blocked",
  'wraith_packets_dropped_total{reason="banned"}',
  "wraith_audit_records_total",
  'wraith_log_lines_total{level="warn"}',
];
/** The executable where `WRAITH_PROGRAM` names one, else the sources. */
const PROGRAM: ProgramWords = Deno.env.get("WRAITH_PROGRAM")
  ? [Deno.env.get("WRAITH_PROGRAM")!]
  : FROM_SOURCE;
const ATTACKER_IP = "127.0.0.2";
const STORY = [
  "Session established",
  "Transfer offered",
  "File received",
  "Authentication failed",
  "Suspicious activity detected",
  "Source banned",
  "Ban ended",
];

const folder = await Deno.makeTempDir({ prefix: "wraith-demo-" });
try {
  await run();
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function run(): Promise<void> {
  await using collector = new OtlpReceiver();
  const pair = await startPair(folder, PROGRAM, [
    "tracing.enabled=true",
    `tracing.endpoint=${collector.endpoint}`,
    "security.ban_time=3s",
    "security.auth_failure_limit=3",
  ]);
  const { receiver } = pair;
  let log: readonly LogLine[];
  try {
    say(`two nodes on loopback; traces go to ${collector.endpoint}`);
    const before = await metricsOf(receiver);
    await sendFile(pair);
    await attack(pair);
    await showMetrics(receiver, before);
    log = showLog(receiver);
    await showAudit(receiver);
  } finally {
    await pair[Symbol.asyncDispose]();
  }
  showTrace(collector, log);
}

async function sendFile(pair: NodePair): Promise<void> {
  const file = join(folder, "report.bin");
  await generateFile(file, 32 * 1_048_576);
  await sendMeasured(pair, file);
  await pair.receiver.waitForLog((line) => line.message === "File received");
  say("report.bin (32 MiB) went from one to the other");
}

async function attack({ sender, receiver }: NodePair): Promise<void> {
  say(`an attacker at ${ATTACKER_IP} claims to be the sender, without its key`);
  const target = {
    claimed: sender.status.peer_id as `ed25519:${string}`,
    target: receiver.status.peer_id as `ed25519:${string}`,
    address: receiver.status.listen,
    sourceIp: ATTACKER_IP,
  };
  await impersonate({ ...target, attempts: 3, patienceMs: 2000 });
  await receiver.waitForLog((line) => line.message === "Source banned");
  say(`the receiver has banned ${ATTACKER_IP}; the attacker tries on, and nobody answers`);
  await impersonate({ ...target, attempts: 1, patienceMs: 1000 });
  say(
    `wraith_sources_blocked is ${await receiver.metric(
      "wraith_sources_blocked",
    )} now; waiting for the ban's end`,
  );
  await receiver.waitForLog((line) => line.message === "Ban ended");
  say("the ban is over; the attacker is heard again, fails again, and is banned again at once");
  await impersonate({ ...target, attempts: 1, patienceMs: 2000 });
}

async function metricsOf(node: NodeProcess): Promise<Map<string, number>> {
  const values = new Map<string, number>();
  for (const series of WATCHED_METRICS) values.set(series, await node.metric(series) ?? 0);
  return values;
}

async function showMetrics(node: NodeProcess, before: ReadonlyMap<string, number>): Promise<void> {
  heading(`metrics: ${node.status.monitoring_url}/metrics (change since the start)`);
  for (const [series, value] of await metricsOf(node)) {
    const change = value - before.get(series)!;
    say(`  ${series} ${value} (${change >= 0 ? "+" : ""}${change})`);
  }
}

function showLog(node: NodeProcess): readonly LogLine[] {
  heading("log of the receiver (JSON lines on stdout)");
  const told = new Set<string>();
  for (const line of node.log) {
    if (!STORY.includes(line.message)) continue;
    told.add(line.message);
    say(`  ${JSON.stringify(line)}`);
  }
  for (const message of STORY) demand(told.has(message), `the log does not say "${message}"`);
  return node.log;
}

async function showAudit(node: NodeProcess): Promise<void> {
  heading("wraith audit tail, wraith audit verify");
  const tail = await node.run("audit", "tail", "-n", "100");
  for (const line of tail.stdout.trimEnd().split("\n")) {
    if (/ (security|session|identity)\./.test(line)) say(`  ${line}`);
  }
  const verdict = await node.run("audit", "verify");
  for (const line of verdict.stdout.trimEnd().split("\n")) say(`  ${line}`);
  demand(verdict.code === 0, "the audit trail is not intact");
}

function showTrace(collector: OtlpReceiver, log: readonly LogLine[]): void {
  const sent = collector.named("transfer_file").find((span) => span.parentSpanId === "");
  demand(sent !== undefined, "there is no trace of the transfer");
  const spans = collector.spans.filter((span) => span.traceId === sent!.traceId);
  heading(`one trace over both nodes: ${sent!.traceId}`);
  showSpan(sent!, spans, 1, sent!.startMs);
  const nodes = new Set(spans.map((span) => span.resource["service.instance.id"]));
  demand(nodes.size === 2, "the trace does not hold both nodes");
  const line = log.find((candidate) => candidate.message === "File received");
  demand(line?.fields.trace_id === sent!.traceId, "the log line names another trace");
  say(`the log line "File received" names it: trace_id=${line?.fields.trace_id}`);
}

function showSpan(span: ReceivedSpan, spans: readonly ReceivedSpan[], depth: number, originMs: number): void {
  const node = String(span.resource["service.instance.id"]).slice(0, 16);
  const begun = (span.startMs - originMs).toFixed(0).padStart(5);
  const lasted = (span.endMs - span.startMs).toFixed(0).padStart(5);
  const chunks = span.events.filter((event) => event.name === "chunks").length;
  const events = chunks === 0 ? "" : `, ${chunks} ${chunks === 1 ? "report" : "reports"} of chunks`;
  say(
    `${"  ".repeat(depth)}${
      span.name.padEnd(28 - 2 * depth)
    } at ${begun} ms for ${lasted} ms  ${node}${events}`,
  );
  const children = spans.filter((child) => child.parentSpanId === span.spanId);
  for (const child of children.sort((a, b) => a.startMs - b.startMs)) {
    showSpan(child, spans, depth + 1, originMs);
  }
}

function demand(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(`demo:observe: ${otherwise}`);
}

function heading(text: string): void {
  say(`\n${text}`);
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
