/**
 * SHA-256, BLAKE2s-256 and HMAC-BLAKE2s by OpenSSL. One context serves every call on a thread.
 *
 * @module
 */

import { cString, type OpenSsl } from "./library.ts";

/** A hash of the concatenated parts: 32 bytes, the caller's own. */
export type Hash = (parts: readonly Uint8Array[]) => Uint8Array<ArrayBuffer>;

/**
 * The hash that OpenSSL calls `name`, which must give 32 bytes.
 *
 * @throws {Error} when this OpenSSL has none of that name.
 */
export function opensslHash({ symbols }: OpenSsl, name: string): Hash {
  const algorithm = symbols.EVP_MD_fetch(0n, cString(name), 0n);
  const context = symbols.EVP_MD_CTX_new();
  if (algorithm === 0n || context === 0n) throw new Error(`OpenSSL has no ${name}`);
  return (parts) => {
    const digest = new Uint8Array(DIGEST_LENGTH);
    let done = symbols.EVP_DigestInit_ex(context, algorithm, 0n) === 1;
    for (const part of parts) {
      // Deno 2.6 declares buffers as ArrayBuffer alone; it has always taken shared memory too.
      const bytes = part as Uint8Array<ArrayBuffer>;
      done &&= symbols.EVP_DigestUpdate(context, bytes, BigInt(bytes.length)) === 1;
    }
    done &&= symbols.EVP_DigestFinal_ex(context, digest, 0n) === 1;
    if (!done) throw new Error(`Invariant: OpenSSL cannot compute ${name} of bytes in memory`);
    return digest;
  };
}

/** HMAC (RFC 2104) over a hash with blocks of 64 bytes, as both of ours have. */
export function hmacOver(
  hash: Hash,
): (key: Uint8Array, parts: readonly Uint8Array[]) => Uint8Array<ArrayBuffer> {
  // One pad for both passes; the last key is not left in it.
  const pad = new Uint8Array(BLOCK_LENGTH);
  const fill = (key: Uint8Array, mask: number) => {
    for (let i = 0; i < BLOCK_LENGTH; i++) pad[i] = (i < key.length ? key[i] : 0) ^ mask;
  };
  return (key, parts) => {
    const blockKey = key.length > BLOCK_LENGTH ? hash([key]) : key;
    fill(blockKey, 0x36);
    const inner = hash([pad, ...parts]);
    fill(blockKey, 0x5c);
    const mac = hash([pad, inner]);
    pad.fill(0);
    return mac;
  };
}

const DIGEST_LENGTH = 32;
const BLOCK_LENGTH = 64;
