import assert from "node:assert/strict";
import { join } from "node:path";
import {
  FROM_SOURCE,
  generateFile,
  type NodePair,
  sendMeasured,
  startPair,
} from "../../scripts/loopback_transfer.ts";
import { concatBytes } from "../../src/bytes.ts";
import type { AeadKey } from "../../src/crypto/cipher_suite.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { seededPrng } from "../../src/entropy.ts";
import { wiresharkTopic } from "../../src/monitor/export/wireshark.ts";
import { parseAddress } from "../../src/net/address.ts";
import { keyLine } from "../../src/node/capture/key_lines.ts";
import { BlockWriter, encodeHead } from "../../src/node/capture/pcapng.ts";
import { headersLength, packetEnd, writeHeaders } from "../../src/node/capture/udp_packet.ts";
import { FrameType } from "../../src/wire/frames.ts";
import { writeHeader } from "../../src/wire/packet.ts";
import { inTemporaryFolder, isInstalled, runTool, toolTest } from "../support/external_tool.ts";
import { ToolProcess } from "../support/tool_process.ts";

/** What Wireshark shows of each packet of `capture`, field by field. */
async function dissected(
  folder: string,
  capture: string,
  fields: readonly string[],
  options: readonly string[] = [],
): Promise<Record<string, string>[]> {
  const script = join(folder, "wraith.lua");
  const context = { config: null as never, docsUrl: "", logFields: {} };
  await Deno.writeTextFile(script, wiresharkTopic.artifacts(context)[0].text);
  const { success, output } = await runTool("tshark", [
    ...["-X", `lua_script:${script}`, "-r", capture, "-T", "fields", "-E", "header=y", "-E", "occurrence=a"],
    ...["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", ...options],
    ...fields.flatMap((field) => ["-e", field]),
  ]);
  assert.ok(success, output);
  const lines = output.split("\n").filter((line) => line.includes("\t"));
  return lines.slice(1).map((line) => {
    const values = line.split("\t");
    return Object.fromEntries(fields.map((field, index) => [field, values[index] ?? ""]));
  });
}

const FIELDS = [
  "_ws.col.Protocol",
  "_ws.col.Info",
  "ip.checksum.status",
  "udp.checksum.status",
  "frame.interface_name",
  "frame.packet_flags_direction",
  "udp.srcport",
  "wraith.type",
  "wraith.receiver",
  "wraith.number",
  "wraith.noise.static",
  "wraith.noise.payload",
  "wraith.key_epoch",
  "wraith.frame",
  "wraith.stream.id",
  "wraith.malformed",
];

function captureBy(pair: NodePair, ...words: string[]): ToolProcess {
  return new ToolProcess([...pair.program, "capture", ...words, "--data-dir", pair.receiver.dataDir]);
}

function portOf(pair: NodePair): string {
  return pair.receiver.status.listen.split(":").at(-1)!;
}

async function transfer(pair: NodePair, folder: string, name: string, bytes = 3_000_000): Promise<void> {
  const file = join(folder, name);
  await generateFile(file, bytes);
  await sendMeasured(pair, file);
}

