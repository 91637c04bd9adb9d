/**
 * OpenSSL 3's libcrypto, opened through the foreign function interface.
 *
 * Every address and size is declared `usize` and passed as a bigint: a fast call takes those without a
 * conversion (6 ns measured), while a `number` in their place leaves the fast path (140 ns).
 *
 * @module
 */

const ADDRESS = "usize";

const SYMBOLS = {
  OPENSSL_init_crypto: { parameters: ["u64", ADDRESS], result: "i32" },
  OpenSSL_version: { parameters: ["i32"], result: "pointer" },

  EVP_CIPHER_fetch: { parameters: [ADDRESS, "buffer", ADDRESS], result: ADDRESS },
  EVP_CIPHER_CTX_new: { parameters: [], result: ADDRESS },
  EVP_CIPHER_CTX_ctrl: { parameters: [ADDRESS, "i32", "i32", ADDRESS], result: "i32" },
  EVP_EncryptInit_ex: { parameters: [ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS], result: "i32" },
  EVP_EncryptUpdate: { parameters: [ADDRESS, ADDRESS, ADDRESS, ADDRESS, "i32"], result: "i32" },
  EVP_EncryptFinal_ex: { parameters: [ADDRESS, ADDRESS, ADDRESS], result: "i32" },
  EVP_DecryptInit_ex: { parameters: [ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS], result: "i32" },
  EVP_DecryptUpdate: { parameters: [ADDRESS, ADDRESS, ADDRESS, ADDRESS, "i32"], result: "i32" },
  EVP_DecryptFinal_ex: { parameters: [ADDRESS, ADDRESS, ADDRESS], result: "i32" },

  EVP_MD_fetch: { parameters: [ADDRESS, "buffer", ADDRESS], result: ADDRESS },
  EVP_MD_CTX_new: { parameters: [], result: ADDRESS },
  EVP_DigestInit_ex: { parameters: [ADDRESS, ADDRESS, ADDRESS], result: "i32" },
  EVP_DigestUpdate: { parameters: [ADDRESS, "buffer", ADDRESS], result: "i32" },
  EVP_DigestFinal_ex: { parameters: [ADDRESS, "buffer", ADDRESS], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** What of libcrypto this program calls. */
export interface OpenSsl {
  readonly symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  /** As the library calls itself, e.g. `OpenSSL 3.0.19 27 Jan 2026`. */
  readonly version: string;
}

/**
 * Opens the first libcrypto 3 that this machine has. Asks for no permission: where FFI is not granted, there is
 * none. The library stays loaded for the life of the process.
 *
 * @throws {Error} with a message of one line when there is none, or it lacks a symbol.
 */
export function openOpenSsl(paths: readonly string[] = LIBRARY_PATHS): OpenSsl {
  if (Deno.build.os !== "linux") throw new Error(`OpenSSL is used on Linux only, this is ${Deno.build.os}`);
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    throw new Error("no permission to call libraries (--allow-ffi)");
  }
  const failures: string[] = [];
  for (const path of paths) {
    try {
      const { symbols } = Deno.dlopen(path, SYMBOLS);
      return { symbols, version: initialized(symbols) };
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  // The first path is the loader's own search, so its complaint says most.
  throw new Error(`no usable libcrypto.so.3 (${firstLine(failures[0] ?? "no path to try")})`);
}

function initialized(symbols: OpenSsl["symbols"]): string {
  if (symbols.OPENSSL_init_crypto(INIT_NO_LOAD_CONFIG | INIT_NO_ATEXIT, 0n) !== 1) {
    throw new Error("libcrypto did not initialize");
  }
  const version = symbols.OpenSSL_version(0);
  return version === null ? "OpenSSL of unknown version" : Deno.UnsafePointerView.getCString(version);
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0];
}

/** `text` as C wants it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** No engine or provider that a configuration file names may stand in for the code that was tested. */
const INIT_NO_LOAD_CONFIG = 0x80n;
/** The process may exit on one thread while another still calls in: then nothing must be torn down. */
const INIT_NO_ATEXIT = 0x80000n;

/** The loader's search first, then where distributions put it when the loader does not look there. */
const LIBRARY_PATHS: readonly string[] = [
  "libcrypto.so.3",
  `/usr/lib/${Deno.build.arch}-linux-gnu/libcrypto.so.3`, // Debian, Ubuntu
  "/usr/lib64/libcrypto.so.3", // Fedora, RHEL, SUSE
  "/usr/lib/libcrypto.so.3", // Arch, Alpine
  "/run/current-system/sw/lib/libcrypto.so.3", // NixOS
];
