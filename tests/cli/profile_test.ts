import assert from "node:assert/strict";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Profile } from "pprof-format";
import { EXIT } from "../../src/cli/command.ts";
import { type CpuProfile, encodePprof, type HeapNode } from "../../src/cli/profile_pprof.ts";
import { profileRoutes } from "../../src/node/control_profile.ts";
import { serveControl } from "../../src/node/control_server.ts";
import { runInProcess, testHost } from "../support/cli_host.ts";
import { inTemporaryFolder, runTool, toolTest } from "../support/external_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const frame = (functionName: string, lineNumber = -1) => ({
  functionName,
  url: lineNumber < 0 ? "" : "file:///src/a.ts",
  lineNumber,
});

/** 10 ms: `outer` calls `inner`; between two samples of inner the process was idle. */
const CPU: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame("(root)"), children: [2, 4] },
    { id: 2, callFrame: frame("outer", 9), children: [3] },
    { id: 3, callFrame: frame("", 19) },
    { id: 4, callFrame: frame("(idle)") },
  ],
  startTime: 5_000_000,
  endTime: 5_010_000,
  samples: [3, 4, 3, 2],
  timeDeltas: [1_000, 2_000, 3_000, 1_000],
};

const HEAP: { readonly head: HeapNode } = {
  head: {
    callFrame: frame("(root)"),
    selfSize: 0,
    children: [{
      callFrame: frame("outer", 9),
      selfSize: 100,
      children: [{ callFrame: frame("", 19), selfSize: 4_096, children: [] }],
    }],
  },
};

/** What a reader sees: value types, and values by stack with the innermost function first. */
function read(bytes: Uint8Array) {
  const profile = Profile.decode(new Uint8Array(gunzipSync(bytes)));
  const text = (index: number | bigint) => profile.stringTable.strings[Number(index)];
  const functions = new Map(profile.function.map((one) => [Number(one.id), one]));
  const locations = new Map(profile.location.map((one) => [Number(one.id), one]));
  const stacks = profile.sample.map(({ locationId, value }) => ({
    stack: locationId.map((id) => {
      const [line] = locations.get(Number(id))!.line;
      const { name, filename } = functions.get(Number(line.functionId))!;
      return `${text(name)} ${text(filename)}:${line.line}`;
    }),
    value: value.map(Number),
  }));
  const types = profile.sampleType.map(({ type, unit }) => `${text(type)}/${text(unit)}`);
  return { profile, stacks, types, defaultType: text(profile.defaultSampleType) };
}

Deno.test("A CPU profile becomes samples and CPU time by stack; idle time is none", () => {
  const { profile, stacks, types, defaultType } = read(encodePprof("cpu", CPU, 1_700_000_000_000));
  assert.deepEqual(types, ["samples/count", "cpu/nanoseconds"]);
  assert.equal(defaultType, "cpu");
  assert.deepEqual(stacks, [
    { stack: ["(anonymous) file:///src/a.ts:20", "outer file:///src/a.ts:10"], value: [2, 3_000_000] },
    { stack: ["outer file:///src/a.ts:10"], value: [1, 3_000_000] },
  ]);
  assert.equal(Number(profile.durationNanos), 10_000_000);
  assert.equal(BigInt(profile.timeNanos), 1_699_999_999_990_000_000n);
});

Deno.test("A heap profile becomes bytes in use by stack", () => {
  const { stacks, types } = read(encodePprof("heap", HEAP, 1_700_000_000_000));
  assert.deepEqual(types, ["inuse_space/bytes"]);
  assert.deepEqual(stacks, [
    { stack: ["outer file:///src/a.ts:10"], value: [100] },
    { stack: ["(anonymous) file:///src/a.ts:20", "outer file:///src/a.ts:10"], value: [4_096] },
  ]);
});

toolTest("protoc", "protobuf-compiler", "Another decoder of protocol buffers reads the profile", async () => {
  await inTemporaryFolder(async (folder) => {
    const path = join(folder, "cpu.pb");
    await Deno.writeFile(path, gunzipSync(encodePprof("cpu", CPU, 1_700_000_000_000)));
    const { success, output } = await runTool("sh", ["-c", 'protoc --decode_raw < "$0"', path]);
    assert.ok(success, output);
    // Fields of google/pprof's profile.proto: sample = 2, location = 4, function = 5, string_table = 6.
    for (const [field, times] of [["2 {", 2], ["4 {", 2], ["5 {", 2], ['6: "outer"', 1]] as const) {
      assert.equal(output.split("\n").filter((line) => line === field).length, times, `${field}\n${output}`);
    }
  });
});

Deno.test("wraith profile writes either format, readable by the owner only", async () => {
  await using folder = await temporaryFolder();
  const server = await serveControl(folder.path);
  server.addRoutes(profileRoutes(() => {}));
  const run = async (...words: string[]) => {
    const host = testHost();
    const code = await runInProcess(["profile", ...words, "--data-dir", folder.path], host);
    assert.equal(code, EXIT.success, host.stderr.text);
  };
  try {
    for (const [kind, type] of [["cpu", "samples/count"], ["heap", "inuse_space/bytes"]]) {
      const [pprof, v8] = [join(folder.path, `${kind}.pb.gz`), join(folder.path, `${kind}profile`)];
      await run(kind, "--seconds", "0.2", "--format", "pprof", "-o", pprof);
      assert.equal(read(await Deno.readFile(pprof)).types[0], type);
      assert.equal((await Deno.stat(pprof)).mode! & 0o777, 0o600);
      await run(kind, "--seconds", "0.2", "-o", v8);
      assert.ok(JSON.parse(await Deno.readTextFile(v8)));
    }
  } finally {
    await server.close();
  }
});
