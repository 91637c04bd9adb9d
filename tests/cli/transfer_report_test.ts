import assert from "node:assert/strict";
import { CommandError, type Options } from "../../src/cli/command.ts";
import { shownCost, TransferReport } from "../../src/cli/transfer_report.ts";
import { Interruption } from "../../src/node/lifecycle.ts";
import type {
  TransferDocument,
  TransferProgress,
  TransferResult,
} from "../../src/node/transfer_documents.ts";
import { testHost } from "../support/cli_host.ts";
import { ManualClock } from "../support/manual_clock.ts";

const DOCUMENT: TransferDocument = {
  transfer_id: "00".repeat(16),
  direction: "send",
  state: "running",
  peer_id: `ed25519:${"ab".repeat(32)}`,
  name: "photos",
  files: 25,
  files_done: 3,
  files_failed: 0,
  bytes_total: 100_000_000,
  bytes_done: 40_000_000,
  bytes_resumed: 30_000_000,
  bytes_transferred: 10_000_000,
  bytes_per_second: 5_000_000,
  current: null,
  started_at: "2026-01-01T00:00:00.000Z",
  ended_at: null,
  duration_ms: 2_000,
  reason: null,
  message: null,
};
const PROGRESS: TransferProgress = { event: "progress", ...DOCUMENT };
const RESULT: TransferResult = {
  event: "result",
  ...DOCUMENT,
  state: "completed",
  failures: [],
  skipped: 0,
  skipped_paths: [],
};

function reportWith({ json = false, signal = new AbortController().signal } = {}) {
  const [host, clock] = [testHost(), new ManualClock()];
  const options: Options = { flag: (name) => name === "json" && json, value: () => undefined, all: () => [] };
  const loadConfig = () => assert.fail("no configuration is needed");
  const context = { ...host, clock, signal, args: [], options, loadConfig };
  const report = new TransferReport(context, {
    success: (result) => `sent it: ${shownCost(result)}`,
    place: "at the receiver",
    howToResume: "send the same again to resume",
  });
  return { report, clock, out: host.stdout, err: host.stderr };
}

Deno.test("With --json progress is an event a second, and the last one is the result", () => {
  const { report, clock, out, err } = reportWith({ json: true });
  for (let i = 0; i < 11; i++) {
    report.take(PROGRESS);
    clock.advance(200);
  }
  report.take(RESULT);
  assert.equal(report.conclude(), 0);
  const events = out.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(events, [PROGRESS, PROGRESS, RESULT]);
  assert.equal(err.text, "");
});

Deno.test("For people the result is one line", () => {
  const { report, out, err } = reportWith();
  report.take(RESULT);
  assert.equal(report.conclude(), 0);
  assert.equal(out.text, "sent it: 100 MB in 2 s, 5 MB/s (25 files, 30 MB were there already)\n");
  assert.equal(err.text, "");
});

Deno.test("What was not sent is named, the first ten", () => {
  const { report, err } = reportWith();
  const skipped_paths = Array.from({ length: 12 }, (_, i) => `/photos/link ${i}`);
  report.take({ ...RESULT, skipped: 12, skipped_paths });
  report.conclude();
  assert.equal(
    err.text,
    `wraith: not sent: 12 links, special or unfinished files: ${
      skipped_paths.slice(0, 10).join(", ")
    } and 2 more\n`,
  );
});

Deno.test("Each of several failures has its line, and the command fails with the last", () => {
  const { report, out, err } = reportWith();
  const failures = ["a", "b"].map((path) => ({
    path,
    reason: "source_changed" as const,
    message: `"${path}" changed`,
  }));
  const message = "2 of 25 files were not delivered";
  report.take({ ...RESULT, state: "failed", files_failed: 2, failures, message });
  assert.throws(
    () => report.conclude(),
    (error) => error instanceof CommandError && error.exitCode === 1 && error.message === message,
  );
  assert.equal(err.text, 'wraith: "a" changed\nwraith: "b" changed\n');
  assert.equal(out.text, "");
});

Deno.test("An interruption says what is kept and how to go on", () => {
  const interrupt = new AbortController();
  const { report, err } = reportWith({ signal: interrupt.signal });
  report.take(PROGRESS);
  interrupt.abort(new Interruption("SIGINT"));
  report.breakOff();
  assert.equal(
    err.text,
    "wraith: interrupted: 40 MB of 100 MB are at the receiver; send the same again to resume\n",
  );
});
