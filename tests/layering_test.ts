import assert from "node:assert/strict";
import { layeringViolations, type ModuleImports, modulesOf, readModuleGraph } from "./support/layering.ts";

const ROOT = new URL("../", import.meta.url);

Deno.test("Imports point downwards, without cycles, in every file of src", async () => {
  const graph = new Map<string, ModuleImports>();
  for (const file of ["main.ts", ...await sourceFiles("src")]) {
    // Most files come along with another's graph: only those that nobody imported yet are asked about.
    if (graph.has(file)) continue;
    for (const module of await readModuleGraph(ROOT, file)) graph.set(module.path, module);
  }
  assert.ok(graph.has("src/config/config.ts"), "the graph of src was not read");
  assert.deepEqual(layeringViolations([...graph.values()]), []);
});

const RULES: readonly [name: string, from: string, to: string, said: string | null][] = [
  [
    "the session may not know transfers",
    "src/session/a.ts",
    "src/transfer/b.ts",
    "session may not import transfer",
  ],
  ["the wire may not know the session", "src/wire/a.ts", "src/session/b.ts", "wire may not import session"],
  ["the wire and crypto are apart", "src/wire/a.ts", "src/crypto/b.ts", "wire may not import crypto"],
  [
    "monitoring may not know transfers",
    "src/monitor/a.ts",
    "src/transfer/b.ts",
    "monitor may not import transfer",
  ],
  [
    "transfers may not call views",
    "src/transfer/a.ts",
    "src/observe/log.ts",
    "transfer may not import observe",
  ],
  ["the network is a leaf", "src/net/a.ts", "src/config/b.ts", "net may not import config"],
  ["the node may not know commands", "src/node/a.ts", "src/cli/b.ts", "node may not import cli"],
  ["a leaf file may not import a folder", "src/clock.ts", "src/wire/b.ts", "a leaf file may not import wire"],
  ["source may not import tests", "src/node/a.ts", "tests/support/b.ts", "outside src"],
  ["a new folder needs a layer", "src/utils/a.ts", "src/clock.ts", "no layer is declared for src/utils"],
  ["commands may use the node", "src/cli/a.ts", "src/node/b.ts", null],
  ["everybody may report events", "src/session/a.ts", "src/observe/events.ts", null],
  ["everybody may use leaf files", "src/wire/a.ts", "src/bytes.ts", null],
  ["tests may import anything", "tests/a.ts", "src/cli/b.ts", null],
];

for (const [name, from, to, said] of RULES) {
  Deno.test(`Layering: ${name}`, () => {
    const found = layeringViolations([{ path: from, imports: [to] }]);
    if (said === null) assert.deepEqual(found, []);
    else assert.match(found.join("\n"), new RegExp(said));
  });
}

Deno.test("Layering finds a cycle between files of one folder", () => {
  const found = layeringViolations([
    { path: "src/wire/a.ts", imports: ["src/wire/b.ts"] },
    { path: "src/wire/b.ts", imports: ["src/wire/c.ts"] },
    { path: "src/wire/c.ts", imports: ["src/wire/b.ts"] },
  ]);
  assert.deepEqual(found, ["import cycle: src/wire/b.ts -> src/wire/c.ts -> src/wire/b.ts"]);
});

Deno.test("Layering lets types close a cycle within a folder", () => {
  const found = layeringViolations([
    { path: "src/wire/a.ts", imports: ["src/wire/b.ts"] },
    { path: "src/wire/b.ts", imports: ["src/wire/a.ts"], typeOnly: ["src/wire/a.ts"] },
  ]);
  assert.deepEqual(found, []);
});

Deno.test("The graph of deno info counts type imports and drops what is not ours", () => {
  const modules = modulesOf({
    modules: [
      {
        specifier: "file:///repo/src/wire/a.ts",
        dependencies: [
          { code: { specifier: "file:///repo/src/bytes.ts" } },
          { type: { specifier: "file:///repo/src/session/b.ts" } },
          { code: { specifier: "npm:valibot@1.5.0" } },
        ],
      },
      { specifier: "npm:/valibot@1.5.0" },
    ],
  }, "file:///repo/");
  assert.deepEqual(modules, [{
    path: "src/wire/a.ts",
    imports: ["src/bytes.ts", "src/session/b.ts"],
    typeOnly: ["src/session/b.ts"],
  }]);
});

async function sourceFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) files.push(...await sourceFiles(path));
    else if (entry.name.endsWith(".ts")) files.push(path);
  }
  return files.sort();
}
