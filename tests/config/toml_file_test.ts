import assert from "node:assert/strict";
import {
  formatTomlValue,
  lineOf,
  parseToml,
  syntaxErrorOf,
  TomlSyntaxError,
} from "../../src/config/toml_file.ts";

const SOURCE = `# a comment with [brackets]
title = "x"

[a]
list = [
  "one", # [a.fake]
  "two",
]
text = """
[b]
key = 1
"""
last = 1
[b]
key = 2
inline = { deep = { deeper = 3 } }
`;

const PLACES: readonly [keys: string[], line: number | null][] = [
  [["title"], 2],
  [["a"], 4],
  [["a", "list"], 5],
  [["a", "text"], 9],
  [["a", "last"], 13],
  [["b"], 14],
  [["b", "key"], 15],
  [["b", "inline", "deep", "deeper"], 16],
  [["b", "missing"], null],
];

for (const [keys, line] of PLACES) {
  Deno.test(`${keys.join(".")} stands on line ${line}`, () => assert.equal(lineOf(SOURCE, keys), line));
}

Deno.test("A syntax error names its line and fits on one", () => {
  assert.throws(() => parseToml("a = 1\nb = \n"), (error) => {
    assert.ok(error instanceof TomlSyntaxError);
    assert.equal(error.line, 2);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
});

Deno.test("Values are written so that they read back", () => {
  const values = { text: 'a "b" \\ \u007f \n é', list: ["a", "b"], on: true, count: 3, ratio: 0.5 };
  for (const [key, value] of Object.entries(values)) {
    assert.deepEqual(parseToml(`${key} = ${formatTomlValue(value)}`)[key], value);
  }
});

Deno.test("Another parser's complaints are understood too: a line in words, no prefix", () => {
  const error = syntaxErrorOf(
    new SyntaxError("Parse error on line 3, column 9: Unexpected character\n  | x ="),
  );
  assert.deepEqual([error.line, error.message], [3, "Unexpected character"]);
  assert.equal(syntaxErrorOf(new Error("no place")).line, 1);
});
