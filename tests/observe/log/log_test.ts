import assert from "node:assert/strict";
import type { LoggingConfig } from "../../../src/config/config.ts";
import { EventBus } from "../../../src/observe/event_bus.ts";
import { LineLimiter } from "../../../src/observe/log/rate_limit.ts";
import { createLog, type Log, LOG_FIELDS } from "../../../src/observe/log/mod.ts";
import { describe, EVENT_TYPES } from "../../../src/observe/log/describe.ts";
import { ecsFormat } from "../../../src/observe/log/format_ecs.ts";
import { formatJson } from "../../../src/observe/log/format_json.ts";
import { textFormat } from "../../../src/observe/log/format_text.ts";
import { ERROR_TYPES } from "../../../src/observe/events.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { SAMPLE_PEER, sampleEvents } from "../../support/sample_events.ts";
import { vectorTest } from "../../support/vectors.ts";
import { MemoryOutput } from "./memory_output.ts";

interface Rig {
  readonly log: Log;
  readonly bus: EventBus;
  readonly clock: ManualClock;
  readonly output: MemoryOutput;
}

/** Runs `body` with a started log and returns the lines it wrote. */
async function logged(
  config: Partial<LoggingConfig>,
  body: (rig: Rig) => void | Promise<void>,
): Promise<string[]> {
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const output = new MemoryOutput();
  const log = createLog({
    config: { ...CONFIG, ...config },
    bus,
    clock,
    output,
    environment: () => undefined,
  });
  await log.start();
  await body({ log, bus, clock, output });
  await log.stop();
  return output.lines;
}

const CONFIG: LoggingConfig = {
  level: "info",
  format: "json",
  output: "stdout",
  maxSizeBytes: 0,
  maxBackups: 10,
  compress: true,
};

Deno.test("Log writes the specification's session line", async () => {
  const [line] = await logged({}, ({ bus }) => {
    bus.emit(sampleEvents().find((event) => event.type === "session.established")!);
  });
  const parsed = JSON.parse(line);
  assert.deepEqual(Object.keys(parsed), ["timestamp", "level", "message", "fields"]);
  assert.equal(parsed.timestamp, "2025-11-28T10:15:30.123Z");
  assert.equal(parsed.level, "info");
  assert.equal(parsed.message, "Session established");
  assert.equal(parsed.fields.peer_id, SAMPLE_PEER);
  assert.equal(parsed.fields.remote_addr, "192.0.2.10:41641");
  assert.equal(parsed.fields.handshake_duration_ms, 1.5);
});

Deno.test("Log writes the specification's audit line, with these fields and no others", async () => {
  const [line] = await logged({}, ({ bus }) => {
    bus.emit(sampleEvents().find((event) => event.type === "security.authentication_failed")!);
  });
  assert.deepEqual(JSON.parse(line), {
    timestamp: "2025-11-28T10:15:30.123Z",
    level: "warn",
    message: "Authentication failed",
    fields: { remote_addr: "203.0.113.100:52341", reason: "invalid_signature", attempt_count: 5 },
  });
});

Deno.test("Log knows every event, and each field has its one type", async () => {
  const events = sampleEvents();
  assert.deepEqual(new Set(events.map((event) => event.type)), new Set(EVENT_TYPES));
  const lines = await logged({ level: "trace" }, ({ bus }) => events.forEach(bus.emit));
  assert.equal(lines.length, events.length);
  for (const line of lines) {
    const { fields } = JSON.parse(line);
    for (const [key, value] of Object.entries(fields)) {
      const { type } = LOG_FIELDS[key as keyof typeof LOG_FIELDS];
      assert.equal(Array.isArray(value) ? "strings" : typeof value, type, `${key} in ${line}`);
    }
  }
});

Deno.test("Log levels write what their meaning says and nothing more talkative", async () => {
  const counts: number[] = [];
  for (const level of ["error", "warn", "info", "debug", "trace"] as const) {
    const lines = await logged({ level }, ({ bus }) => sampleEvents().forEach(bus.emit));
    const allowed = ["error", "warn", "info", "debug", "trace"].slice(0, counts.length + 1);
    for (const line of lines) assert.ok(allowed.includes(JSON.parse(line).level), line);
    counts.push(lines.length);
  }
  for (let i = 1; i < counts.length; i++) assert.ok(counts[i] > counts[i - 1], String(counts));
});

