import assert from "node:assert/strict";
import { probeNativeSockets } from "../../../src/net/open_socket.ts";
import { measuredSuites } from "../../../src/node/benchmark/primitives.ts";
import { measureTransfer } from "../../../src/node/benchmark/transfer_in_process.ts";
import { temporaryFolder } from "../../support/temporary_folder.ts";

const { nativeUnavailable } = measuredSuites();
const sockets = await probeNativeSockets();
const refusal = nativeUnavailable ?? ("unavailable" in sockets ? sockets.unavailable : null);

for (const backend of ["portable", "native"] as const) {
  const ignore = backend === "native" && refusal !== null;
  const name = `A ${backend} transfer within the process is measured and leaves nothing behind`;
  Deno.test({
    name: ignore ? `${name} (skipped: ${refusal})` : name,
    ignore,
    async fn() {
      await using folder = await temporaryFolder();
      const signal = new AbortController().signal;
      const figures = await measureTransfer({ folder: folder.path, bytes: 3_000_000, backend, signal });
      assert.equal(figures.bytes, 3_000_000);
      assert.ok(figures.seconds > 0 && figures.cpuSeconds > 0);
      assert.deepEqual([...Deno.readDirSync(folder.path)], []);
    },
  });
}

Deno.test("A transfer that is given up leaves nothing behind either", async () => {
  await using folder = await temporaryFolder();
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(
    measureTransfer({ folder: folder.path, bytes: 1_000, backend: "portable", signal }),
    /enough/,
  );
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});
