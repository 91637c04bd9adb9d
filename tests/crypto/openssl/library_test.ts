import { match, ok, throws } from "node:assert/strict";
import { openOpenSsl } from "../../../src/crypto/openssl/library.ts";

const linux = Deno.build.os === "linux";

Deno.test({
  name: "openOpenSsl says in one line that a library is not there",
  ignore: !linux,
  fn() {
    throws(() => openOpenSsl(["/nowhere/libcrypto.so.3", "libcrypto-of-another-day.so"]), (error: Error) => {
      match(error.message, /^no usable libcrypto\.so\.3 \(.*\/nowhere\/libcrypto\.so\.3.*\)$/);
      return true;
    });
  },
});

Deno.test({
  name: "openOpenSsl refuses a library that lacks a symbol",
  ignore: !linux,
  fn() {
    throws(() => openOpenSsl(["libc.so.6"]), (error: Error) => {
      match(error.message, /^no usable libcrypto\.so\.3 \(.*\)$/);
      ok(!error.message.includes("\n"));
      return true;
    });
  },
});

Deno.test({
  name: "openOpenSsl asks for no permission where FFI is not granted",
  permissions: { ffi: false },
  ignore: !linux,
  fn: () => throws(() => openOpenSsl(), /no permission to call libraries \(--allow-ffi\)/),
});
