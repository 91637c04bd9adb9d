/**
 * Contacts on disk, so that a node that restarts needs no bootstrap peer.
 *
 * @module
 */

import { parsePeerId } from "../crypto/peer_id.ts";
import type { PeerAddress } from "./contact.ts";
import { isCanonicalAddress } from "./endpoint_address.ts";

/** The most contacts that are kept and read. */
export const MAX_SAVED_CONTACTS = 500;

/** Reads saved contacts. None when the file is missing. @throws {Error} one line, when it cannot be used. */
export async function loadContacts(path: string): Promise<PeerAddress[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new Error(`Cannot read DHT contacts: ${path}: ${messageOf(error)}`, { cause: error });
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot read DHT contacts: ${path} is no JSON: delete it`, { cause: error });
  }
  const contacts = (document as { contacts?: unknown } | null)?.contacts;
  if (!Array.isArray(contacts)) {
    throw new Error(`Cannot read DHT contacts: ${path} has no "contacts": delete it`);
  }
  return contacts.slice(0, MAX_SAVED_CONTACTS).flatMap(contactOf);
}

/** Replaces the saved contacts, in one step: a crash leaves the old file or the new one. @throws {Error} */
export async function saveContacts(path: string, contacts: readonly PeerAddress[]): Promise<void> {
  const document = {
    version: 1,
    contacts: contacts.slice(0, MAX_SAVED_CONTACTS).map(({ peerId, address }) => ({
      peer_id: peerId,
      address,
    })),
  };
  const staging = `${path}.new`;
  try {
    await Deno.writeTextFile(staging, `${JSON.stringify(document, null, 1)}\n`, { mode: 0o600 });
    await Deno.rename(staging, path);
  } catch (error) {
    throw new Error(`Cannot save DHT contacts: ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** An entry that says something else than a peer and a literal address is left out. */
function contactOf(entry: unknown): PeerAddress[] {
  const { peer_id, address } = (entry ?? {}) as { peer_id?: unknown; address?: unknown };
  const peerId = typeof peer_id === "string" ? parsePeerId(peer_id) : null;
  if (peerId === null || typeof address !== "string" || !isCanonicalAddress(address)) return [];
  return [{ peerId, address }];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
