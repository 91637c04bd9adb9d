import assert from "node:assert/strict";
import fc from "fast-check";
import {
  foldName,
  MAX_NAME_BYTES,
  MAX_PATH_DEPTH,
  nameFault,
  OfferedPaths,
  pathFault,
  printableName,
} from "../../src/transfer/path_safety.ts";
import { TransferError } from "../../src/transfer/transfer_error.ts";
import { vectorTest } from "../support/vectors.ts";

const REFUSED_EVERYWHERE: readonly [path: string, why: RegExp][] = [
  ["", /empty/],
  ["/etc/passwd", /absolute/],
  ["//server/share", /absolute/],
  ["..", /"\.\."/],
  [".", /"\."/],
  ["../up", /"\.\."/],
  ["a/../../b", /"\.\."/],
  ["a/./b", /"\."/],
  ["a//b", /empty part/],
  ["a/", /empty part/],
  ["a\0b", /control/],
  ["a\nb", /control/],
  ["a\u007f", /control/],
  ["\u001b[2J", /control/],
  ["a\ud800", /Unicode/],
  ["\ufeffa", /byte-order/],
  ["x".repeat(MAX_NAME_BYTES + 1), /longer/],
  ["ü".repeat(128), /longer/],
  ["d/".repeat(MAX_PATH_DEPTH) + "f", /deeper/],
  [`${"x".repeat(200)}/`.repeat(20) + "f", /longer/],
  [".wraith-journal-1", /reserved/],
  ["a/.WRAITH-partial", /reserved/],
  ["NUL", /device/],
  ["a/con", /device/],
  ["Lpt9", /device/],
  ["COM¹", /device/],
];

for (const [path, why] of REFUSED_EVERYWHERE) {
  Deno.test(`The path ${JSON.stringify(path).slice(0, 40)} is refused on every platform`, () => {
    assert.match(pathFault(path, "posix") ?? "accepted", why);
    assert.match(pathFault(path, "windows") ?? "accepted", why);
  });
}

const REFUSED_ON_WINDOWS = [
  "C:evil",
  "C:\\evil",
  "a\\..\\b",
  "file:stream",
  "a?",
  'a"b',
  "trailing.",
  "...",
  "trailing ",
  "aux.c",
  "nul .txt",
  "CON.tar.gz",
];

for (const path of REFUSED_ON_WINDOWS) {
  Deno.test(`The path ${JSON.stringify(path)} is plain on POSIX and refused on Windows`, () => {
    assert.equal(pathFault(path, "posix"), null);
    assert.notEqual(pathFault(path, "windows"), null);
  });
}

for (
  const path of ["a", "a/b/c.txt", "..a", ".hidden", "-rf", "日本語/файл", "console", "com10", "a b"]
) {
  Deno.test(`The path ${JSON.stringify(path)} is accepted everywhere`, () => {
    assert.equal(pathFault(path, "posix"), null);
    assert.equal(pathFault(path, "windows"), null);
  });
}

vectorTest(
  "Naughty strings are refused or stay one name below the directory",
  "names/naughty_strings.json",
  (document) => {
    const { strings } = document as { strings: string[] };
    for (const encoded of strings) {
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(
        Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0)),
      );
      for (const platform of ["posix", "windows"] as const) assertContained(text, platform);
    }
    return strings.length;
  },
);

Deno.test("Any accepted path stays below the directory it is joined to", () => {
  const piece = fc.oneof(
    fc.constantFrom("..", ".", "/", "\\", "C:", "\0", "a", " ", ".wraith-", "nul", "%2e%2e", "~"),
    fc.string({ unit: "binary", maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      assertContained(pieces.join(""), "posix");
      assertContained(pieces.join(""), "windows");
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("An offer may not name a path twice", () => {
  const paths = new OfferedPaths("posix");
  paths.add({ path: "a/b", isDirectory: false });
  refuses(() => paths.add({ path: "a/b", isDirectory: false }), /twice/);
  paths.add({ path: "a", isDirectory: true });
  refuses(() => paths.add({ path: "a", isDirectory: true }), /twice/);
});

Deno.test("An offer may not use one path as file and as directory", () => {
  const paths = new OfferedPaths("posix");
  paths.add({ path: "a", isDirectory: false });
  refuses(() => paths.add({ path: "a/b", isDirectory: false }), /"a" is offered as a file/);
  paths.add({ path: "c/d", isDirectory: false });
  refuses(() => paths.add({ path: "c", isDirectory: false }), /inside/);
});

Deno.test("Names that differ in case or composition only are noticed", () => {
  const paths = new OfferedPaths("posix");
  for (
    const path of [
      "Read.me",
      "read.ME",
      "caf\u00e9",
      "cafe\u0301",
      "straße",
      "STRASSE",
      "alone",
      "D/x",
      "d/y",
    ]
  ) {
    paths.add({ path, isDirectory: false });
  }
  for (const path of ["Read.me", "read.ME", "caf\u00e9", "cafe\u0301", "straße", "STRASSE", "D", "d"]) {
    assert.ok(paths.collides(path), path);
  }
  for (const path of ["alone", "D/x", "d/y"]) assert.ok(!paths.collides(path), path);
});

Deno.test("A refused name is printed without control characters and in bounds", () => {
  assert.equal(printableName("a\u001b[31m\u202eb"), "a\\u{1b}[31m\\u{202e}b");
  assert.equal(printableName("x".repeat(500)).length, 120);
  refuses(
    () => new OfferedPaths("posix").add({ path: "\u001b[2J", isDirectory: false }),
    /^Refused "\\u\{1b\}\[2J"/,
  );
});

Deno.test("Folding is idempotent", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    assert.equal(foldName(foldName(text)), foldName(text));
  }));
});

function assertContained(text: string, platform: "posix" | "windows"): void {
  if (nameFault(text, platform) === null) assert.ok(!/[/\0]/.test(text) && text !== ".." && text !== ".");
  if (pathFault(text, platform) !== null) return;
  const separator = platform === "windows" ? /[/\\]/ : /\//;
  for (const name of text.split(separator)) {
    assert.ok(name !== "" && name !== "." && name !== ".." && !name.includes("\0"), JSON.stringify(text));
    if (platform === "windows") assert.ok(!/[:*?]/.test(name) && !/[ .]$/.test(name), JSON.stringify(text));
  }
}

function refuses(run: () => void, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof TransferError);
    assert.equal(error.reason, "refused_name");
    assert.match(error.message, message);
    return true;
  });
}
