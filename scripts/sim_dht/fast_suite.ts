/**
 * Signatures and hashes for ten thousand nodes in one process: the runtime's own, each signature checked once however
 * many simulated nodes check it.
 *
 * @module
 */

import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { Buffer } from "node:buffer";
import { concatBytes } from "../../src/bytes.ts";
import type { RecordSuite } from "../../src/dht/record.ts";

export interface SimulationSuite extends RecordSuite {
  ed25519PublicKey(seed: Uint8Array): Uint8Array;
  /** Signatures checked for the first time. */
  readonly checks: number;
}

export function simulationSuite(): SimulationSuite {
  const verdicts = new Map<string, boolean>();
  const privateKeys = new WeakMap<Uint8Array, KeyObject>();
  let checks = 0;
  const privateKeyOf = (seed: Uint8Array) => {
    const known = privateKeys.get(seed);
    if (known !== undefined) return known;
    const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
    privateKeys.set(seed, key);
    return key;
  };
  return {
    get checks() {
      return checks;
    },
    ed25519PublicKey(seed) {
      const der = createPublicKey(privateKeyOf(seed)).export({ format: "der", type: "spki" });
      return Uint8Array.from(der.subarray(der.length - 32));
    },
    ed25519Sign: (seed, message) => Uint8Array.from(sign(null, message, privateKeyOf(seed))),
    ed25519Verify(publicKey, message, signature) {
      const name = createHash("sha256").update(publicKey).update(signature).update(message).digest("base64");
      const known = verdicts.get(name);
      if (known !== undefined) return known;
      if (verdicts.size >= REMEMBERED) verdicts.clear();
      checks++;
      const key = createPublicKey({
        key: Buffer.concat([SPKI_HEAD, publicKey]),
        format: "der",
        type: "spki",
      });
      const verdict = verify(null, message, key, signature);
      verdicts.set(name, verdict);
      return verdict;
    },
    sha256: (parts) => Uint8Array.from(createHash("sha256").update(concatBytes(...parts)).digest()),
  };
}

/** A node's identity from its number: 32 bytes nobody else has. */
export function seedOf(worldSeed: number, index: number): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(`wraith sim ${worldSeed} ${index}`).digest());
}

const REMEMBERED = 200_000;
/** RFC 8410: what precedes the 32 bytes of an Ed25519 private key in PKCS #8, and of a public key in SPKI. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");
