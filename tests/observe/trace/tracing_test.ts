import assert from "node:assert/strict";
import type { TracingConfig } from "../../../src/config/config.ts";
import { EventBus } from "../../../src/observe/event_bus.ts";
import type { NodeEvent } from "../../../src/observe/events.ts";
import { createTracing, type Tracing } from "../../../src/observe/trace/mod.ts";
import { toolTest } from "../../support/external_tool.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { SAMPLE_PEER, sampleEvents } from "../../support/sample_events.ts";
import { OtlpReceiver, type ReceivedSpan } from "./otlp_receiver.ts";

const ID = "0123456789abcdef0123456789abcdef";
const FACTS = { transferId: ID, peerId: SAMPLE_PEER, name: "file.bin", files: 1, bytesTotal: 1000 } as const;

interface TracedNode {
  readonly bus: EventBus;
  readonly clock: ManualClock;
  readonly tracing: Tracing;
  readonly notices: string[];
}

async function tracedNode(
  config: Partial<TracingConfig>,
  environment: Readonly<Record<string, string>> = {},
): Promise<TracedNode> {
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const notices: string[] = [];
  bus.subscribe((event) => {
    if (event.type === "node.notice") notices.push(event.message);
  });
  const tracing = createTracing({
    config: { enabled: true, endpoint: "", serviceName: "wraith-protocol", sampleRatio: 1, ...config },
    bus,
    clock,
    peerId: SAMPLE_PEER,
    version: "1.2.3",
    environment: (name) => environment[name],
  });
  await tracing.start();
  return { bus, clock, tracing, notices };
}

/** What a node reports of one transfer, 10 ms between the events. */
function transfer({ bus, clock }: TracedNode, direction: "send" | "receive", traceparent?: string): void {
  const facts = { ...FACTS, direction };
  const course: NodeEvent[] = [
    { type: "transfer.offered", ...facts, ...(traceparent === undefined ? {} : { traceparent }) },
    { type: "transfer.started", ...facts, bytesResumed: 0 },
    { type: "transfer.progress", ...facts, bytesDone: 500, chunksDone: 2 },
    { type: "transfer.verifying", ...facts },
    { type: "transfer.verified", ...facts },
    { type: "transfer.completed", ...facts, durationMs: 50, bytesTransferred: 1000 },
  ];
  for (const event of course) {
    bus.emit(event);
    clock.advance(10);
  }
}

for (const protocol of ["http/protobuf", "http/json"]) {
  Deno.test(`Tracing shows a transfer of two nodes as one trace, over ${protocol}`, async () => {
    await using receiver = new OtlpReceiver();
    const environment = { OTEL_EXPORTER_OTLP_PROTOCOL: protocol };
    const sender = await tracedNode({ endpoint: receiver.endpoint }, environment);
    const recipient = await tracedNode({ endpoint: receiver.endpoint }, environment);
    const traceparent = sender.tracing.traceparentFor(ID)!;
    transfer(sender, "send");
    transfer(recipient, "receive", traceparent);
    await sender.tracing.stop();
    await recipient.tracing.stop();

    assert.deepEqual(new Set(receiver.requests.map(({ path }) => path)), new Set(["/v1/traces"]));
    const mime = protocol === "http/json" ? "application/json" : "application/x-protobuf";
    assert.deepEqual(new Set(receiver.requests.map(({ contentType }) => contentType)), new Set([mime]));
    assert.equal(receiver.spans.length, 8);
    assert.equal(new Set(receiver.spans.map((span) => span.traceId)).size, 1, "one trace over both nodes");

    const roots = receiver.named("transfer_file");
    const sent = roots.find((span) => span.attributes["wraith.transfer.direction"] === "send")!;
    const received = roots.find((span) => span.attributes["wraith.transfer.direction"] === "receive")!;
    assert.equal(sent.parentSpanId, "");
    assert.equal(received.parentSpanId, sent.spanId);
    for (const root of [sent, received]) {
      const children = receiver.spans.filter((span) =>
        span.parentSpanId === root.spanId && span.name !== "transfer_file"
      );
      assert.deepEqual(children.map((span) => shape(span, root)), [
        ["offer", 0, 10],
        ["verify", 30, 40],
        ["finish", 40, 50],
      ]);
      assert.equal(root.endMs - root.startMs, 50);
      assert.deepEqual(root.events.map(({ name }) => name), ["chunks"]);
      assert.equal(root.attributes["wraith.transfer.bytes"], 1000);
      assert.equal(root.status, 0);
      assert.equal(root.resource["service.name"], "wraith-protocol");
      assert.equal(root.resource["service.version"], "1.2.3");
      assert.equal(root.resource["service.instance.id"], SAMPLE_PEER);
    }
    assert.deepEqual(sender.tracing.stats, { exported: 4, failed: 0, dropped: 0, queued: 0 });
  });
}

