/**
 * The node's secret keys on disk: one file, readable by its owner only.
 *
 * @module
 */

import { dirname } from "node:path";
import { fromHex, toHex } from "../bytes.ts";
import { parseToml } from "../config/toml_file.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import { type PeerId, peerIdOf } from "../crypto/peer_id.ts";
import { type Entropy, randomBytes } from "../entropy.ts";

/** Who a node is. All arrays have 32 bytes; the two secrets never leave the process. */
export interface Identity {
  readonly peerId: PeerId;
  /** Ed25519 public key: the peer id in bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** Ed25519 seed. Secret. */
  readonly seed: Uint8Array<ArrayBuffer>;
  /** X25519 secret key of the Noise handshake. Secret. */
  readonly staticSecretKey: Uint8Array<ArrayBuffer>;
  readonly staticPublicKey: Uint8Array<ArrayBuffer>;
}

/** Why there is no identity. `code` is stable, the message one line for people. */
export class IdentityError extends Error {
  override readonly name = "IdentityError";

  constructor(
    readonly code: "missing" | "exists" | "exposed" | "damaged" | "unreadable",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An identity that exists nowhere else, for a node that lives as long as one command. */
export function generateIdentity(suite: CipherSuite, entropy: Entropy): Identity {
  return identityOf(suite, randomBytes(entropy, KEY_LENGTH), randomBytes(entropy, KEY_LENGTH));
}

/**
 * Reads an identity file.
 *
 * @throws {IdentityError} when there is none, when others than its owner may read it, or when it is damaged.
 */
export async function loadIdentity(path: string, suite: CipherSuite): Promise<Identity> {
  const text = await readSecret(path);
  let seed: unknown, secretKey: unknown, version: unknown;
  try {
    ({ version, ed25519_seed: seed, x25519_secret_key: secretKey } = parseToml(text));
  } catch (error) {
    throw damaged(path, "it is no TOML", error);
  }
  if (version !== FILE_VERSION) throw damaged(path, `expected version ${FILE_VERSION}, found ${version}`);
  return identityOf(
    suite,
    readKey(path, "ed25519_seed", seed),
    readKey(path, "x25519_secret_key", secretKey),
  );
}

/**
 * Makes an identity and writes its file, mode 0600, making the folder (mode 0700) it needs. An existing file is
 * never touched, and a crash leaves either none or a whole one.
 *
 * @throws {IdentityError} when the file exists or cannot be written.
 */
export async function createIdentity(path: string, suite: CipherSuite, entropy: Entropy): Promise<Identity> {
  const identity = generateIdentity(suite, entropy);
  const draft = `${path}.${toHex(randomBytes(entropy, 4))}.new`;
  try {
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeSynced(draft, fileText(identity));
    // A link fails where a rename would replace what is there.
    await Deno.link(draft, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new IdentityError("exists", `${path} exists: move it away to make a new identity`, {
        cause: error,
      });
    }
    throw new IdentityError("unreadable", `cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  } finally {
    await Deno.remove(draft).catch(() => {}); // never written, when the folder could not be made
  }
  return identity;
}

/** {@link loadIdentity}, or {@link createIdentity} when there is no file yet. */
export async function openIdentity(
  path: string,
  suite: CipherSuite,
  entropy: Entropy,
): Promise<{ readonly identity: Identity; readonly created: boolean }> {
  try {
    return { identity: await loadIdentity(path, suite), created: false };
  } catch (error) {
    if (!(error instanceof IdentityError) || error.code !== "missing") throw error;
  }
  return { identity: await createIdentity(path, suite, entropy), created: true };
}

function identityOf(
  suite: CipherSuite,
  seed: Uint8Array<ArrayBuffer>,
  staticSecretKey: Uint8Array<ArrayBuffer>,
): Identity {
  const publicKey = suite.ed25519PublicKey(seed);
  const staticPublicKey = suite.x25519PublicKey(staticSecretKey);
  return { peerId: peerIdOf(publicKey), publicKey, seed, staticSecretKey, staticPublicKey };
}

/** The file's text. Its mode is read from the open file, so that nothing can be swapped in between. */
async function readSecret(path: string): Promise<string> {
  try {
    using file = await Deno.open(path);
    const { mode, size, isFile } = await file.stat();
    if (!isFile) throw damaged(path, "it is no regular file");
    if (Deno.build.os !== "windows" && ((mode ?? 0) & 0o077) !== 0) {
      const shown = ((mode ?? 0) & 0o777).toString(8).padStart(4, "0");
      throw new IdentityError(
        "exposed",
        `${path} has mode ${shown}, so others may read the node's secret keys: chmod 600 ${path}`,
      );
    }
    if (size > MAX_FILE_BYTES) throw damaged(path, `it has ${size} bytes`);
    return await new Response(file.readable).text();
  } catch (error) {
    if (error instanceof IdentityError) throw error;
    if (error instanceof Deno.errors.NotFound) {
      throw new IdentityError("missing", `no identity at ${path}: wraith init makes one`, { cause: error });
    }
    throw new IdentityError("unreadable", `cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

function readKey(path: string, name: string, value: unknown): Uint8Array<ArrayBuffer> {
  if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) return fromHex(value);
  // The value is a secret, whatever is wrong with it: it is not quoted.
  throw damaged(path, `${name}: expected 64 lower-case hex digits`);
}

function damaged(path: string, what: string, cause?: unknown): IdentityError {
  return new IdentityError("damaged", `${path} is no identity file: ${what}; restore it from a backup`, {
    cause,
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return error instanceof Error ? error.message : String(error);
}

function fileText(identity: Identity): string {
  return `# The secret keys of a WRAITH node. Whoever has them is
# ${identity.peerId}.
version = ${FILE_VERSION}
ed25519_seed = "${toHex(identity.seed)}"
x25519_secret_key = "${toHex(identity.staticSecretKey)}"
`;
}

async function writeSynced(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
  await file.sync();
}

const KEY_LENGTH = 32;
const FILE_VERSION = 1;
/** Far above what {@link fileText} writes; keeps a wrong path from being read into memory. */
const MAX_FILE_BYTES = 4_096;
