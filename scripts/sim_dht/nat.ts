/**
 * Hosts behind NATs of every kind (RFC 4787's mapping and filtering behaviours), on a virtual internet.
 *
 * @module
 */

import { type Instant, later } from "../../src/clock.ts";
import { EventQueue } from "./event_queue.ts";

/** `open`: no NAT. The others by their old names (RFC 3489 §5), which people know. */
export type NatKind = "open" | "full_cone" | "restricted_cone" | "port_restricted_cone" | "symmetric";
export const NAT_KINDS: readonly NatKind[] = [
  "open",
  "full_cone",
  "restricted_cone",
  "port_restricted_cone",
  "symmetric",
];

/** One host with one socket, and the NAT in front of it. */
export class NatHost {
  /** Called with what the NAT lets through. */
  onPacket: (from: string, packet: unknown) => void = () => {};
  /** Outer port by destination; cones have one entry, named "". */
  readonly #mappings = new Map<string, number>();
  /** Where packets have gone out to, by outer port. */
  readonly #contacted = new Map<number, Set<string>>();
  #nextPort: number;

  constructor(readonly kind: NatKind, readonly host: string, firstPort: number) {
    this.#nextPort = firstPort;
  }

  /** The outer address a packet to `to` leaves from. */
  outward(to: string): string {
    const key = this.kind === "symmetric" ? to : "";
    let port = this.#mappings.get(key);
    if (port === undefined) this.#mappings.set(key, port = this.#nextPort++);
    const contacted = this.#contacted.get(port) ?? new Set();
    this.#contacted.set(port, contacted.add(to).add(hostOf(to)));
    return `${this.host}:${port}`;
  }

  /** Whether a packet from `from` to our outer `port` passes. */
  admits(from: string, port: number): boolean {
    const contacted = this.#contacted.get(port);
    switch (this.kind) {
      case "open":
        return true;
      case "full_cone":
        return contacted !== undefined;
      case "restricted_cone":
        return contacted?.has(hostOf(from)) === true;
      case "port_restricted_cone":
      case "symmetric":
        return contacted?.has(from) === true;
    }
  }
}

/** Carries packets between hosts by their outer addresses. */
export class NatInternet {
  now = 0 as Instant;
  readonly #queue = new EventQueue();
  readonly #hosts = new Map<string, NatHost>();
  readonly #delayMs: (from: string, to: string) => number;

  constructor(delayMs: (from: string, to: string) => number) {
    this.#delayMs = delayMs;
  }

  add(host: NatHost): NatHost {
    this.#hosts.set(host.host, host);
    return host;
  }

  send(host: NatHost, to: string, packet: unknown): void {
    const from = host.outward(to);
    this.after(this.#delayMs(from, to), () => {
      const target = this.#hosts.get(hostOf(to));
      if (target?.admits(from, Number(to.slice(to.lastIndexOf(":") + 1)))) target.onPacket(from, packet);
    });
  }

  after(delayMs: number, action: () => void): void {
    this.#queue.push(later(this.now, delayMs), action);
  }

  run(durationMs: number): void {
    const until = later(this.now, durationMs);
    while (this.#queue.nextAt !== null && this.#queue.nextAt <= until) {
      this.now = this.#queue.nextAt;
      this.#queue.pop()();
    }
    this.now = until;
  }
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}
