import assert from "node:assert/strict";
import { ControlClient, ControlRequestError, NodeNotRunningError } from "../../src/node/control_client.ts";
import { ControlError, type ControlRoute, serveControl } from "../../src/node/control_server.ts";
import { streamEvents } from "../../src/node/control_stream.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const ROUTES: readonly ControlRoute[] = [
  {
    method: "GET",
    path: "/v1/echo/:word",
    handle: ({ params, query }) => Response.json({ word: params.word, q: query.get("q") }),
  },
  {
    method: "POST",
    path: "/v1/double",
    handle: async (request) => Response.json({ doubled: Number((await request.json()).value) * 2 }),
  },
  {
    method: "POST",
    path: "/v1/refuse",
    handle: () => {
      throw new ControlError(409, "not_now", "not now: wait");
    },
  },
  {
    method: "POST",
    path: "/v1/count",
    handle: (request) =>
      streamEvents(request, async (report) => {
        for (let n = 1; n <= 3; n++) report({ n });
        await Promise.resolve();
      }),
  },
  {
    method: "POST",
    path: "/v1/fail-later",
    handle: (request) =>
      streamEvents(request, (report) => {
        report({ n: 1 });
        return Promise.reject(new ControlError(500, "broken", "it broke"));
      }),
  },
];

/** A server and a client in a folder of their own. */
async function withServer(
  routes: readonly ControlRoute[],
  use: (client: ControlClient, dataDir: string) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  const server = await serveControl(folder.path);
  server.addRoutes(routes);
  try {
    using client = new ControlClient(folder.path);
    await use(client, folder.path);
  } finally {
    await server.close();
  }
}

Deno.test("A request reaches its route with its parameters, query and body", async () => {
  await withServer(ROUTES, async (client) => {
    assert.deepEqual(await client.get("/v1/echo/a%20b?q=c"), { word: "a b", q: "c" });
    assert.deepEqual(await client.post("/v1/double", { value: 21 }), { doubled: 42 });
  });
});

Deno.test("Refusals arrive with their code and line", async () => {
  await withServer(ROUTES, async (client) => {
    const refused = (code: string, said: RegExp) => (error: unknown) => {
      assert.ok(error instanceof ControlRequestError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, said);
      return true;
    };
    await assert.rejects(client.post("/v1/refuse", {}), refused("not_now", /^not now: wait$/));
    await assert.rejects(
      client.get("/v1/nothing"),
      refused("no_such_route", /does not know GET \/v1\/nothing/),
    );
    await assert.rejects(client.get("/v1/double"), refused("no_such_route", /does not know GET/));
    await assert.rejects(client.post("/v1/double", [1]), refused("bad_request", /no JSON object/));
    const large = { value: "x".repeat(1_100_000) };
    await assert.rejects(client.post("/v1/double", large), refused("too_large", /1048576 bytes/));
  });
});

Deno.test("A stream yields its events, then its failure", async () => {
  await withServer(ROUTES, async (client) => {
    const { signal } = new AbortController();
    assert.deepEqual(await Array.fromAsync(client.stream("/v1/count", {}, signal)), [{ n: 1 }, { n: 2 }, {
      n: 3,
    }]);
    const seen: unknown[] = [];
    await assert.rejects(async () => {
      for await (const event of client.stream("/v1/fail-later", {}, signal)) seen.push(event);
    }, /^ControlRequestError: it broke$/);
    assert.deepEqual(seen, [{ n: 1 }]);
  });
});

/** A route that reports once and then waits until it is told to stop; `stopped` resolves when it was. */
function waitingRoute(): { readonly route: ControlRoute; readonly stopped: Promise<void> } {
  const stopped = Promise.withResolvers<void>();
  const route: ControlRoute = {
    method: "POST",
    path: "/v1/wait",
    handle: (request) =>
      streamEvents(request, async (report, signal) => {
        report({ started: true });
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        stopped.resolve();
        signal.throwIfAborted();
      }),
  };
  return { route, stopped: stopped.promise };
}