Deno.test("Tracing shows handshakes, and their failure as an error with its reason", async () => {
  await using receiver = new OtlpReceiver();
  const { bus, clock, tracing } = await tracedNode({ endpoint: receiver.endpoint });
  for (const type of ["session.established", "handshake.failed"] as const) {
    bus.emit(sample("handshake.started"));
    clock.advance(2);
    bus.emit(sample(type));
  }
  await tracing.stop();
  const [good, bad] = receiver.named("handshake");
  assert.equal(good.kind, 2, "server");
  assert.equal(good.attributes["network.peer.address"], "192.0.2.10");
  assert.equal(good.attributes["network.peer.port"], 41641);
  assert.equal(good.attributes["network.transport"], "udp");
  assert.equal(good.attributes["wraith.peer.id"], SAMPLE_PEER);
  assert.equal(good.status, 0);
  assert.equal(Math.round(good.endMs - good.startMs), 2);
  assert.equal(bad.status, 2);
  assert.equal(bad.attributes["error.type"], "timeout");
});

Deno.test("Tracing shows a lookup with a child for each RPC", async () => {
  await using receiver = new OtlpReceiver();
  const { bus, clock, tracing } = await tracedNode({ endpoint: receiver.endpoint });
  bus.emit(sample("dht.lookup.started"));
  for (const result of ["success", "timeout"] as const) {
    clock.advance(40);
    bus.emit({ ...sample("dht.rpc.finished"), result } as NodeEvent);
  }
  bus.emit(sample("dht.lookup.finished"));
  await tracing.stop();
  const [lookup] = receiver.named("dht_lookup");
  const rpcs = receiver.named("dht_rpc");
  assert.deepEqual(rpcs.map((span) => span.parentSpanId), [lookup.spanId, lookup.spanId]);
  assert.deepEqual(rpcs.map((span) => Math.round(span.startMs - lookup.startMs)), [10, 50]);
  assert.deepEqual(rpcs.map((span) => span.attributes["error.type"]), [undefined, "timeout"]);
  assert.equal(lookup.attributes["wraith.dht.hops"], 3);
});

Deno.test("Tracing names the span of an event to those who are told after it", async () => {
  await using receiver = new OtlpReceiver();
  const node = await tracedNode({ endpoint: receiver.endpoint });
  const seen: (string | undefined)[] = [];
  node.bus.subscribe((event) => seen.push(node.tracing.spanOf(event)?.spanId));
  transfer(node, "send");
  await node.tracing.stop();
  const [root] = receiver.named("transfer_file");
  assert.deepEqual(seen, Array(6).fill(root.spanId));
});

Deno.test("Tracing that is off loads no SDK, records nothing and sends no context", async () => {
  const node = await tracedNode({ enabled: false });
  transfer(node, "send");
  assert.equal(node.tracing.isOn, false);
  assert.equal(node.tracing.traceparentFor(ID), null);
  assert.equal(node.tracing.accepts(SAMPLE_PEER), false);
  assert.equal(node.tracing.spanOf(sample("handshake.started")), undefined);
  await node.tracing.stop();
  const disabled = await tracedNode({}, { OTEL_SDK_DISABLED: "true" });
  assert.equal(disabled.tracing.isOn, false);
});

Deno.test("Tracing does not mind a collector that refuses: spans are counted, one notice is given", async () => {
  await using receiver = new OtlpReceiver();
  receiver.answer = 400;
  const node = await tracedNode({ endpoint: receiver.endpoint });
  for (let i = 0; i < 3; i++) {
    transfer(node, "send");
    await node.tracing.flush();
  }
  assert.deepEqual(node.tracing.stats, { exported: 0, failed: 12, dropped: 0, queued: 0 });
  assert.equal(node.notices.length, 1);
  assert.match(node.notices[0], /^Cannot export traces to http:/);
  receiver.answer = 200;
  transfer(node, "send");
  await node.tracing.stop();
  assert.equal(node.tracing.stats.exported, 4);
  assert.match(node.notices[1], /^Traces reach http:.* again$/);
});

