/**
 * The cipher suites that every crypto test runs against.
 *
 * @module
 */

import type { NonceCipherSuite } from "../../src/crypto/cipher_suite.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";

/** Every suite that works on this machine. */
export const suites: readonly NonceCipherSuite[] = [nobleSuite];
