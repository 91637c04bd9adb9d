import assert from "node:assert/strict";
import { systemClock } from "../../src/clock.ts";
import { parseAddress } from "../../src/net/address.ts";
import { captureRoutes } from "../../src/node/control_capture.ts";
import { ControlClient } from "../../src/node/control_client.ts";
import { serveControl } from "../../src/node/control_server.ts";
import { isAudited } from "../../src/observe/audit/audit_events.ts";
import type { NodeEvent } from "../../src/observe/events.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

async function withRoutes(use: (client: ControlClient, events: NodeEvent[]) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  const events: NodeEvent[] = [];
  const source = { localAddress: parseAddress("127.0.0.1:1"), tap: () => () => {}, logKeys: () => () => {} };
  const server = await serveControl(folder.path);
  server.addRoutes(captureRoutes(source, systemClock, (event) => events.push(event)));
  try {
    using client = new ControlClient(folder.path);
    await use(client, events);
  } finally {
    await server.close();
  }
}

const request = { seconds: null, snaplen: 65_535, keys: false };
const { signal } = new AbortController();

Deno.test("One capture at a time; it ends on request, or when its time is over", async () => {
  await withRoutes(async (client) => {
    const first = await client.bytes("/v1/capture", request, signal);
    await assert.rejects(client.bytes("/v1/capture", request, signal), /another capture is running/);
    await client.post("/v1/capture/stop", {});
    assert.ok((await new Response(first).arrayBuffer()).byteLength > 100);
    await assert.rejects(client.post("/v1/capture/stop", {}), /no capture is running/);
    const second = await client.bytes("/v1/capture", { ...request, seconds: 0.1 }, signal);
    assert.ok((await new Response(second).arrayBuffer()).byteLength > 100);
  });
});

Deno.test("A capture is put on record, with keys or without, and keys raise a warning", async () => {
  await withRoutes(async (client, events) => {
    await new Response(await client.bytes("/v1/capture", { ...request, seconds: 0.1, keys: true }, signal))
      .bytes();
    const actions = events.filter((event) => event.type === "control.action");
    assert.deepEqual(actions.map(({ action, detail }) => [action, detail]), [
      ["capture", "with keys"],
      ["capture ended", "with keys, 0 packets, 0 dropped"],
    ]);
    assert.ok(actions.every(isAudited));
    const notice = events.find((event) => event.type === "node.notice");
    assert.equal(notice?.severity, "warn");
  });
});

Deno.test("What a capture cannot be is refused in one line", async () => {
  await withRoutes(async (client) => {
    for (
      const [wrong, said] of [
        [{ seconds: 0 }, /^seconds: expected null or a number from 0\.1 to 86400/],
        [{ snaplen: 100 }, /^snaplen: expected a whole number from 160 to 65535/],
        [{ keys: "yes" }, /^keys: expected true or false/],
      ] as const
    ) {
      await assert.rejects(client.bytes("/v1/capture", { ...request, ...wrong }, signal), { message: said });
    }
  });
});
