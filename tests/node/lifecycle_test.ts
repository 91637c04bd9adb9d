import assert from "node:assert/strict";

const LIFECYCLE = new URL("../../src/node/lifecycle.ts", import.meta.url).href;

/** Runs `code` in a process of its own, with the module in scope, and returns what it printed. */
async function run(code: string): Promise<{ code: number; out: string }> {
  const script = `import { listenForFaults } from "${LIFECYCLE}";\n${code}`;
  const result = await new Deno.Command(Deno.execPath(), { args: ["eval", script], stderr: "null" }).output();
  return { code: result.code, out: new TextDecoder().decode(result.stdout).trim() };
}

for (
  const [what, cause] of [
    ["rejection", "Promise.reject(new Error('lost'))"],
    ["exception", "setTimeout(() => { throw new Error('lost') }, 0)"],
  ]
) {
  Deno.test(`An ${what} that nobody caught is handed over, and the process goes on`, async () => {
    const { code, out } = await run(`
      listenForFaults((error) => console.log("fault:", error.message));
      ${cause};
      setTimeout(() => console.log("still here"), 50);
    `);
    assert.deepEqual([code, out], [0, "fault: lost\nstill here"]);
  });
}

Deno.test("Once disposed, the runtime's own end is back", async () => {
  const { code } = await run(`
    { using _ = listenForFaults(() => {}); }
    Promise.reject(new Error("lost"));
  `);
  assert.equal(code, 1);
});
