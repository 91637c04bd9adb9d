/**
 * Saves the contacts from time to time, so that a node that restarts, or was killed, needs no bootstrap peer.
 *
 * @module
 */

import type { Contact, PeerAddress } from "./contact.ts";
import { loadContacts, saveContacts } from "./contact_store_file.ts";

export interface KeptContactsOptions {
  readonly path: string;
  readonly contacts: () => readonly Readonly<Contact>[];
  /** Told what keeps the file from being read or written; one line. */
  readonly onFailure: (error: unknown) => void;
}

export class KeptContacts {
  readonly #options: KeptContactsOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saved: Promise<void> = Promise.resolve();

  constructor(options: KeptContactsOptions) {
    this.#options = options;
  }

  /** Starts saving, and returns those of an earlier life, the likeliest to be there first. */
  async start(): Promise<PeerAddress[]> {
    const { path, onFailure } = this.#options;
    const saved = await loadContacts(path).catch((error) => {
      onFailure(error);
      return [];
    });
    this.#saveIn(FIRST_SAVE_MS);
    return saved.slice(0, SAVED_SEEDS);
  }

  /** Saves a last time. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#save();
    await this.#saved;
  }

  #saveIn(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#save();
      this.#saveIn(SAVE_INTERVAL_MS);
    }, delayMs);
  }

  #save(): void {
    const { path, contacts, onFailure } = this.#options;
    // Those known for longest are the likeliest to be there after a restart.
    const lasting = contacts().toSorted((a, b) => a.firstSeenAt - b.firstSeenAt);
    // A node that meets nobody, offline say, will need the contacts it had.
    if (lasting.length === 0) return;
    this.#saved = this.#saved.then(() => saveContacts(path, lasting)).catch(onFailure);
  }
}

/** Soon after the start: a node that is killed must not need its bootstrap peer again. */
const FIRST_SAVE_MS = 15_000;
const SAVE_INTERVAL_MS = 10 * 60_000;
/** Of the saved contacts, how many are asked at a start. */
const SAVED_SEEDS = 30;
