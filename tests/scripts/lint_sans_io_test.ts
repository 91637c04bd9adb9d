import assert from "node:assert/strict";
import plugin from "../../scripts/lint_sans_io.ts";

const CORE = "/repo/src/session/connection.ts";

function findings(source: string, file = CORE): string[] {
  return Deno.lint.runPlugin(plugin, file, source).map((diagnostic) => diagnostic.message);
}

const FORBIDDEN: readonly [source: string, named: string][] = [
  ["const t = Date.now();", "`Date`"],
  ["const t = performance.now();", "`performance`"],
  ["setTimeout(tick, 5);", "`setTimeout`"],
  ["const f = { later: setInterval };", "`setInterval`"],
  ["const x = Math.random();", "`Math.random`"],
  ["const e = Deno.env;", "`Deno`"],
  ["console.log(1);", "`console`"],
  ["const p = new Promise(() => {});", "`Promise`"],
  ["const now = Date as unknown;", "`Date`"],
  ["crypto.getRandomValues(bytes);", "`crypto`"],
  ["globalThis.fetch;", "`globalThis`"],
  ["async function read() {}", "An async function"],
  ["const read = async () => {};", "An async function"],
  ["class A { async read() {} }", "An async function"],
  ["await reading;", "`await`"],
  ["for await (const x of xs) x;", "`for await`"],
  ["import('./other.ts');", "A dynamic import"],
  ["import fs from 'node:fs';", "`node:fs`"],
];

for (const [source, named] of FORBIDDEN) {
  Deno.test(`The sans-IO rule finds ${named} in ${source}`, () => {
    const found = findings(source);
    assert.ok(found.some((message) => message.startsWith(named)), `found ${JSON.stringify(found)}`);
  });
}

Deno.test("The sans-IO rule lets names, types and type imports through", () => {
  const source = `
    import type { Buffer } from "node:buffer";
    // Date.now() and await in a comment, "Deno.open" in a string
    const text = "Deno.open(performance.now())";
    interface Timed { performance: number; done: Promise<void>; at: Date }
    class Box { process(): number { return this.process(); } get console() { return text; } }
    function take(x: Timed, f: (d: Date) => Promise<void>): number { return x.performance + f.length; }
    const object = { Date: 1, fetch: take };
    const random = Math.floor(object.Date);
  `;
  assert.deepEqual(findings(source), []);
});

Deno.test("The sans-IO rule leaves the edge alone", () => {
  assert.deepEqual(findings("await new Promise((r) => setTimeout(r, 1));", "/repo/src/node/driver.ts"), []);
});
