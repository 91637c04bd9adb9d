import assert from "node:assert/strict";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { seededEntropy } from "../../src/entropy.ts";
import { createIdentity, IdentityError, loadIdentity, openIdentity } from "../../src/node/identity.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const ENTROPY = seededEntropy(1);

function refusal(code: IdentityError["code"], said: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof IdentityError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, said);
    return true;
  };
}

Deno.test("An identity is written once, mode 0600, and read back", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/deep/identity.key`;
  const first = await openIdentity(path, nobleSuite, ENTROPY);
  assert.equal(first.created, true);
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  assert.equal((await Deno.stat(`${folder.path}/deep`)).mode! & 0o777, 0o700);
  assert.deepEqual((await Array.fromAsync(Deno.readDir(`${folder.path}/deep`))).map((e) => e.name), [
    "identity.key",
  ]);

  const second = await openIdentity(path, nobleSuite, ENTROPY);
  assert.deepEqual(second, { identity: first.identity, created: false });
  const message = new Uint8Array([1, 2, 3]);
  const signature = nobleSuite.ed25519Sign(second.identity.seed, message);
  assert.ok(nobleSuite.ed25519Verify(first.identity.publicKey, message, signature));
});

Deno.test("An existing identity is never replaced", async () => {
  await using folder = await temporaryFolder();
  const path = await folder.write("identity.key", "precious");
  await assert.rejects(createIdentity(path, nobleSuite, ENTROPY), refusal("exists", /move it away/));
  assert.equal(await Deno.readTextFile(path), "precious");
});

for (const mode of [0o640, 0o604, 0o660, 0o644]) {
  Deno.test(`An identity of mode ${mode.toString(8)} is refused`, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/identity.key`;
    await createIdentity(path, nobleSuite, ENTROPY);
    await Deno.chmod(path, mode);
    await assert.rejects(loadIdentity(path, nobleSuite), refusal("exposed", /chmod 600/));
  });
}

const DAMAGED: readonly [what: string, text: string][] = [
  ["no TOML", "\u0000"],
  ["another version", "version = 2"],
  ["no keys", "version = 1"],
  ["a short key", `version = 1\ned25519_seed = "ab"\nx25519_secret_key = "${"a".repeat(64)}"`],
  ["too many bytes", "#".repeat(5_000)],
];

for (const [what, text] of DAMAGED) {
  Deno.test(`An identity file with ${what} is refused without quoting it`, async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write("identity.key", text);
    await Deno.chmod(path, 0o600);
    await assert.rejects(loadIdentity(path, nobleSuite), (error) => {
      assert.doesNotMatch(String(error), /"ab"/);
      return refusal("damaged", /is no identity file/)(error);
    });
  });
}

Deno.test("A missing identity says what makes one", async () => {
  await assert.rejects(
    loadIdentity("/nonexistent/identity.key", nobleSuite),
    refusal("missing", /^no identity at \/nonexistent\/identity\.key: wraith init makes one$/),
  );
});
