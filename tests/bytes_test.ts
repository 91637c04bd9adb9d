import assert from "node:assert/strict";
import { concatBytes, equalBytes, fromHex, toHex } from "../src/bytes.ts";

Deno.test("Hexadecimal round-trips every byte and accepts both cases", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(fromHex(toHex(all)), all);
  assert.deepEqual(fromHex("00fFA5"), Uint8Array.of(0x00, 0xff, 0xa5));
});

Deno.test("Hexadecimal refuses odd lengths and other characters", () => {
  for (const text of ["0", "0g", " 00", "0x00"]) assert.throws(() => fromHex(text), TypeError);
});

Deno.test("Byte comparison tells every difference", () => {
  assert.ok(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
  assert.ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
  assert.ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1)));
});

Deno.test("Concatenation keeps order", () => {
  assert.deepEqual(
    concatBytes(Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2, 3)),
    Uint8Array.of(1, 2, 3),
  );
});
