import assert from "node:assert/strict";
import { memoryLimit, systemProcessFacts } from "../../src/monitor/process_facts.ts";

/** Files by path; anything else is not there. */
const files = (contents: Record<string, string>) => (path: string) => contents[path] ?? null;

Deno.test("Memory limit is the tightest of this control group and those above it (cgroup v2)", () => {
  const read = files({
    "/proc/self/cgroup": "0::/system.slice/wraith.service\n",
    "/sys/fs/cgroup/system.slice/wraith.service/memory.max": "2147483648\n",
    "/sys/fs/cgroup/system.slice/memory.max": "max\n",
  });
  assert.equal(memoryLimit(read, 16e9), 2_147_483_648);
});

Deno.test("Memory limit follows the parent group when it is tighter", () => {
  const read = files({
    "/proc/self/cgroup": "0::/a/b\n",
    "/sys/fs/cgroup/a/b/memory.max": "max\n",
    "/sys/fs/cgroup/a/memory.max": "1000000000\n",
  });
  assert.equal(memoryLimit(read, 16e9), 1_000_000_000);
});

Deno.test("Memory limit inside a container is at the root of its own hierarchy", () => {
  const read = files({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "536870912\n" });
  assert.equal(memoryLimit(read, 16e9), 536_870_912);
});

Deno.test("Memory limit takes no limit of cgroup v1 for what it is", () => {
  const read = files({
    "/proc/self/cgroup": "4:memory:/\n1:name=systemd:/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
  });
  assert.equal(memoryLimit(read, 16e9), 16e9);
});

Deno.test("Memory limit is unknown rather than guessed", () => {
  assert.equal(memoryLimit(files({}), null), null);
});

Deno.test({
  name: "The process' own facts are there on Linux",
  ignore: Deno.build.os !== "linux",
  fn() {
    const before = systemProcessFacts.openFileDescriptors()!;
    const file = Deno.openSync(new URL(import.meta.url));
    assert.equal(systemProcessFacts.openFileDescriptors(), before + 1);
    file.close();
    assert.ok(systemProcessFacts.maxFileDescriptors()! > before);
    assert.ok(systemProcessFacts.virtualBytes()! > systemProcessFacts.memory().residentBytes);
    assert.ok(systemProcessFacts.memoryLimitBytes()! > 0);
  },
});
