/**
 * The cipher suites that every crypto test runs against.
 *
 * @module
 */

import type { NonceCipherSuite } from "../../src/crypto/cipher_suite.ts";
import { loadNativeSuite } from "../../src/crypto/native_suite.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { runtimeSuite } from "../../src/crypto/runtime_suite.ts";

/** Every suite that works on this machine; why the native one does not, a skipped test says. */
export const suites: readonly NonceCipherSuite[] = [nobleSuite, runtimeSuite(), ...native()];

function native(): NonceCipherSuite[] {
  try {
    return [loadNativeSuite().suite];
  } catch (error) {
    Deno.test({
      name: `the native suite (skipped: ${error instanceof Error ? error.message : error})`,
      ignore: true,
      fn() {},
    });
    return [];
  }
}