Deno.test("A client that leaves its stream stops the operation", async () => {
  const { route, stopped } = waitingRoute();
  await withServer([route], async (client) => {
    for await (const event of client.stream("/v1/wait", {}, new AbortController().signal)) {
      assert.deepEqual(event, { started: true });
      break;
    }
    await stopped;
  });
});

Deno.test("An aborted client stops the operation and throws the reason", async () => {
  const { route, stopped } = waitingRoute();
  await withServer([route], async (client) => {
    const controller = new AbortController();
    await assert.rejects(async () => {
      for await (const _ of client.stream("/v1/wait", {}, controller.signal)) {
        controller.abort(new Error("enough"));
      }
    }, /enough/);
    await stopped;
  });
});

Deno.test("A server that stops ends its streams and says so", async () => {
  await using folder = await temporaryFolder();
  const { route } = waitingRoute();
  const server = await serveControl(folder.path);
  server.addRoutes([route]);
  using client = new ControlClient(folder.path);
  let closing: Promise<void> | undefined;
  await assert.rejects(async () => {
    for await (const _ of client.stream("/v1/wait", {}, new AbortController().signal)) {
      closing = server.close();
    }
  }, /^ControlRequestError: the node is stopping$/);
  await closing;
  await assert.rejects(Deno.stat(server.path), Deno.errors.NotFound);
});

Deno.test("A server without routes says that the node is starting", async () => {
  await withServer([], async (client) => {
    await assert.rejects(client.get("/v1/status"), /^ControlRequestError: the node is still starting$/);
  });
});

Deno.test("Only its owner can open the socket", async () => {
  await withServer(ROUTES, async (_, dataDir) => {
    assert.equal((await Deno.stat(`${dataDir}/control.sock`)).mode! & 0o777, 0o600);
    const names = (await Array.fromAsync(Deno.readDir(dataDir))).map((entry) => entry.name);
    assert.deepEqual(names.sort(), ["control.lock", "control.sock"]);
  });
});

Deno.test("A second node in the same folder is refused in one line", async () => {
  await withServer(ROUTES, async (client, dataDir) => {
    await assert.rejects(serveControl(dataDir), {
      message: `a node is already running in ${dataDir}: stop it, or give this one another node.data_dir`,
    });
    assert.deepEqual(await client.post("/v1/double", { value: 1 }), { doubled: 2 });
  });
});

Deno.test("Of two nodes that start together over a dead socket, one runs", async () => {
  await using folder = await temporaryFolder();
  // As a crash leaves it: closing removes the socket's file, but not its second name.
  const listener = Deno.listen({ transport: "unix", path: `${folder.path}/first` });
  await Deno.link(`${folder.path}/first`, `${folder.path}/control.sock`);
  listener.close();
  const results = await Promise.allSettled([serveControl(folder.path), serveControl(folder.path)]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  for (const result of results) if (result.status === "fulfilled") await result.value.close();
});

Deno.test("A file in the socket's place is left alone", async () => {
  await using folder = await temporaryFolder();
  await folder.write("control.sock", "mine");
  await assert.rejects(serveControl(folder.path), /something else of that name is there/);
  assert.equal(await Deno.readTextFile(`${folder.path}/control.sock`), "mine");
});

Deno.test("A folder whose socket path is too long is refused before anything is made in it", async () => {
  await using folder = await temporaryFolder();
  const dataDir = `${folder.path}/${"x".repeat(90)}`;
  await Deno.mkdir(dataDir);
  await assert.rejects(serveControl(dataDir), /node\.data_dir may have 80 bytes and has \d+$/);
  assert.deepEqual((await Array.fromAsync(Deno.readDir(dataDir))).map((entry) => entry.name), []);
});

Deno.test("Without a node the client says what to do", async () => {
  await using folder = await temporaryFolder();
  using client = new ControlClient(folder.path);
  await assert.rejects(client.get("/v1/status"), (error) => {
    assert.ok(error instanceof NodeNotRunningError);
    assert.equal(
      error.message,
      `no node is running in ${folder.path}: start one with wraith, or name its folder with --data-dir`,
    );
    return true;
  });
});
