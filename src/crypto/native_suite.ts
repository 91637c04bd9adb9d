/**
 * The native suite of Linux: OpenSSL's ChaCha20-Poly1305 and hashes through FFI, the runtime's own curves. Each
 * primitive is where it was measured fastest; `docs/crypto.md` has the figures.
 *
 * @module
 */

import type { NonceCipherSuite } from "./cipher_suite.ts";
import { nobleSuite } from "./noble_suite.ts";
import { OpenSslAead } from "./openssl/aead.ts";
import { hmacOver, opensslHash } from "./openssl/digests.ts";
import { openOpenSsl } from "./openssl/library.ts";
import { runtimeSuite } from "./runtime_suite.ts";

/** The native suite and the library behind it. */
export interface NativeSuite {
  readonly suite: NonceCipherSuite;
  /** As OpenSSL calls itself. */
  readonly library: string;
}

/**
 * Loads the native suite, once per thread. The caller has it prove itself first.
 *
 * @throws {Error} with a message of one line when this machine has not what it takes.
 */
export function loadNativeSuite(): NativeSuite {
  return loaded ??= load();
}

function load(): NativeSuite {
  const openssl = openOpenSsl();
  const aead = new OpenSslAead(openssl);
  const blake2s = opensslHash(openssl, "BLAKE2S-256");
  const suite: NonceCipherSuite = {
    ...runtimeSuite(),
    name: "native",
    // OpenSSL's keyed BLAKE2s is another interface altogether; it would speed up retry tokens alone.
    blake2s: (parts, key) => key === undefined ? blake2s(parts) : nobleSuite.blake2s(parts, key),
    hmacBlake2s: hmacOver(blake2s),
    sha256: opensslHash(openssl, "SHA256"),
    aead: (key) => aead.key(key),
  };
  return { suite, library: openssl.version };
}

let loaded: NativeSuite | null = null;