Deno.test("Error lines carry an error type that the metric also has", async () => {
  const lines = await logged({}, ({ bus }) => sampleEvents().forEach(bus.emit));
  const errors = lines.map((line) => JSON.parse(line)).filter((line) => line.level === "error");
  assert.ok(errors.length >= 4);
  for (const line of errors) assert.ok(ERROR_TYPES.includes(line.fields.error_type), JSON.stringify(line));
  // The specification's Kibana query.
  assert.ok(errors.some((line) => line.fields.error_type === "network"));
});

Deno.test("Log level changes live, also to diagnostics", async () => {
  const lines = await logged({}, ({ log, bus }) => {
    const rekeyed = sampleEvents().find((event) => event.type === "session.rekeyed")!;
    bus.emit(rekeyed);
    log.diagnose("debug", "packet", "Packet received", { packet_bytes: 1 });
    log.setLevel("debug");
    bus.emit(rekeyed);
    log.diagnose("debug", "packet", "Packet received", { packet_bytes: 2 });
    log.setLevel("info");
    bus.emit(rekeyed);
  });
  assert.deepEqual(lines.map((line) => JSON.parse(line).message), ["Session rekeyed", "Packet received"]);
});

vectorTest(
  "Naughty strings stay in their field, whole and harmless",
  "names/naughty_strings.json",
  (document) => {
    const { strings } = document as { readonly strings: readonly string[] };
    for (const encoded of strings) {
      const name = new TextDecoder().decode(Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0)));
      assertContained(name);
    }
    return strings.length;
  },
);

Deno.test("Text made to forge a line or to deceive a reader stays in its field", () => {
  const forged = '","level":"error","message":"x","fields":{}}\n{"timestamp":"2025-11-28T10:15:30.123Z"';
  for (
    const name of [forged, "a\r\nb", "\u2028x\u0085y", "a\u202etxt.exe", "\u{e0041}", "\ud800", "\x1b[2J"]
  ) {
    assertContained(name);
  }
});

Deno.test("A line is bounded however much a peer says", async () => {
  const lines = await logged({ level: "trace" }, ({ bus }) => {
    for (const event of sampleEvents("\u202e💥".repeat(100_000))) bus.emit(event);
  });
  for (const line of lines) assert.ok(line.length < 8192, `${line.length} characters`);
});

Deno.test("Refusals that one source causes are held back and counted exactly", async () => {
  const failed = sampleEvents().find((event) => event.type === "handshake.failed")!;
  let heldBack = 0;
  const lines = await logged({}, ({ bus, log, clock }) => {
    for (let i = 0; i < 1000; i++) {
      bus.emit({ ...failed, remoteAddr: `192.0.2.10:${1024 + i}` });
      clock.advance(1);
    }
    heldBack = log.stats.linesHeldBack;
  });
  const parsed = lines.map((line) => JSON.parse(line));
  const written = parsed.filter((line) => line.message === "Handshake failed").length;
  const report = parsed.filter((line) => line.message === "Similar lines held back");
  assert.equal(written, 5);
  assert.deepEqual(report.map((line) => line.fields), [
    { held_back_event: "handshake.failed", held_back: 995 },
  ]);
  assert.equal(heldBack, 995);
});

Deno.test("All of an IPv6 /64 is one source: it cannot use up what is there for others", async () => {
  const failed = sampleEvents().find((event) => event.type === "handshake.failed")!;
  const lines = await logged({}, ({ bus }) => {
    for (let i = 1; i <= 1000; i++) {
      bus.emit({ ...failed, remoteAddr: `[2001:db8:1:2::${i.toString(16)}]:9` });
    }
    bus.emit({ ...failed, remoteAddr: "192.0.2.99:9" });
  });
  const failures = lines.map((line) => JSON.parse(line)).filter((line) =>
    line.message === "Handshake failed"
  );
  assert.equal(failures.length, 6);
  assert.equal(failures[5].fields.remote_addr, "192.0.2.99:9");
});

Deno.test("Refusals from many sources share one budget, and the memory for them is fixed", async () => {
  const failed = sampleEvents().find((event) => event.type === "handshake.failed")!;
  const lines = await logged({}, ({ bus }) => {
    for (let i = 0; i < 50_000; i++) {
      bus.emit({ ...failed, remoteAddr: `10.${i >> 16}.${i >> 8 & 255}.${i & 255}:9` });
    }
  });
  assert.equal(lines.length, 101);
});

