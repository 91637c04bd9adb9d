import assert from "node:assert/strict";
import { Chalk } from "chalk";
import fc from "fast-check";
import stringWidth from "string-width";
import { shownBps, shownSize, shownSpan } from "../../../src/monitor/figures.ts";
import { frameLines, plainLines, type Shown, VIEWS } from "../../../src/cli/mon/frame.ts";
import { sparkline } from "../../../src/cli/mon/sparkline.ts";
import { fakeSample, sampledTransferOf } from "../../support/fake_sample.ts";

const PLAIN = new Chalk({ level: 0 });

function shown(differences: Partial<Shown> = {}): Shown {
  return {
    sample: fakeSample(),
    view: "overview",
    order: 0,
    isPaused: false,
    isFresh: true,
    notice: null,
    columns: 80,
    rows: 24,
    paint: PLAIN,
    ...differences,
  };
}

Deno.test("The plain frame is the specification's, with its box straight and its numbers rounded", () => {
  assert.deepEqual(plainLines(fakeSample(), 80, PLAIN), [
    "┌─ WRAITH Node Status ──────────────────────────┐",
    "│ Uptime: 5d 12h 34m                            │",
    "│ Sessions: 42 active, 1,523 total              │",
    "│ Throughput: ↑ 850 Mbps, ↓ 420 Mbps            │",
    "│ DHT Peers: 156                                │",
    "│ Memory: 125 MB / 2 GB (6.25%)                 │",
    "│ CPU: 32.5%                                    │",
    "└───────────────────────────────────────────────┘",
    "",
    "Recent Transfers:",
    "✓ file1.bin → peer:abc123 (1.2 GB, 15s, 640 Mbps)",
    "✓ file2.bin → peer:def456 (500 MB, 6s, 667 Mbps)",
    "⏳ file3.bin → peer:789aaa (2.1 GB, 45% complete)",
  ]);
});

Deno.test("The box is 49 columns wide whatever the numbers, and as narrow as the terminal", () => {
  const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(fc.property(number, number, fc.integer({ min: 30, max: 120 }), (a, b, columns) => {
    const sample = fakeSample({
      sessions_active: a,
      sessions_total: b,
      send_bps: a,
      receive_bps: b,
      memory_bytes: a,
      uptime_ms: b,
    });
    const box = plainLines(sample, columns, PLAIN).slice(0, 8);
    for (const line of box) assert.equal(stringWidth(line), Math.min(49, columns), line);
  }));
});

Deno.test("No view has a line wider or a frame higher than the terminal", () => {
  const names = fc.string({ unit: "grapheme", maxLength: 60 });
  const size = fc.record({
    columns: fc.integer({ min: 20, max: 130 }),
    rows: fc.integer({ min: 3, max: 60 }),
  });
  fc.assert(
    fc.property(names, size, fc.constantFrom(...VIEWS), fc.nat(5), (name, { columns, rows }, view, order) => {
      const security = [{ at: fakeSample().at, what: "banned" as const, source: name, detail: name }];
      const transfers = [
        sampledTransferOf("abc", { name }),
        sampledTransferOf("d", { name, state: "failed" }),
      ];
      const sample = fakeSample({ transfers, security });
      const lines = frameLines(shown({ sample, columns, rows, view, order, notice: name || null }));
      assert.ok(lines.length <= rows);
      for (const line of lines) {
        assert.ok(stringWidth(line) <= columns, `${stringWidth(line)} columns: ${line}`);
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/);
      }
    }),
  );
});

Deno.test("A transfer's line tells sent from received, failed from paused", () => {
  const transfers = [
    sampledTransferOf("aaaaaa", { direction: "receive", bytes_total: 999_960, duration_ms: 400 }),
    sampledTransferOf("bbbbbb", { state: "failed", bytes_total: 1_000, bytes_done: 999 }),
    sampledTransferOf("cccccc", { state: "paused", bytes_total: 1_000, bytes_done: 500 }),
    sampledTransferOf("dddddd", { name: "a\u001b[2Jb", bytes_total: 0, duration_ms: 0, bps: 0 }),
  ];
  assert.deepEqual(plainLines(fakeSample({ transfers }), 80, PLAIN).slice(10), [
    "✓ file.bin ← peer:aaaaaa (1 MB, 0.4s, 20 Mbps)",
    "✗ file.bin → peer:bbbbbb (1 kB, failed at 99%)",
    "⏳ file.bin → peer:cccccc (1 kB, 50% complete, paused)",
    "✓ a\ufffd[2Jb → peer:dddddd (0 B, 0s, 0 bps)",
  ]);
});

Deno.test("Figures round, and a rounded one takes the next prefix", () => {
  assert.equal(shownSize(999_499), "999 kB");
  assert.equal(shownSize(999_500), "1 MB");
  assert.equal(shownSize(1_250_000), "1.3 MB");
  assert.equal(shownSize(125_829_120), "126 MB");
  assert.equal(shownBps(9_960_000), "10 Mbps");
  assert.deepEqual([0, 400, 9_900, 9_960, 59_600, 3_600_000, 86_400_000].map(shownSpan), [
    "0s",
    "0.4s",
    "9.9s",
    "10s",
    "1m 0s",
    "1h 0m",
    "1d 0h 0m",
  ]);
});

Deno.test("A sparkline shows the last points against the scale, and the least of traffic", () => {
  assert.equal(sparkline([0, 1, 50, 100], 4, 100), " ▁▄█");
  assert.equal(sparkline([9, 9, 0, 1], 2, 9), " ▁");
});

Deno.test("Sessions are sorted the greatest first, and a narrow terminal keeps what matters", () => {
  const wide = frameLines(shown({ view: "sessions", order: 1, columns: 100 }));
  assert.match(wide[2], /^42 active \(2 listed\), 1523 total, 8 failed$/);
  assert.match(wide[3], /^PEER +RTT +SENT +RECEIVED +LOST +AGE +ADDRESS +PATH$/);
  assert.match(wide[4], /^peer:b2b2b2 +180 ms +5 MB +1 kB +7 +5m 0s 192\.0\.2\.10:41641 +outbound direct$/);
  const narrow = frameLines(shown({ view: "sessions", columns: 40 }));
  assert.match(narrow[3], /^PEER +RTT +SENT RECEIVED$/);
  assert.match(narrow[4], /^peer:b2b2b2 +20 ms +5 MB +1 kB$/);
});
