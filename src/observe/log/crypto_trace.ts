/**
 * Crypto operations as trace lines: which operation, over how many bytes. Never what went in or came out.
 *
 * @module
 */

import type { CipherSuite } from "../../crypto/cipher_suite.ts";
import type { Log } from "./log.ts";

/**
 * `suite`, telling `log` at level trace what it is asked to do. Sealing and opening packets are not told one
 * by one (packet dumps show those); a new key for them is.
 *
 * For the handshake and identities, whose operations cost a hundred times the check made here.
 */
export function tracedSuite(suite: CipherSuite, log: Pick<Log, "isEnabled" | "diagnose">): CipherSuite {
  const tell = (operation: string, inputBytes: number) => {
    if (!log.isEnabled("trace")) return;
    log.diagnose("trace", "crypto", "Crypto operation", {
      operation,
      input_bytes: inputBytes,
      crypto: suite.name,
    });
  };
  const total = (parts: readonly Uint8Array[]) => parts.reduce((sum, part) => sum + part.length, 0);
  return {
    name: suite.name,
    x25519PublicKey(secretKey) {
      tell("x25519_public_key", 0);
      return suite.x25519PublicKey(secretKey);
    },
    x25519(secretKey, publicKey) {
      tell("x25519", publicKey.length);
      return suite.x25519(secretKey, publicKey);
    },
    ed25519PublicKey(seed) {
      tell("ed25519_public_key", 0);
      return suite.ed25519PublicKey(seed);
    },
    ed25519Sign(seed, message) {
      tell("ed25519_sign", message.length);
      return suite.ed25519Sign(seed, message);
    },
    ed25519Verify(publicKey, message, signature) {
      tell("ed25519_verify", message.length);
      return suite.ed25519Verify(publicKey, message, signature);
    },
    blake2s: (parts, key) => suite.blake2s(parts, key),
    hmacBlake2s(key, parts) {
      tell("hmac_blake2s", total(parts));
      return suite.hmacBlake2s(key, parts);
    },
    sha256: (parts) => suite.sha256(parts),
    aead(key) {
      tell("aead_key", 0);
      return suite.aead(key);
    },
  };
}
