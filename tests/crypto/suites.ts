/**
 * The cipher suites that every crypto test runs against.
 *
 * @module
 */

import type { CipherSuite, NonceAeadKey } from "../../src/crypto/cipher_suite.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";

/** A suite whose AEAD also takes the nonces of published vectors. */
export type TestedSuite = CipherSuite & { aead(key: Uint8Array): NonceAeadKey };

/** Every suite that works on this machine. */
export const suites: readonly TestedSuite[] = [nobleSuite];
