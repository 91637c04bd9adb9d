import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { makeVectors } from "../../scripts/protocol_vectors.ts";
import { fromHex } from "../../src/bytes.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { parseFrames } from "../../src/wire/frames.ts";
import {
  checkHeader,
  HEADER_LENGTH,
  MIN_INIT_LENGTH,
  packetNumber,
  PacketType,
} from "../../src/wire/packet.ts";
import { ByteReader } from "../../src/wire/varint.ts";
import { isInstalled, runTool } from "../support/external_tool.ts";
import { RecordingSink } from "./recording_sink.ts";

const published = JSON.parse(
  readFileSync(new URL("../../docs/protocol_vectors.json", import.meta.url), "utf8"),
);

Deno.test("the published vectors are what this implementation sends, byte for byte", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(makeVectors())), published);
});

Deno.test("the published handshake has the headers that the specification gives it", () => {
  const { init, response, final } = published.handshake;
  const [a, b, c] = [init, response, final].map((hex: string) => fromHex(hex));
  assert.deepEqual([a, b, c].map((bytes) => checkHeader(bytes, 0, bytes.length)), [1, 2, 3]);
  assert.equal(a.length, MIN_INIT_LENGTH);
  assert.equal(packetNumber(b, 0), published.responder.transport_parameters.index);
});

Deno.test("the published data packets open under the published keys and hold the frames they say", () => {
  const heard: unknown[] = [];
  for (const { from, number, frames, datagram } of published.data_packets) {
    const packet = fromHex(datagram);
    assert.equal(checkHeader(packet, 0, packet.length), PacketType.Data);
    const aead = nobleSuite.aead(fromHex(published.epoch_0[`${from}_key`]));
    const length = aead.open(number, packet, 0, HEADER_LENGTH, packet.length - HEADER_LENGTH);
    const body = packet.subarray(HEADER_LENGTH, HEADER_LENGTH + length);
    assert.deepEqual(body, fromHex(frames));
    const sink = new RecordingSink();
    parseFrames(new ByteReader().reset(body), sink);
    heard.push(...sink.frames.map(([name]) => name));
  }
  assert.deepEqual(heard, ["ping", "ack", "stream", "max_data", "datagram", "rekey", "close"]);
});

// The system's own, whichever else a developer has on PATH: that is where the Debian package lands.
const PYTHON = "/usr/bin/python3";
const hasCryptography = isInstalled("python3") &&
  (await runTool(PYTHON, ["-c", "import cryptography"]).catch(() => ({ success: false }))).success;
// deno-lint-ignore no-console
if (!hasCryptography) console.log("skipped: the second implementation needs python3-cryptography");

Deno.test({
  name: "a second implementation, in Python and from the specification, agrees on every published byte",
  ignore: !hasCryptography,
  async fn() {
    const here = new URL(".", import.meta.url).pathname;
    const { success, output } = await runTool(PYTHON, [
      `${here}second_implementation.py`,
      `${here}../../docs/protocol_vectors.json`,
    ]);
    assert.ok(success, output);
    assert.match(output, /agrees on every published byte/);
  },
});
