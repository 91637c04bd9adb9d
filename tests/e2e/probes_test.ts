import assert from "node:assert/strict";
import { toolTest } from "../support/external_tool.ts";
import { eventually, freePort } from "../support/monitoring_stack.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";
import { NodeProcess } from "../support/wraith_process.ts";

/** What a kubelet makes of one probe: consecutive failures against its threshold (Kubernetes' `worker.go`). */
class Kubelet {
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #failureThreshold: number;
  #failures = 0;

  constructor(url: string, probe: { timeoutSeconds: number; failureThreshold: number }) {
    this.#url = url;
    this.#timeoutMs = probe.timeoutSeconds * 1000;
    this.#failureThreshold = probe.failureThreshold;
  }

  /** One period: `null` while the failures are below the threshold. */
  async probe(): Promise<"pass" | "fail" | null> {
    const passed = await this.#ask();
    this.#failures = passed ? 0 : this.#failures + 1;
    if (passed) return "pass";
    return this.#failures >= this.#failureThreshold ? "fail" : null;
  }

  async #ask(): Promise<boolean> {
    try {
      const response = await fetch(this.#url, { signal: AbortSignal.timeout(this.#timeoutMs) });
      await response.body?.cancel();
      return response.status >= 200 && response.status < 400;
    } catch {
      return false;
    }
  }
}

const startNode = (folder: TemporaryFolder, ...settings: string[]) =>
  NodeProcess.start(`${folder.path}/data`, settings, { workingDir: folder.path });

Deno.test("A kubelet starts, keeps and readies the first node of a fleet", async () => {
  await using folder = await temporaryFolder();
  await using node = await startNode(folder);
  const url = node.status.monitoring_url!;
  for (const path of ["/startupz", "/livez", "/readyz"]) {
    assert.equal(
      await new Kubelet(url + path, { timeoutSeconds: 5, failureThreshold: 1 }).probe(),
      "pass",
      path,
    );
  }
});

Deno.test("A kubelet sees a hung node within its period and threshold, and its recovery", async () => {
  await using folder = await temporaryFolder();
  await using node = await startNode(folder);
  const liveness = new Kubelet(`${node.status.monitoring_url}/livez`, {
    timeoutSeconds: 1,
    failureThreshold: 3,
  });
  assert.equal(await liveness.probe(), "pass");
  // A stopped process is what a busy loop looks like from outside: connections are taken and never answered.
  node.signal("SIGSTOP");
  assert.deepEqual([await liveness.probe(), await liveness.probe(), await liveness.probe()], [
    null,
    null,
    "fail",
  ]);
  const { code, stdout } = await node.run("healthcheck");
  assert.equal(code, 2);
  assert.equal(stdout, "CRITICAL: no answer within 2.5 s\n");
  node.signal("SIGCONT");
  await eventually("liveness passes again", async () => await liveness.probe() === "pass" ? true : null);
});

Deno.test("SIGTERM fails readiness at once; the node then ends by itself", async () => {
  await using folder = await temporaryFolder();
  await using node = await startNode(folder);
  const readiness = new Kubelet(`${node.status.monitoring_url}/readyz`, {
    timeoutSeconds: 3,
    failureThreshold: 1,
  });
  assert.equal(await readiness.probe(), "pass");
  node.signal("SIGTERM");
  await eventually("readiness fails", async () => await readiness.probe() === "fail" ? true : null);
  assert.equal((await node.ended()).code, 0);
});

Deno.test("A node that must know others is live but not ready without them", async () => {
  await using folder = await temporaryFolder();
  const stranger = `ed25519:${"ab".repeat(32)}@127.0.0.1:${freePort()}`;
  await using node = await startNode(folder, `dht.bootstrap=${stranger}`);
  const answer = async (path: string) => {
    const response = await fetch(node.status.monitoring_url + path);
    return { status: response.status, body: await response.json() };
  };
  assert.equal((await answer("/livez")).status, 200);
  const { status, body } = await answer("/readyz");
  assert.equal(status, 503);
  assert.equal(body.reason, "0 DHT peers, 3 required");
  const { code, stdout } = await node.run("readiness");
  assert.deepEqual([code, stdout], [1, "WARNING: Insufficient DHT peers (0)\n"]);
  assert.equal((await node.run("healthcheck")).stdout, "OK: WRAITH healthy\n");
});

toolTest(
  "curl",
  "curl",
  "The exported probe scripts ask the port that the node is configured with",
  async () => {
    await using folder = await temporaryFolder();
    const port = freePort();
    await using node = await startNode(folder, `monitoring.prometheus_port=${port}`);
    const { code } = await node.run(
      "export",
      "all",
      "--dir",
      folder.path,
      "--set",
      `monitoring.prometheus_port=${port}`,
    );
    assert.equal(code, 0);
    for (
      const [script, words] of [["wraith-healthcheck", "OK: WRAITH healthy"], [
        "wraith-readiness",
        "OK: DHT ready (0 peers)",
      ]]
    ) {
      const { stdout } = await new Deno.Command(`${folder.path}/${script}`).output();
      assert.equal(new TextDecoder().decode(stdout), `${words}\n`);
    }
  },
);
