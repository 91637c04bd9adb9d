import assert from "node:assert/strict";
import { SharedAttempts } from "../../src/node/shared_attempts.ts";

/** Attempts whose ends the test decides. */
function attemptsInHand() {
  const begun: (PromiseWithResolvers<string> & { readonly signal: AbortSignal })[] = [];
  const begin = (signal: AbortSignal) => {
    const attempt = { ...Promise.withResolvers<string>(), signal };
    begun.push(attempt);
    return attempt.promise;
  };
  return { begun, begin, shared: new SharedAttempts<string>() };
}

const NEVER = new AbortController().signal;

Deno.test("Who asks for the same shares the attempt, who asks for something else has another", async () => {
  const { begun, begin, shared } = attemptsInHand();
  const [first, second, other] = ["a", "a", "b"].map((key) => shared.join(key, NEVER, begin));
  assert.equal(begun.length, 2);
  begun[0].resolve("one");
  begun[1].resolve("two");
  assert.deepEqual(await Promise.all([first, second, other]), ["one", "one", "two"]);
  assert.equal(begun[0].signal.aborted, false, "who has what it wanted aborts nothing");
  const later = shared.join("a", NEVER, begin);
  assert.equal(begun.length, 3, "what is over is not shared any more");
  begun[2].reject(new Error("no answer"));
  await assert.rejects(later, /no answer/);
});

Deno.test("A failure is everybody's", async () => {
  const { begun, begin, shared } = attemptsInHand();
  const both = Promise.allSettled([shared.join("a", NEVER, begin), shared.join("a", NEVER, begin)]);
  begun[0].reject(new Error("no answer"));
  assert.deepEqual((await both).map(({ status }) => status), ["rejected", "rejected"]);
});

Deno.test("Who gives up leaves the attempt to the others; the last one ends it", async () => {
  const { begun, begin, shared } = attemptsInHand();
  const [impatient, patient] = [new AbortController(), new AbortController()];
  const first = shared.join("a", impatient.signal, begin);
  const second = shared.join("a", patient.signal, begin);
  impatient.abort(new Error("enough"));
  await assert.rejects(first, /enough/);
  assert.equal(begun[0].signal.aborted, false);
  patient.abort(new Error("me too"));
  await assert.rejects(second, /me too/);
  assert.match(String(begun[0].signal.reason), /me too/);

  const third = shared.join("a", NEVER, begin);
  assert.equal(begun.length, 2, "an attempt that everybody left takes nobody new");
  begun[0].reject(begun[0].signal.reason);
  begun[1].resolve("again");
  assert.equal(await third, "again");
  await assert.rejects(shared.join("a", AbortSignal.abort(new Error("never mind")), begin), /never mind/);
});
