import assert from "node:assert/strict";
import fc from "fast-check";
import type { Instant } from "../../src/clock.ts";
import { Pacer } from "../../src/session/pacer.ts";

Deno.test("over any time the pacer passes its rate and one burst, no more", () => {
  const turns = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1, maxLength: 80 });
  fc.assert(fc.property(turns, fc.double({ min: 1, max: 20_000, noNaN: true }), (gapsMs, rate) => {
    const datagram = 1_200;
    const pacer = new Pacer();
    const burst = Math.max(10 * datagram, 2 * rate);
    let now = 0;
    let sent = 0;
    for (const gapMs of gapsMs) {
      now += gapMs;
      while (pacer.allowance(now as Instant, rate, datagram) > 0) {
        pacer.spend(datagram);
        sent += datagram;
      }
      // The last datagram may have left on a budget of one byte.
      assert.ok(sent <= burst + rate * now + datagram, `${sent} bytes in ${now} ms at ${rate}`);
    }
    const release = pacer.nextRelease(now as Instant, rate, datagram);
    assert.ok(release > now);
    assert.ok(pacer.allowance((release + 1e-6) as Instant, rate, datagram) > 0);
  }));
});

Deno.test("without a rate nothing is held back", () => {
  const pacer = new Pacer();
  assert.equal(pacer.allowance(0 as Instant, 0, 1_200), Infinity);
});
