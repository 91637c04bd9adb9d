/**
 * The page's server-sent events: the parts that changed, once a second, to everybody who reads them in time.
 *
 * @module
 */

import type { NodeSample } from "../node_sample.ts";
import { type PartName, PARTS, partsOf } from "./parts.ts";

/** Where the feed gets what it sends. */
export interface SampleSource {
  sample(limit: number): NodeSample;
  /** Calls `listener` every second; returns what ends that. */
  onBeat(listener: () => void): () => void;
}

type Reader = ReadableStreamDefaultController<Uint8Array>;

/** Sends to all open pages. Without one it does nothing. */
export class LiveFeed {
  readonly #source: SampleSource;
  readonly #readers = new Set<Reader>();
  #sent: Readonly<Record<PartName, string>> | null = null;
  #unsubscribe: (() => void) | null = null;

  constructor(source: SampleSource) {
    this.#source = source;
  }

  /** How many pages are open. */
  get readers(): number {
    return this.#readers.size;
  }

  /** The answer to a page that wants events; 503 when there are as many as a node serves. */
  open(stopping: AbortSignal): Response {
    if (this.#readers.size >= MAX_READERS) {
      const headers = { "content-type": "text/plain; charset=utf-8", "retry-after": "10" };
      return new Response(`${MAX_READERS} pages are open, no more are served\n`, { status: 503, headers });
    }
    let own: Reader;
    const end = () => this.#drop(own, true);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        own = controller;
        this.#add(controller);
        stopping.addEventListener("abort", end);
      },
      cancel: () => {
        stopping.removeEventListener("abort", end);
        this.#drop(own, false);
      },
    }, new ByteLengthQueuingStrategy({ highWaterMark: MAX_UNREAD_BYTES }));
    return new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
  }

  #add(reader: Reader): void {
    if (this.#unsubscribe === null) {
      this.#sent = null;
      this.#unsubscribe = this.#source.onBeat(() => this.#send());
    }
    this.#sent ??= partsOf(this.#source.sample(PAGE_ROWS));
    this.#readers.add(reader);
    reader.enqueue(eventOf(this.#sent));
  }

  #send(): void {
    const parts = partsOf(this.#source.sample(PAGE_ROWS));
    const changed = PARTS.filter((name) => parts[name] !== this.#sent?.[name]);
    this.#sent = parts;
    const event = eventOf(Object.fromEntries(changed.map((name) => [name, parts[name]])));
    for (const reader of this.#readers) {
      // Whoever leaves this much unread has gone to sleep: the page connects again when it wakes.
      if ((reader.desiredSize ?? 0) < event.length) this.#drop(reader, true);
      else reader.enqueue(event);
    }
  }

  #drop(reader: Reader, isOpen: boolean): void {
    if (!this.#readers.delete(reader)) return;
    if (isOpen) reader.error(new Error("the page does not read, or the node stops"));
    if (this.#readers.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = null;
  }
}

function eventOf(parts: Readonly<Record<string, string>>): Uint8Array {
  return new TextEncoder().encode(`event: parts\ndata: ${JSON.stringify(parts)}\n\n`);
}

/** Rows of each table: a page for people, not a listing. */
export const PAGE_ROWS = 25;
const MAX_READERS = 64;
const MAX_UNREAD_BYTES = 262_144;