for (const listen of ["127.0.0.1:0", "[::1]:0"]) {
  toolTest(
    "tshark",
    "tshark",
    `tshark reads a capture of a transfer, whole and decrypted (${listen})`,
    async () => {
      await inTemporaryFolder(async (folder) => {
        await using pair = await startPair(folder, FROM_SOURCE, [`network.listen=${listen}`]);
        const [capture, keys] = [join(folder, "x.pcapng"), join(folder, "keys.txt")];
        await using capturing = captureBy(pair, "-o", capture, "--keys", keys);
        await capturing.waitFor(/^capturing to .*x\.pcapng; Ctrl-C ends it$/);
        await transfer(pair, folder, "f.bin");
        assert.equal(await capturing.end("SIGINT"), 0, capturing.said);
        assert.match(capturing.said, /WARNING: .*keys\.txt opens what the node's peers send/);
        assert.match(capturing.said, /wrote .*x\.pcapng: \d+ packets, none dropped/);

        const sealed = await dissected(folder, capture, FIELDS);
        assert.ok(sealed.length > 50, `${sealed.length} packets`);
        for (const packet of sealed) {
          assert.equal(packet["_ws.col.Protocol"], "WRAITH", JSON.stringify(packet));
          assert.match(packet["wraith.receiver"], /^0x[0-9a-f]{8}$/);
          assert.equal(packet["udp.checksum.status"], "1");
          if (listen.startsWith("127")) assert.equal(packet["ip.checksum.status"], "1");
          assert.equal(packet["frame.interface_name"], "wraith");
          const outbound = packet["udp.srcport"] === portOf(pair);
          assert.equal(Number(packet["frame.packet_flags_direction"]), outbound ? 2 : 1);
          if (packet["wraith.type"] === "4") assert.match(packet["wraith.number"], /^\d+$/);
          assert.equal(packet["wraith.frame"], "");
        }
        assert.deepEqual(sealed.slice(0, 3).map((packet) => packet["wraith.type"]), ["1", "2", "3"]);
        assert.equal(sealed[1]["wraith.noise.static"].length, 96);
        assert.ok(sealed[2]["wraith.noise.payload"].length > 192);

        const opened = await dissected(folder, capture, FIELDS, ["-o", `wraith.keylog:${keys}`]);
        const data = opened.filter((packet) => packet["wraith.type"] === "4");
        assert.equal(data.length, sealed.length - 3);
        for (const packet of data) {
          assert.equal(packet["wraith.key_epoch"], "0", JSON.stringify(packet));
          assert.notEqual(packet["wraith.frame"], "");
          assert.equal(packet["wraith.malformed"], "");
        }
        assert.ok(data.filter((packet) => packet["wraith.stream.id"] !== "").length > 30);
      });
    },
  );
}

toolTest(
  "tshark",
  "tshark",
  "Keys open what is sent while they are told, and nothing before or after",
  async () => {
    await inTemporaryFolder(async (folder) => {
      await using pair = await startPair(folder, FROM_SOURCE);
      const [all, some, keys] = ["all.pcapng", "some.pcapng", "keys.txt"].map((name) => join(folder, name));
      // The other node sees everything; it is told no keys.
      await using watching = new ToolProcess([
        ...[...pair.program, "capture", "-o", all, "--data-dir", pair.sender.dataDir],
      ]);
      await watching.waitFor(/^capturing/);
      await transfer(pair, folder, "before.bin", 100_000);
      await using capturing = captureBy(pair, "-o", some, "--keys", keys);
      await capturing.waitFor(/^capturing/);
      await transfer(pair, folder, "meanwhile.bin", 100_000);
      assert.equal(await capturing.end("SIGINT"), 0);
      await transfer(pair, folder, "after.bin", 100_000);
      assert.equal(await watching.end("SIGINT"), 0);

      const options = ["-o", `wraith.keylog:${keys}`];
      const packets = await dissected(
        folder,
        all,
        ["wraith.type", "wraith.key_epoch", "wraith.stream.id"],
        options,
      );
      const epochs = packets.filter((packet) => packet["wraith.type"] === "4")
        .map((packet) => packet["wraith.key_epoch"]);
      const [first, last] = [epochs.indexOf("1"), epochs.lastIndexOf("1")];
      assert.ok(first > 5, "what was sent before stays sealed");
      assert.ok(last - first > 5, "what was sent meanwhile opens");
      assert.ok(epochs.length - last > 5, "what was sent after stays sealed");
      assert.deepEqual([...new Set(epochs)].toSorted(), ["", "1"]);
      assert.equal((await Deno.stat(keys)).mode! & 0o777, 0o600);
    });
  },
);

toolTest("tshark", "tshark", "A capture that is killed leaves a file that opens", async () => {
  await inTemporaryFolder(async (folder) => {
    await using pair = await startPair(folder, FROM_SOURCE);
    const capture = join(folder, "cut.pcapng");
    await using capturing = captureBy(pair, "-o", capture);
    await capturing.waitFor(/^capturing/);
    await transfer(pair, folder, "f.bin", 10_000_000);
    await capturing.end("SIGKILL");
    // In the middle of sessions, without their handshakes, on a port that is not the usual one.
    const middle = join(folder, "middle.pcapng");
    assert.ok((await runTool("editcap", ["-r", capture, middle, "10-40"])).success);
    for (const file of [capture, middle]) {
      const packets = await dissected(folder, file, ["_ws.col.Protocol", "wraith.type"]);
      assert.ok(packets.length > 20);
      assert.ok(packets.every((packet) => packet["_ws.col.Protocol"] === "WRAITH"));
    }
  });
});

const canDump = isInstalled("tcpdump") && Deno.uid() === 0;
if (!canDump) {
  // deno-lint-ignore no-console
  console.log('skipped: "tcpdump on a real transfer" needs tcpdump (apt-get install tcpdump) and root');
}

toolTest(
  "tshark",
  "tshark",
  "The specification's tcpdump on a real transfer is decoded, and decrypted with keys",
  async () => {
    if (!canDump) return;
    await inTemporaryFolder(async (folder) => {
      await using pair = await startPair(folder, FROM_SOURCE);
      const [dump, keys] = [join(folder, "wraith-traffic.pcap"), join(folder, "keys.txt")];
      const filter = `udp port ${portOf(pair)}`;
      await using dumping = new ToolProcess([
        "tcpdump",
        "-i",
        "lo",
        "-U",
        "-B",
        "65536",
        "-Z",
        "root",
        "-w",
        dump,
        filter,
      ]);
      await dumping.waitFor(/listening on/);
      await using capturing = captureBy(pair, "-o", join(folder, "x.pcapng"), "--keys", keys);
      await capturing.waitFor(/^capturing/);
      await transfer(pair, folder, "f.bin");
      assert.equal(await capturing.end("SIGINT"), 0);
      await dumping.end("SIGINT");
      assert.match(dumping.said, /\b0 packets dropped by kernel/);

      const fields = ["_ws.col.Protocol", "wraith.type", "wraith.key_epoch"];
      const packets = await dissected(folder, dump, fields, ["-o", `wraith.keylog:${keys}`]);
      assert.ok(packets.length > 50, `${packets.length} packets`);
      assert.ok(packets.every((packet) => packet["_ws.col.Protocol"] === "WRAITH"));
      // Whatever comes after the capture's end is under keys that were not told.
      const data = packets.filter((packet) => packet["wraith.type"] === "4");
      assert.ok(data.filter((packet) => packet["wraith.key_epoch"] === "0").length > 50);
    });
  },
);

toolTest(
  "tshark",
  "tshark",
  "Whatever is in a packet, cut anywhere, the dissector has no error of its own",
  async () => {
    await inTemporaryFolder(async (folder) => {
      const prng = seededPrng(8);
      const below = (limit: number) => Math.floor(prng.next() * limit);
      const [keys, capture] = [join(folder, "keys.txt"), join(folder, "hostile.pcapng")];
      const key = Uint8Array.from({ length: 32 }, () => below(256));
      await Deno.writeFile(keys, keyLine(7, 0, key));
      const aead = nobleSuite.aead(key);
      const writer = new BlockWriter(2_000_000);
      const [from, to] = ["127.0.0.1:41641", "127.0.0.1:9"].map((text) => packetEnd(parseAddress(text)));
      const packets = 600;
      for (let i = 0; i < packets; i++) {
        const payload = hostilePacket(i, below, aead);
        const originalLength = headersLength(4) + payload.length;
        const keptLength = i % 3 === 0 ? headersLength(4) + below(payload.length) : originalLength;
        const packet = writer.packet(
          { interfaceId: 0, timeUs: i, direction: "in", lostBefore: 0, originalLength },
          keptLength,
        );
        writeHeaders(packet, from, to, payload, 0, payload.length);
        packet.set(payload.subarray(0, keptLength - headersLength(4)), headersLength(4));
      }
      const head = encodeHead("test", [{ name: "wraith", description: "" }], 65_535);
      await Deno.writeFile(capture, concatBytes(head, writer.written()));
      const fields = ["_ws.col.Protocol", "wraith.type", "wraith.key_epoch", "wraith.malformed"];
      const shown = await dissected(folder, capture, fields, ["-o", `wraith.keylog:${keys}`]);
      assert.equal(shown.length, packets);
      const script = `lua_script:${join(folder, "wraith.lua")}`;
      const { output } = await runTool("tshark", [
        ...["-X", script, "-o", `wraith.keylog:${keys}`, "-r", capture, "-V"],
      ]);
      assert.match(output, /Authentication tag/);
      assert.doesNotMatch(output, /lua error|\.lua:\d+/i);
      assert.ok(shown.filter((packet) => packet["wraith.type"] !== "").length > packets / 3);
      assert.ok(shown.filter((packet) => packet["wraith.key_epoch"] === "0").length > packets / 10);
      assert.ok(shown.filter((packet) => packet["wraith.malformed"] !== "").length > packets / 20);
    });
  },
);

/** A packet that looks like ours from outside; of every second one the inside authenticates, but is noise. */
function hostilePacket(i: number, below: (limit: number) => number, aead: AeadKey): Uint8Array {
  const type = i % 2 === 0 ? 4 : below(7);
  const length = type === 1 ? 1_200 : 16 + below(300);
  const payload = Uint8Array.from({ length }, () => below(256));
  writeHeader(payload, 0, type, type === 4 ? 0 : 1, 7, type === 4 ? i : below(1_000));
  if (type !== 4 || length < 40) return payload;
  // A frame type that exists, so that its fields are read.
  const frames = Object.values(FrameType);
  payload[16] = frames[below(frames.length)];
  aead.seal(i, payload, 0, 16, length - 32);
  return payload;
}
