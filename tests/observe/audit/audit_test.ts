import assert from "node:assert/strict";
import { join } from "node:path";
import type { AuditConfig } from "../../../src/config/config.ts";
import { nobleSuite } from "../../../src/crypto/noble_suite.ts";
import { peerIdOf } from "../../../src/crypto/peer_id.ts";
import { type AuditReport, createAudit, lastLines, verifyAudit } from "../../../src/observe/audit/mod.ts";
import { headPathOf } from "../../../src/observe/audit/head_file.ts";
import { auditFiles } from "../../../src/observe/audit/read.ts";
import { openRecord, sealRecord } from "../../../src/observe/audit/record.ts";
import { EventBus } from "../../../src/observe/event_bus.ts";
import type { NodeEvent } from "../../../src/observe/events.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { sampleEvents } from "../../support/sample_events.ts";

const SEED = new Uint8Array(32).fill(7);
const PEER = peerIdOf(nobleSuite.ed25519PublicKey(SEED));

interface Run {
  readonly path: string;
  readonly config: AuditConfig;
}

async function withFolder(body: (run: Run) => Promise<void>, maxSizeBytes = 0): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "wraith-audit-" });
  const path = join(folder, "audit.log");
  try {
    await body({ path, config: { enabled: true, output: path, maxSizeBytes, maxBackups: 100 } });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** One life of a node that audits `events`. */
async function live(config: AuditConfig, events: readonly NodeEvent[]): Promise<void> {
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const audit = createAudit({
    config,
    bus,
    clock,
    crypto: nobleSuite,
    signer: { peerId: PEER, sign: (message) => nobleSuite.ed25519Sign(SEED, message) },
  });
  await audit.start();
  for (const event of events) {
    bus.emit(event);
    if (audit.stats.records % 5 === 0) await audit.flush();
  }
  await audit.stop();
}

function bans(count: number): NodeEvent[] {
  return Array.from({ length: count }, (_, i) => ({
    type: "security.banned",
    source: `192.0.2.${i}`,
    detector: "auth_failures",
    durationMs: 1000,
  }));
}

function verify(path: string): Promise<AuditReport> {
  return verifyAudit({ path, crypto: nobleSuite, peerId: PEER });
}

async function readLines(path: string): Promise<string[]> {
  return (await Deno.readTextFile(path)).split("\n").slice(0, -1);
}

async function rewrite(path: string, change: (lines: string[]) => string[]): Promise<void> {
  await Deno.writeTextFile(path, change(await readLines(path)).map((line) => line + "\n").join(""));
}

Deno.test("Audit trail of every security-relevant event is intact, over restarts and rotated files", async () => {
  await withFolder(async ({ path, config }) => {
    for (let restart = 0; restart < 3; restart++) await live(config, [...sampleEvents(), ...bans(20)]);
    const report = await verify(path);
    assert.deepEqual(report.problems, []);
    assert.ok(report.files.length > 5, String(report.files.length));
    assert.equal(report.firstSeq, 1);
    assert.equal(report.lastSeq, report.records);
    assert.equal(report.signedUpTo, report.lastSeq, "the end is signed");
    assert.equal(report.signer, PEER);
    assert.ok(report.isHeadKnown);
    const events = new Set<string>();
    for (const file of report.files) {
      for (const line of await readLines(file)) events.add(JSON.parse(line).event);
    }
    for (
      const event of [
        "handshake.failed",
        "session.replay_burst",
        "security.banned",
        "security.unbanned",
        "security.authentication_failed",
        "config.reloaded",
        "identity.created",
        "control.action",
      ]
    ) assert.ok(events.has(event), event);
  }, 2000);
});

Deno.test("Audit verify names an edited record", async () => {
  await withFolder(async ({ path, config }) => {
    await live(config, bans(10));
    await rewrite(
      path,
      (lines) => lines.map((line, i) => i === 4 ? line.replace("192.0.2.2", "192.0.2.9") : line),
    );
    assert.deepEqual(named(await verify(path)), [["edited", 5, 5]]);
  });
});

Deno.test("Audit verify names an edited record whose hash was made to fit", async () => {
  await withFolder(async ({ path, config }) => {
    await live(config, bans(10));
    await rewrite(path, (lines) => reseal(lines, 4, 5));
    assert.deepEqual(named(await verify(path)), [["edited", 6, 5]]);
  });
});

Deno.test("Audit verify sees a history rewritten to its end by the signature that does not fit", async () => {
  await withFolder(async ({ path, config }) => {
    await live(config, bans(10));
    await rewrite(path, (lines) => reseal(lines, 4, lines.length));
    const kinds = named(await verify(path)).map(([kind]) => kind);
    assert.ok(kinds.includes("signature"), String(kinds));
  });
});

Deno.test("Audit verify names removed records, in the middle and between files", async () => {
  await withFolder(async ({ path, config }) => {
    await live(config, bans(10));
    await rewrite(path, (lines) => lines.filter((_, i) => i !== 4 && i !== 5));
    const report = await verify(path);
    assert.deepEqual(named(report), [["removed", 5, 5]]);
    assert.match(report.problems[0].message, /^records 5 to 6 are missing$/);
  });
  await withFolder(async ({ path, config }) => {
    await live(config, bans(30));
    const files = await auditFiles(path);
    const gone = (await readLines(files[2])).length;
    await Deno.remove(files[2]);
    const report = await verify(path);
    assert.equal(report.problems.length, 1);
    assert.equal(report.problems[0].kind, "removed");
    assert.ok(gone > 1);
  }, 1500);
});

Deno.test("Audit verify names reordered records", async () => {
  await withFolder(async ({ path, config }) => {
    await live(config, bans(10));
    await rewrite(path, (lines) => [...lines.slice(0, 4), lines[5], lines[4], ...lines.slice(6)]);
    const report = await verify(path);
    // No record is missing, so none is called so.
    assert.deepEqual(named(report), [["reordered", 6, 5]]);
  });
});

Deno.test("Audit verify is not misled by a record that was given another's number", async () => {
  await withFolder(async ({ path, config }) => {
    await live(config, bans(10));
    await rewrite(
      path,
      (lines) => lines.map((line, i) => i === 4 ? line.replace('"seq":5', '"seq":50') : line),
    );
    assert.deepEqual(named(await verify(path)), [["edited", 5, 50], ["removed", 6, 5]]);
  });
});

Deno.test("Audit verify names what was cut off the end, by the signed head and by one kept elsewhere", async () => {
  await withFolder(async ({ path, config }) => {
    await live(config, bans(10));
    const whole = await verify(path);
    await rewrite(path, (lines) => lines.slice(0, 8));
    assert.deepEqual(named(await verify(path)), [["truncated", 0, 9]]);
    await Deno.remove(headPathOf(path));
    const blind = await verify(path);
    assert.deepEqual(blind.problems, []);
    assert.ok(!blind.isHeadKnown, "and verify says that it could not have seen it");
    const head = { seq: whole.lastSeq!, hash: whole.lastHash! };
    const seeing = await verifyAudit({ path, crypto: nobleSuite, peerId: PEER, head });
    assert.deepEqual(named(seeing), [["truncated", 0, 9]]);
  });
});

Deno.test("Audit verify refuses a trail signed by somebody else", async () => {
  await withFolder(async ({ path, config }) => {
    await live(config, bans(3));
    const stranger = peerIdOf(nobleSuite.ed25519PublicKey(new Uint8Array(32).fill(9)));
    const report = await verifyAudit({ path, crypto: nobleSuite, peerId: stranger });
    assert.ok(report.problems.length > 0);
    for (const problem of report.problems) assert.equal(problem.kind, "signature");
  });
});

Deno.test("Audit verify finds any single changed byte", async () => {
  await withFolder(async ({ path, config }) => {
    await live(config, bans(3));
    const bytes = await Deno.readFile(path);
    for (let i = 0; i < bytes.length; i += 7) {
      const changed = bytes.slice();
      changed[i] ^= 0x04;
      await Deno.writeFile(path, changed);
      const report = await verify(path);
      assert.ok(report.problems.length > 0, `byte ${i} of ${bytes.length}`);
    }
  });
});

Deno.test("Audit trail goes on after a crash in mid-write, at every byte of the last record", async () => {
  await withFolder(async ({ path, config }) => {
    await live(config, bans(3));
    const whole = await Deno.readFile(path);
    const head = await Deno.readFile(headPathOf(path));
    const lastStart = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    const beforeLast = whole.lastIndexOf(0x0a, lastStart - 2) + 1;
    for (let length = beforeLast + 1; length < lastStart; length += 11) {
      await Deno.writeFile(path, whole.subarray(0, length));
      // The head of the life before: a crash leaves none that is ahead of the trail.
      await Deno.remove(headPathOf(path));
      await live(config, bans(1));
      const report = await verify(path);
      assert.deepEqual(report.problems, [], `${length} bytes left`);
      const events = (await readLines(path)).map((line) => JSON.parse(line).event);
      assert.ok(events.includes("audit.recovered"));
    }
    await Deno.writeFile(headPathOf(path), head);
  });
});

Deno.test("Audit trail holds back a flood and records how much", async () => {
  await withFolder(async ({ path, config }) => {
    const failed = sampleEvents().find((event) => event.type === "handshake.failed")!;
    await live(config, Array.from({ length: 1000 }, () => failed));
    const records = (await readLines(path)).map((line) => JSON.parse(line));
    assert.equal(records.filter((record) => record.event === "handshake.failed").length, 5);
    const heldBack = records.find((record) => record.event === "audit.held_back");
    assert.deepEqual(heldBack.fields, { held_back_event: "handshake.failed", held_back: 995 });
    assert.deepEqual((await verify(path)).problems, []);
  });
});

Deno.test("Audit trail with enabled = false writes nothing", async () => {
  await withFolder(async ({ path, config }) => {
    await live({ ...config, enabled: false }, bans(3));
    assert.deepEqual(await auditFiles(path), []);
  });
});

Deno.test("Audit tail reads the last records over rotated files", async () => {
  await withFolder(async ({ path, config }) => {
    await live(config, bans(30));
    const seqs = (await lastLines(path, 12)).map((line) => JSON.parse(line).seq);
    const last = (await verify(path)).lastSeq!;
    assert.deepEqual(seqs, Array.from({ length: 12 }, (_, i) => last - 11 + i));
  }, 1500);
});

Deno.test("Audit files are for their owner only", async () => {
  await withFolder(async ({ path, config }) => {
    await live(config, bans(1));
    for (const file of [path, headPathOf(path)]) assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
  });
});

/** Changes the record of line `index` and makes hashes fit for the lines up to `end`, as an attacker would. */
function reseal(lines: string[], index: number, end: number): string[] {
  const result = [...lines];
  let previous = openRecord(lines[index - 1], nobleSuite)!.record as { seq: number; hash: string };
  for (let i = index; i < end; i++) {
    const { record } = openRecord(lines[i], nobleSuite)!;
    const fields = i === index ? { ...record.fields, source: "198.51.100.7" } : record.fields;
    // He has not the key; an old signature is the best he can do.
    const forge = record.signature === undefined ? undefined : () => new Uint8Array(64).fill(1);
    const sealed = sealRecord({ ...record, fields }, previous, nobleSuite, forge);
    result[i] = sealed.line;
    previous = sealed.head;
  }
  return result;
}

function named(report: AuditReport): [string, number, number | null][] {
  return report.problems.map(({ kind, line, seq }) => [kind, line, seq]);
}
