/**
 * The signed head beside the trail: what makes a trail that was cut short show it.
 *
 * @module
 */

import type { PeerId } from "../../crypto/peer_id.ts";
import { fromHex, toHex } from "../../bytes.ts";
import type { AuditCrypto } from "./record.ts";

/** The last checkpoint, kept apart from the trail. */
export interface SignedHead {
  readonly seq: number;
  readonly hash: string;
  readonly peerId: PeerId;
  readonly signature: string;
}

/** The head file of the trail at `auditPath`. */
export function headPathOf(auditPath: string): string {
  return `${auditPath}.head`;
}

/** Replaces the head file: at every moment a whole one is there. */
export async function writeHead(auditPath: string, head: SignedHead): Promise<void> {
  const path = headPathOf(auditPath);
  const temporary = `${path}.tmp`;
  const file = await Deno.open(temporary, { write: true, create: true, truncate: true, mode: 0o600 });
  try {
    const bytes = new TextEncoder().encode(JSON.stringify(head) + "\n");
    for (let sent = 0; sent < bytes.length;) sent += await file.write(bytes.subarray(sent));
    await file.syncData();
  } finally {
    file.close();
  }
  await Deno.rename(temporary, path);
}

/** The head file's content; null when there is none. @throws {Error} when it is none of ours. */
export async function readHead(auditPath: string): Promise<SignedHead | null> {
  let text: string;
  try {
    text = await Deno.readTextFile(headPathOf(auditPath));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const head = JSON.parse(text) as SignedHead;
  if (
    !Number.isSafeInteger(head.seq) || typeof head.hash !== "string" || typeof head.signature !== "string"
  ) {
    throw new Error(`${headPathOf(auditPath)} is no head of an audit trail`);
  }
  return head;
}

/** What the head file's signature is over. */
export function headMessage(seq: number, hash: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`wraith audit head v1 ${seq} ${hash}`);
}

/** A head signed by `sign`. */
export function signHead(
  seq: number,
  hash: string,
  peerId: PeerId,
  sign: (message: Uint8Array) => Uint8Array,
): SignedHead {
  return { seq, hash, peerId, signature: toHex(sign(headMessage(seq, hash))) };
}

/** Whether `head` was signed by `publicKey`. */
export function isHeadSigned(
  head: SignedHead,
  publicKey: Uint8Array,
  crypto: Pick<AuditCrypto, "ed25519Verify">,
): boolean {
  if (!/^([0-9a-f]{2})+$/.test(head.signature)) return false;
  return crypto.ed25519Verify(publicKey, headMessage(head.seq, head.hash), fromHex(head.signature));
}
