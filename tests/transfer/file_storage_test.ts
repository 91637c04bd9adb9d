import assert from "node:assert/strict";
import { join } from "node:path";
import { FileStorage } from "../../src/transfer/file_storage.ts";
import { StorageError } from "../../src/transfer/storage.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("A file is written and read at any position, by overlapping calls", async () => {
  await using folder = await temporaryFolder();
  const storage = new FileStorage();
  const file = await storage.open(join(folder.path, "a"), "create");
  await Promise.all([9, 3, 0, 6].map((at) => file.writeAt(at, new Uint8Array([at, at, at]))));
  const parts = await Promise.all([0, 3, 6, 9].map(async (at) => {
    const into = new Uint8Array(3);
    assert.equal(await file.readAt(at, into), 3);
    return [...into];
  }));
  assert.deepEqual(parts, [[0, 0, 0], [3, 3, 3], [6, 6, 6], [9, 9, 9]]);
  const past = new Uint8Array(10);
  assert.equal(await file.readAt(8, past), 4);
  await file.truncate(5);
  await file.setModified(1_234_567_890_123);
  await file.sync();
  const facts = await file.facts();
  assert.deepEqual([facts.kind, facts.sizeBytes, facts.mtimeMs], ["file", 5, 1_234_567_890_123]);
  file.close();
  file.close();
  assert.equal((await storage.lstat(join(folder.path, "a")))?.identity, facts.identity);
});

Deno.test("A new file is private, and not made where one is", async () => {
  await using folder = await temporaryFolder();
  const storage = new FileStorage();
  const path = join(folder.path, "a");
  (await storage.open(path, "create")).close();
  assert.equal((await storage.lstat(path))?.mode, 0o600);
  await assert.rejects(() => storage.open(path, "create"), hasCode("EEXIST"));
  await assert.rejects(() => storage.open(join(folder.path, "b"), "read"), hasCode("ENOENT"));
  await Deno.symlink(join(folder.path, "outside"), join(folder.path, "dangling"));
  await assert.rejects(() => storage.open(join(folder.path, "dangling"), "create"), hasCode("EEXIST"));
});

Deno.test("A name that is taken is not overwritten, unless asked to", async () => {
  await using folder = await temporaryFolder();
  const storage = new FileStorage();
  const [from, to] = [await folder.write("from", "new"), await folder.write("to", "old")];
  assert.equal(await storage.moveToFree(from, to), false);
  assert.equal(await Deno.readTextFile(to), "old");
  await storage.replace(from, to);
  assert.equal(await Deno.readTextFile(to), "new");
  assert.equal(await storage.moveToFree(to, join(folder.path, "free")), true);
  assert.equal(await storage.lstat(to), null);
  assert.equal(await storage.remove(to), false);
});

Deno.test("Directories are made once, listed with kinds, and synced", async () => {
  await using folder = await temporaryFolder();
  const storage = new FileStorage();
  const path = join(folder.path, "d");
  assert.equal(await storage.makeDirectory(path), true);
  assert.equal(await storage.makeDirectory(path), false);
  await folder.write("f", "x");
  await Deno.symlink(path, join(folder.path, "l"));
  const found = await Array.fromAsync(storage.list(folder.path), ({ name, kind }) => `${name} ${kind}`);
  assert.deepEqual(found.sort(), ["d directory", "f file", "l symlink"]);
  assert.equal((await storage.stat(join(folder.path, "l")))?.kind, "directory");
  await storage.setMode(path, 0o750);
  await storage.setModified(path, 1_000_000_000_000);
  await storage.syncDirectory(path);
  const facts = await storage.lstat(path);
  assert.deepEqual([facts?.mode, facts?.mtimeMs], [0o750, 1_000_000_000_000]);
  assert.ok((await storage.freeBytes(path))! > 0);
  assert.equal(await storage.freeBytes(join(path, "missing")), null);
});

Deno.test("A full disk is told by its code", async () => {
  const file = await new FileStorage().open("/dev/full", "update");
  await assert.rejects(() => file.writeAt(0, new Uint8Array(10)), hasCode("ENOSPC"));
  file.close();
});

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof StorageError && error.code === code;
}
