/**
 * Spans that have begun and not ended, by what they are about. Bounded: a peer that begins things and never
 * ends them takes no more than this.
 *
 * @module
 */

import type { Span } from "@opentelemetry/api";

export class OpenSpans<K, V extends { readonly span: Span }> {
  readonly #entries = new Map<K, V>();

  /** Adds an entry; the oldest one ends unfinished when there is no room. */
  add(key: K, entry: V): V {
    this.#entries.set(key, entry);
    if (this.#entries.size > MAX_OPEN) {
      const [oldest, { span }] = this.#entries.entries().next().value!;
      span.setAttribute("wraith.unfinished", true);
      span.end();
      this.#entries.delete(oldest);
    }
    return entry;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** Takes an entry out, for its end. */
  take(key: K): V | undefined {
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    return entry;
  }

  /** Takes all entries out, for the end of the node. */
  takeAll(): V[] {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    return entries;
  }
}

const MAX_OPEN = 1024;