Deno.test("Tracing sends headers, compresses, and comes again when the collector is busy", async () => {
  await using receiver = new OtlpReceiver();
  receiver.busyAnswers = 2;
  const node = await tracedNode({ endpoint: receiver.endpoint }, {
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
  });
  transfer(node, "send");
  await node.tracing.stop();
  assert.equal(receiver.requests.length, 3);
  for (const { headers } of receiver.requests) {
    assert.equal(headers.get("authorization"), "Bearer abc");
    assert.equal(headers.get("content-encoding"), "gzip");
  }
  assert.equal(receiver.spans.length, 4);
  assert.deepEqual(node.notices, []);
});

Deno.test("Tracing does not mind a collector that is not there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const node = await tracedNode({ endpoint: `http://127.0.0.1:${port}` });
  transfer(node, "send");
  await node.tracing.stop();
  assert.deepEqual(node.tracing.stats, { exported: 0, failed: 4, dropped: 0, queued: 0 });
  assert.equal(node.notices.length, 1);
});

Deno.test("Tracing bounds its queue and counts what found no room", async () => {
  await using receiver = new OtlpReceiver();
  const node = await tracedNode({ endpoint: receiver.endpoint }, {
    OTEL_BSP_MAX_QUEUE_SIZE: "10",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10",
  });
  for (let i = 0; i < 100; i++) {
    node.bus.emit(sample("handshake.started"));
    node.bus.emit(sample("session.established"));
  }
  await node.tracing.stop();
  const { exported, dropped, failed, queued } = node.tracing.stats;
  assert.equal(exported + dropped + failed, 100);
  assert.ok(dropped >= 80, String(dropped));
  assert.equal(queued, 0);
  assert.equal(receiver.spans.length, exported);
});

Deno.test("Tracing keeps the same traces on both sides, and lets no peer decide how many", async () => {
  await using receiver = new OtlpReceiver();
  const config = { endpoint: receiver.endpoint, sampleRatio: 0 };
  const node = await tracedNode(config);
  transfer(node, "receive", `00-${"f".repeat(32)}-${"b".repeat(16)}-01`);
  assert.match(node.tracing.traceparentFor(ID)!, /-00$/);
  await node.tracing.stop();
  assert.equal(receiver.spans.length, 0);
});

Deno.test("Tracing takes no malformed context from a peer", async () => {
  await using receiver = new OtlpReceiver();
  const node = await tracedNode({ endpoint: receiver.endpoint });
  transfer(node, "receive", "00-zz");
  await node.tracing.stop();
  assert.equal(receiver.named("transfer_file")[0].parentSpanId, "");
});

Deno.test("Tracing ends what is open when the node stops, and says that it is unfinished", async () => {
  await using receiver = new OtlpReceiver();
  const node = await tracedNode({ endpoint: receiver.endpoint });
  node.bus.emit(sample("transfer.offered"));
  node.bus.emit(sample("handshake.started"));
  await node.tracing.stop();
  assert.deepEqual(receiver.spans.map((span) => span.name).sort(), ["handshake", "offer", "transfer_file"]);
  for (const span of receiver.spans) assert.equal(span.attributes["wraith.unfinished"], true);
});

function shape(span: ReceivedSpan, root: ReceivedSpan): [string, number, number] {
  return [span.name, Math.round(span.startMs - root.startMs), Math.round(span.endMs - root.startMs)];
}

function sample<T extends NodeEvent["type"]>(type: T): NodeEvent {
  return sampleEvents().find((event) => event.type === type)!;
}

toolTest("protoc", "protobuf-compiler", "What is exported as protobuf is what protoc reads", async () => {
  await using collector = new OtlpReceiver();
  const node = await tracedNode({ endpoint: collector.endpoint });
  transfer(node, "send");
  await node.tracing.stop();
  const child = new Deno.Command("protoc", { args: ["--decode_raw"], stdin: "piped", stdout: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(collector.requests[0].body);
  await writer.close();
  const { success, stdout } = await child.output();
  assert.ok(success);
  // Field numbers of opentelemetry-proto: resource_spans 1, resource 1, scope_spans 2, spans 2; of a span: name 5,
  // kind 6, start and end 7 and 8.
  const text = new TextDecoder().decode(stdout).replaceAll(/\s+/g, " ");
  assert.match(text, /^1 \{ 1 \{ .*1 \{ 1: "service.name" 2 \{ 1: "wraith-protocol" \} \}/);
  const names = [...text.matchAll(/ 5: "(\w+)" 6: \d+ 7: 0x[0-9a-f]{16} 8: 0x[0-9a-f]{16} /g)].map((
    [, name],
  ) => name);
  assert.deepEqual(names, ["offer", "verify", "finish", "transfer_file"]);
});
