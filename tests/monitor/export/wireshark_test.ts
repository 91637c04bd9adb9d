import assert from "node:assert/strict";
import { wiresharkTopic } from "../../../src/monitor/export/wireshark.ts";
import { CLOSE_CODES, DATAGRAM_TYPES, STREAM_CODES, STREAM_TYPES } from "../../../src/wire/codes.ts";
import { FrameType } from "../../../src/wire/frames.ts";
import { HEADER_LENGTH, MIN_INIT_LENGTH, PacketType, PROTOCOL_VERSION } from "../../../src/wire/packet.ts";

const [{ text }] = wiresharkTopic.artifacts({ config: null as never, docsUrl: "", logFields: {} });

/** The Lua table of that name: its numbers and words. */
function table(name: string): Record<string, string> {
  const [, body] = new RegExp(`^local ${name} = \\{([^}]*)\\}`, "m").exec(text)!;
  const entries = [...body.matchAll(/\[(\w+)\] = "(\w+)"/g)];
  return Object.fromEntries(entries.map(([, number, word]) => [Number(number), word]));
}

function turned(codes: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(codes).map(([word, number]) => [number, word]));
}

Deno.test("The dissector has the protocol's own names and numbers", () => {
  assert.deepEqual(table("CLOSE_CODES"), turned(CLOSE_CODES));
  assert.deepEqual(table("STREAM_CODES"), turned(STREAM_CODES));
  assert.deepEqual(table("STREAM_TYPES"), turned(STREAM_TYPES));
  assert.deepEqual(table("DATAGRAM_TYPES"), turned(DATAGRAM_TYPES));
  assert.deepEqual(table("PACKET_TYPES"), turned(PacketType));
  const frames = Object.entries(FrameType).map(([name, number]) => {
    const words = name.replace("StreamFin", "Stream").replace(/(?<=[a-z])(?=[A-Z])/g, "_");
    return [number, words.toUpperCase()];
  });
  assert.deepEqual(table("FRAME_TYPES"), Object.fromEntries(frames));
  assert.ok(text.includes(`HEADER, TAG = ${HEADER_LENGTH}, 16`));
  assert.ok(text.includes(`MIN_INIT = ${MIN_INIT_LENGTH}`));
  assert.ok(text.includes(`VERSION = ${PROTOCOL_VERSION}`));
});