Deno.test("Whatever a peer can cause has a budget; only what the node itself decides has none", () => {
  const limiter = new LineLimiter();
  const now = new ManualClock().now();
  const unlimited = sampleEvents().filter((event) =>
    Array.from({ length: 5_000 }, () => limiter.admit(event, now)).every((admitted) => admitted)
  );
  assert.deepEqual(unlimited.map((event) => event.type).toSorted(), [
    "config.reload_failed",
    "config.reloaded",
    "control.action",
    "dht.joined",
    "dht.lookup.finished",
    "dht.lookup.started",
    "identity.created",
    "log.write_failed",
    "log.write_resumed",
    "node.notice",
    "node.started",
    "node.stopped",
    "node.stopping",
  ]);
});

Deno.test("A busy node's own work is not held back", async () => {
  const lines = await logged({}, ({ bus, clock }) => {
    for (let i = 0; i < 5000; i++) {
      bus.emit({ ...completed("file.bin"), peerId: `ed25519:${String(i % 100).padStart(64, "0")}` });
      clock.advance(5);
    }
  });
  assert.equal(lines.length, 5000);
});

Deno.test("Trace and span ids stand in the fields of an event's line", async () => {
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const output = new MemoryOutput();
  const spans = { spanOf: () => ({ traceId: "a".repeat(32), spanId: "b".repeat(16) }) };
  const log = createLog({ config: CONFIG, bus, clock, output, spans, environment: () => undefined });
  await log.start();
  bus.emit(completed("file.bin"));
  await log.stop();
  const { fields } = JSON.parse(output.lines[0]);
  assert.equal(fields.trace_id, "a".repeat(32));
  assert.equal(fields.span_id, "b".repeat(16));
});

Deno.test("Two logs in one process keep their lines apart", async () => {
  const clock = new ManualClock();
  const rigs = [0, 1].map(() => {
    const bus = new EventBus(clock);
    const output = new MemoryOutput();
    return {
      bus,
      output,
      log: createLog({ config: CONFIG, bus, clock, output, environment: () => undefined }),
    };
  });
  for (const { log } of rigs) await log.start();
  rigs[0].bus.emit(completed("first.bin"));
  rigs[1].bus.emit(completed("second.bin"));
  for (const { log } of rigs) await log.stop();
  assert.deepEqual(rigs.map(({ output }) => output.lines.map((line) => JSON.parse(line).fields.name)), [
    ["first.bin"],
    ["second.bin"],
  ]);
});

Deno.test("Text lines are aligned and quote what needs it", async () => {
  const [line] = await logged({ format: "text" }, ({ bus }) => bus.emit(completed("my file.bin")));
  assert.match(
    line,
    /^2025-11-28T10:15:30\.123Z INFO {2}File received {12}peer_id=ed25519:(ab){32} .* name="my file\.bin" /,
  );
});

Deno.test("ECS lines have the required keys and the schema's names", async () => {
  const [line] = await logged({ format: "ecs" }, ({ bus }) => {
    bus.emit(sampleEvents().find((event) => event.type === "security.authentication_failed")!);
  });
  const parsed = JSON.parse(line);
  assert.equal(parsed["@timestamp"], "2025-11-28T10:15:30.123Z");
  assert.equal(parsed["log.level"], "warn");
  assert.equal(parsed["ecs.version"], "8.11.0");
  assert.equal(parsed["source.ip"], "203.0.113.100");
  assert.equal(parsed["source.port"], 52341);
  assert.equal(parsed["event.outcome"], "failure");
  assert.equal(parsed["event.reason"], "invalid_signature");
  assert.equal(parsed["wraith.attempt_count"], 5);
});

function completed(name: string) {
  const event = sampleEvents(name).find((sample) => sample.type === "transfer.completed")!;
  return event as Extract<typeof event, { type: "transfer.completed" }>;
}

/** JSON gives back what the peer sent; no format has a line break or a deceptive character in its line. */
function assertContained(name: string): void {
  const parsed = JSON.parse(formatJson(describe(completed(name)), 0));
  assert.deepEqual(Object.keys(parsed), ["timestamp", "level", "message", "fields"]);
  assert.equal(parsed.fields.name, expected(name));
  for (const format of [formatJson, textFormat(false), ecsFormat(1)]) {
    for (const event of sampleEvents(name)) {
      const line = format(describe(event), 0);
      // Controls, format characters, separators, lone surrogates.
      assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u, JSON.stringify(line));
    }
  }
}

function expected(name: string): string {
  return name.length <= 512 ? name : name.slice(0, 511) + "…";
}
