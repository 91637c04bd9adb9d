import assert from "node:assert/strict";
import { join } from "node:path";
import { concatBytes } from "../../src/bytes.ts";
import { CaptureFile } from "../../src/cli/capture_file.ts";
import { EXIT } from "../../src/cli/command.ts";
import { SECRETS_TYPE } from "../../src/node/capture/key_lines.ts";
import { BlockWriter, encodeHead, encodeSecrets, encodeStatistics } from "../../src/node/capture/pcapng.ts";
import { captureRoutes } from "../../src/node/control_capture.ts";
import { serveControl } from "../../src/node/control_server.ts";
import { parseAddress } from "../../src/net/address.ts";
import { systemClock } from "../../src/clock.ts";
import { runInProcess, testHost } from "../support/cli_host.ts";
import { readBlocks } from "../support/pcapng_reader.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const HEAD = encodeHead("test", [{ name: "wraith", description: "a socket" }], 65_535);
const KEY_LINE = new TextEncoder().encode("WRAITH_KEY 000000ab 0 11\n");

function packet(length: number, lostBefore = 0): Uint8Array {
  const writer = new BlockWriter(1_024);
  writer.packet(
    { interfaceId: 0, timeUs: 1_700_000_000_000_000, direction: "in", lostBefore, originalLength: length },
    length,
  ).fill(7);
  return writer.written();
}

const STATISTICS = encodeStatistics(0, { startUs: 1, endUs: 2, seen: 7, dropped: 4 });
const STREAM = concatBytes(
  HEAD,
  packet(61),
  encodeSecrets(SECRETS_TYPE, KEY_LINE),
  packet(3, 2),
  packet(64),
  STATISTICS,
);

Deno.test("However the stream is cut, the file holds whole blocks and no keys", async () => {
  await using folder = await temporaryFolder();
  const [path, keysPath] = [join(folder.path, "x.pcapng"), join(folder.path, "keys.txt")];
  const whole = concatBytes(HEAD, packet(61), packet(3, 2), packet(64), STATISTICS);
  for (let cut = 0; cut <= STREAM.length; cut += 5) {
    await Deno.remove(keysPath).catch(() => {});
    using file = await CaptureFile.open(path, keysPath);
    await file.take(STREAM.slice(0, cut));
    const soFar = await Deno.readFile(path);
    readBlocks(soFar);
    assert.deepEqual(soFar, whole.subarray(0, soFar.length));
    await file.take(STREAM.slice(cut));
    assert.deepEqual(await Deno.readFile(path), whole);
    assert.deepEqual(await Deno.readFile(keysPath), KEY_LINE);
    assert.deepEqual([file.packets, file.dropped], [3, 4]);
  }
});

Deno.test("Keys are the owner's alone, also in a file that was there, and are appended", async () => {
  await using folder = await temporaryFolder();
  const keysPath = join(folder.path, "keys.txt");
  await Deno.writeTextFile(keysPath, "earlier\n", { mode: 0o644 });
  using file = await CaptureFile.open(join(folder.path, "x.pcapng"), keysPath);
  await file.take(STREAM);
  assert.equal(await Deno.readTextFile(keysPath), `earlier\n${new TextDecoder().decode(KEY_LINE)}`);
  assert.equal((await Deno.stat(keysPath)).mode! & 0o777, 0o600);
  assert.equal((await Deno.stat(join(folder.path, "x.pcapng"))).mode! & 0o777, 0o600);
});

Deno.test("wraith capture says in one line what is wrong", async () => {
  await using folder = await temporaryFolder();
  for (
    const [words, said, code] of [
      [["--seconds", "0"], /^wraith: --seconds 0: expected a number from 0\.1 to 86400\n$/, EXIT.usage],
      [["--snaplen", "9"], /^wraith: --snaplen 9: expected a number from 160 to 65535\n$/, EXIT.usage],
      [[], /^wraith: no node is running in /, EXIT.failure],
    ] as const
  ) {
    const host = testHost();
    assert.equal(await runInProcess(["capture", ...words, "--data-dir", folder.path], host), code);
    assert.match(host.stderr.text, said);
  }
});

Deno.test("A capture that cannot be written ends, and so does the node's part of it", async () => {
  await using folder = await temporaryFolder();
  let untapped = Promise.withResolvers<void>();
  const source = {
    localAddress: parseAddress("127.0.0.1:1"),
    tap: () => () => untapped.resolve(),
    logKeys: () => () => {},
  };
  const server = await serveControl(folder.path);
  server.addRoutes(captureRoutes(source, systemClock, () => {}));
  try {
    for (
      const [path, said] of [
        [
          join(folder.path, "none", "x.pcapng"),
          /^wraith: cannot write the capture: No such file or directory/,
        ],
        ["/dev/full", /wraith: cannot write the capture: No space left on device/],
      ] as const
    ) {
      const host = testHost();
      const code = await runInProcess(["capture", "-o", path, "--data-dir", folder.path], host);
      assert.equal(code, EXIT.failure);
      assert.match(host.stderr.text, said);
      await untapped.promise;
      untapped = Promise.withResolvers();
    }
  } finally {
    await server.close();
  }
});
