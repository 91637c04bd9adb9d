import assert from "node:assert/strict";
import { fitLine, median, medianBy, quantile } from "../../../src/node/benchmark/statistics.ts";

Deno.test("A quantile is the smallest value that a share of the values does not exceed", () => {
  const values = [5, 1, 4, 2, 3];
  assert.equal(quantile(values, 0.5), 3);
  assert.equal(quantile(values, 0.99), 5);
  assert.equal(quantile(values, 0), 1);
  assert.equal(quantile([], 0.5), NaN);
  assert.equal(median([2, 1, 10, 9]), 2);
  assert.deepEqual(values, [5, 1, 4, 2, 3], "the caller's values stay as they are");
  assert.equal(medianBy([{ ms: 3 }, { ms: 1 }, { ms: 2 }], ({ ms }) => ms).ms, 2);
});

Deno.test("A line is found again over four orders of magnitude, and errors count by their share", () => {
  const line = (x: number) => 0.25 + 0.004 * x;
  const exact = fitLine([1, 10, 100, 1_000, 10_000].map((x) => [x, line(x)]));
  assert.ok(Math.abs(exact.intercept - 0.25) < 1e-9 && Math.abs(exact.slope - 0.004) < 1e-12);
  assert.ok(exact.worstError < 1e-9);
  const noisy = fitLine([[1, line(1)], [100, line(100)], [10_000, line(10_000) * 1.1]]);
  assert.ok(Math.abs(noisy.intercept - 0.25) < 0.02, `${noisy.intercept}`);
  assert.ok(noisy.worstError > 0.03 && noisy.worstError < 0.1, `${noisy.worstError}`);
});
