import assert from "node:assert/strict";
import { loadConfig } from "../../src/config/load.ts";
import { diagnose, type Finding } from "../../src/node/diagnosis.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

async function diagnoseIn(dataDir: string, ...overrides: string[]): Promise<Map<string, Finding>> {
  const { config } = loadConfig({
    overrides: [`node.data_dir=${dataDir}`, ...overrides],
    env: {},
    workingDir: "/",
  });
  const findings = await diagnose(config, "1.2.3");
  return new Map(findings.map((finding) => [`${finding.area} ${finding.item}`, finding]));
}

Deno.test("A machine without a node is fine, and everything has an answer", async () => {
  await using folder = await temporaryFolder();
  const found = await diagnoseIn(folder.path, "crypto.backend=portable", "network.backend=portable");
  for (const item of ["program version", "crypto chosen", "sockets chosen", "limits sessions"]) {
    assert.equal(found.get(item)?.state, "ok", item);
  }
  assert.match(found.get("crypto chosen")!.value, /^noble: .*crypto\.backend = "portable"/);
  assert.match(found.get("sockets chosen")!.value, /^portable /);
  assert.equal(found.get("node running")!.value, "no");
  assert.match(found.get("node identity")!.value, /^none yet; one is made at /);
});

Deno.test("An exposed identity and an open data directory are found, with what to do", async () => {
  await using folder = await temporaryFolder();
  await Deno.chmod(await folder.write("identity.key", "x"), 0o644);
  await Deno.chmod(folder.path, 0o777);
  const found = await diagnoseIn(folder.path, "crypto.backend=portable", "network.backend=portable");
  assert.equal(found.get("node identity")!.state, "fail");
  assert.match(found.get("node identity")!.advice!, /chmod 600/);
  assert.equal(found.get("node data_dir")!.state, "warn");
  assert.match(found.get("node data_dir")!.advice!, /chmod 700/);
});

Deno.test("A file in the data directory's place is found", async () => {
  await using folder = await temporaryFolder();
  const found = await diagnoseIn(await folder.write("file", ""), "network.backend=portable");
  assert.equal(found.get("node data_dir")!.state, "fail");
});
