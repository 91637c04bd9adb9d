import assert from "node:assert/strict";
import { ControlClient, ControlRequestError } from "../../src/node/control_client.ts";
import { profileRoutes } from "../../src/node/control_profile.ts";
import { serveControl } from "../../src/node/control_server.ts";
import type { NodeEvent } from "../../src/observe/events.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

async function withRoutes(use: (client: ControlClient, events: NodeEvent[]) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  const events: NodeEvent[] = [];
  const server = await serveControl(folder.path);
  server.addRoutes(profileRoutes((event) => events.push(event)));
  try {
    using client = new ControlClient(folder.path);
    await use(client, events);
  } finally {
    await server.close();
  }
}

Deno.test("A CPU profile has samples and named functions, and leaves an audit event", async () => {
  await withRoutes(async (client, events) => {
    const profile = await client.post<
      { nodes: unknown[]; samples: number[]; startTime: number; endTime: number }
    >(
      "/v1/profile/cpu",
      { seconds: 0.2 },
    );
    assert.ok(profile.nodes.length > 1);
    assert.ok(profile.samples.length > 10);
    assert.ok(profile.endTime - profile.startTime >= 190_000);
    assert.deepEqual(events.map((event) => event.type), ["control.action"]);
  });
});

Deno.test("A heap profile has what was allocated meanwhile", async () => {
  await withRoutes(async (client) => {
    const kept: string[][] = [];
    const allocating = setInterval(() => kept.push(Array.from({ length: 20_000 }, (_, i) => `kept ${i}`)), 5);
    const { head } = await client.post<{ head: { callFrame: unknown; children: unknown[] } }>(
      "/v1/profile/heap",
      { seconds: 0.3 },
    ).finally(() => clearInterval(allocating));
    assert.ok(kept.length > 0);
    assert.ok(head.callFrame);
    assert.ok(head.children.length > 0);
  });
});

Deno.test("One profile at a time, of a length that ends", async () => {
  await withRoutes(async (client) => {
    const first = client.post("/v1/profile/cpu", { seconds: 0.5 });
    const second = client.post("/v1/profile/heap", { seconds: 0.5 });
    const codes = (await Promise.allSettled([first, second])).map((result) =>
      result.status === "fulfilled" ? "done" : (result.reason as ControlRequestError).code
    );
    assert.deepEqual(codes.toSorted(), ["busy", "done"]);
    for (const seconds of [0, 601, "10", null]) {
      await assert.rejects(client.post("/v1/profile/cpu", { seconds }), /seconds: expected a number/);
    }
  });
});
