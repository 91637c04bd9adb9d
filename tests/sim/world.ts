/**
 * A virtual network in virtual time: hosts with real endpoints, links between them, and a loop that jumps from
 * event to event. Same seed, same run.
 */

import type { Instant } from "../../src/clock.ts";
import { type Prng, seededPrng } from "../../src/entropy.ts";
import { type Address, makeAddress } from "../../src/net/address.ts";
import { Link, type LinkOptions, PERFECT_LINK } from "./link.ts";
import { Host, type HostOptions } from "./host.ts";

interface InFlight {
  readonly at: number;
  readonly order: number;
  readonly from: Address;
  readonly to: Address;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export class World {
  readonly seed: number;
  readonly #prng: Prng;
  readonly #hosts = new Map<string, Host>();
  readonly #links = new Map<string, Link>();
  readonly #inFlight: InFlight[] = [];
  #order = 0;
  #now = 0;
  #link: LinkOptions;

  constructor(options: { seed: number; link?: Partial<LinkOptions> }) {
    this.seed = options.seed;
    this.#prng = seededPrng(options.seed);
    this.#link = { ...PERFECT_LINK, ...options.link };
  }

  get now(): Instant {
    return this.#now as Instant;
  }

  /** A number for whoever needs a derived seed. */
  nextSeed(): number {
    return Math.floor(this.#prng.next() * 4_294_967_296);
  }

  /** Adds a host at `ip:41641`. */
  host(ip: string, options: Partial<HostOptions> = {}): Host {
    const host = new Host(this, makeAddress(ip, 41_641), options);
    this.#hosts.set(host.address.text, host);
    return host;
  }

  /** Gives `host` a new address, as a NAT rebinding or a change of network would. */
  move(host: Host, ip: string, port: number): void {
    this.#hosts.delete(host.address.text);
    const old = host.address.hostname;
    host.address = makeAddress(ip, port);
    this.#hosts.set(host.address.text, host);
    // The new place has links like the old one.
    for (const [key, link] of [...this.#links]) {
      const [from, to] = key.split(">");
      const renamed = `${from === old ? ip : from}>${to === old ? ip : to}`;
      if (renamed !== key) this.#links.set(renamed, link);
    }
  }

  /** The link between two hosts' IP addresses, made when first asked for. */
  link(from: string, to: string): Link {
    const key = `${from}>${to}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = new Link(this.#link, seededPrng(this.nextSeed()));
      this.#links.set(key, link);
    }
    return link;
  }

  /** Makes two directions share one bottleneck link: cross traffic. */
  share(from: string, to: string, link: Link): void {
    this.#links.set(`${from}>${to}`, link);
  }

  /** Puts a datagram on its way. Copies it. */
  send(from: Address, to: Address, bytes: Uint8Array): void {
    for (const arrival of this.link(from.hostname, to.hostname).carry(this.#now, bytes)) {
      this.#push({ at: arrival.at, order: this.#order++, from, to, bytes: arrival.bytes });
    }
  }

  /**
   * Runs until `done` says so.
   *
   * @throws {Error} naming the seed when `limitMs` of virtual time or `maxSteps` pass first, or nothing is left to
   * happen.
   */
  runUntil(done: () => boolean, limits: { limitMs: number; maxSteps?: number }): void {
    const end = this.#now + limits.limitMs;
    for (let steps = 0; !done(); steps++) {
      const next = this.#nextEventAt();
      if (next === null || next > end || steps > (limits.maxSteps ?? 5_000_000)) {
        const why = next === null ? "nothing left to happen" : next > end ? "out of time" : "too many steps";
        throw new Error(
          `World with seed ${this.seed}: ${why} at ${this.#now.toFixed(3)} ms after ${steps} steps`,
        );
      }
      this.#step(next);
    }
  }

  /** Runs for `durationMs` of virtual time. */
  run(durationMs: number): void {
    const end = this.#now + durationMs;
    for (let next = this.#nextEventAt(); next !== null && next <= end; next = this.#nextEventAt()) {
      this.#step(next);
    }
    this.#now = end;
  }

  #step(at: number): void {
    this.#now = Math.max(this.#now, at);
    const due: InFlight[] = [];
    while (this.#inFlight.length > 0 && this.#inFlight[0].at <= this.#now) due.push(this.#pop());
    const touched = new Set<Host>();
    for (const { from, to, bytes } of due) {
      const host = this.#hosts.get(to.text);
      if (host === undefined) continue;
      host.receive(from, bytes);
      touched.add(host);
    }
    for (const host of this.#hosts.values()) {
      const { nextTimeout } = host;
      if (touched.has(host) || (nextTimeout !== null && nextTimeout <= this.#now)) host.turn();
    }
  }

  #nextEventAt(): number | null {
    let next = this.#inFlight.length > 0 ? this.#inFlight[0].at : Infinity;
    for (const { nextTimeout } of this.#hosts.values()) {
      if (nextTimeout !== null && nextTimeout < next) next = nextTimeout;
    }
    return next === Infinity ? null : next;
  }

  #push(item: InFlight): void {
    const heap = this.#inFlight;
    let index = heap.push(item) - 1;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      if (!before(item, heap[parent])) break;
      heap[index] = heap[parent];
      index = parent;
    }
    heap[index] = item;
  }

  #pop(): InFlight {
    const heap = this.#inFlight;
    const first = heap[0];
    const item = heap.pop()!;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], item)) break;
      heap[index] = heap[child];
      index = child;
    }
    heap[index] = item;
    return first;
  }
}

/** Equal times keep send order. */
function before(a: InFlight, b: InFlight): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}
