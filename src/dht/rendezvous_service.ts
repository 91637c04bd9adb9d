/**
 * Hole punching's edge: timers, promises, and the sessions it works with.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { Prng } from "../entropy.ts";
import type { EmitEvent } from "../observe/events.ts";
import type { PeerAddress } from "./contact.ts";
import type { DhtNetwork, DhtSession } from "./dht_service.ts";
import { hasOwnAddress } from "./endpoint_address.ts";
import { Rendezvous, type RendezvousOutput } from "./rendezvous.ts";

export interface RendezvousServiceOptions {
  readonly self: PeerId;
  readonly prng: Prng;
  readonly clock: Clock;
  readonly network: DhtNetwork;
  readonly emit: EmitEvent;
}

/** Why two peers did not meet; one line for people. */
export class RendezvousError extends Error {
  override readonly name = "RendezvousError";

  constructor(readonly code: "unknown_peer" | "rate_limited" | "timeout" | "closed", message: string) {
    super(message);
  }
}

export class RendezvousService {
  readonly #options: RendezvousServiceOptions;
  readonly #core: Rendezvous;
  readonly #calls = new Map<number, Call>();
  /** Peers being dialled because somebody introduced them. */
  readonly #dialling = new Set<PeerId>();
  readonly #stopping = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RendezvousServiceOptions) {
    this.#options = options;
    const { self, prng, network } = options;
    this.#core = new Rendezvous({
      self,
      prng,
      addressOf: (peerId) => {
        const session = network.sessionWith(peerId);
        // A relayed session says nothing about where its peer is.
        return session !== null && hasOwnAddress(session) ? session.remoteAddr : null;
      },
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stopping.abort(new RendezvousError("closed", "The node is stopping"));
    for (const { reject } of this.#calls.values()) reject(this.#stopping.signal.reason);
    this.#calls.clear();
  }

  /** Sets who may make us send to somebody they introduce. */
  acceptCallsFrom(introducers: Iterable<PeerId>): void {
    this.#core.acceptCallsFrom(introducers);
  }

  /** Whether `peerId` is being dialled because it was introduced: its session will not have come by itself. */
  isExpected(peerId: PeerId): boolean {
    return this.#dialling.has(peerId);
  }

  /** A DATAGRAM frame of type 2 arrived. */
  onDatagram(session: DhtSession, bytes: Uint8Array): void {
    if (!hasOwnAddress(session)) return;
    const from = { peerId: session.peerId, address: session.remoteAddr };
    this.#options.emit({
      type: "dht.query.received",
      rpc: "rendezvous",
      peerId: from.peerId,
      remoteAddr: from.address,
    });
    this.#core.handleDatagram(this.#options.clock.now(), from, bytes);
    this.#drain();
  }

  /** A session came up, in either direction. */
  onSession(session: DhtSession): void {
    for (const call of this.#calls.values()) {
      if (call.target === session.peerId) call.resolve(session);
    }
  }

  /**
   * A direct session with `target`, through an introducer that has one with it.
   *
   * @throws {RendezvousError} when the introducer will not, or no packet finds its way.
   */
  async meet(introducer: PeerAddress, target: PeerId, signal: AbortSignal): Promise<DhtSession> {
    const { network, clock } = this.#options;
    const session = network.sessionWith(introducer.peerId) ??
      await network.connect(introducer.peerId, introducer.address, signal);
    const via = { peerId: session.peerId, address: session.remoteAddr };
    const { promise, resolve, reject } = Promise.withResolvers<DhtSession>();
    const attempt = this.#core.call(clock.now(), via, target);
    this.#calls.set(attempt, { target, resolve, reject });
    const giveUp = setTimeout(
      () => reject(new RendezvousError("timeout", `Cannot meet ${target}: no packet found its way`)),
      MEET_WITHIN_MS,
    );
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      this.#drain();
      return await promise;
    } finally {
      clearTimeout(giveUp);
      signal.removeEventListener("abort", abort);
      this.#calls.delete(attempt);
    }
  }

  #drain(): void {
    for (let out = this.#core.pollOutput(); out !== null; out = this.#core.pollOutput()) this.#take(out);
    clearTimeout(this.#timer);
    const next = this.#core.nextTimeout();
    if (next === null || this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#core.handleTimeout(this.#options.clock.now());
      this.#drain();
    }, Math.max(1, next - this.#options.clock.now()));
  }

  #take(output: RendezvousOutput): void {
    const { network, emit } = this.#options;
    switch (output.kind) {
      case "send": {
        const session = network.sessionWith(output.to.peerId);
        if (session !== null) network.sendDatagram(session.id, output.bytes);
        return;
      }
      // The handshake's own first message opens the NAT as well as any packet, and repeats itself.
      case "punch":
      case "dial":
        return this.#dial(output.peer);
      case "failed": {
        const message = output.reason === "timeout"
          ? "Cannot meet: the introducer does not answer"
          : `Cannot meet: the introducer refuses (${output.reason})`;
        this.#calls.get(output.attempt)?.reject(new RendezvousError(output.reason, message));
        return;
      }
      case "refused": {
        const { from, reason, count } = output;
        emit({
          type: "dht.refused",
          what: "query",
          reason,
          peerId: from.peerId,
          remoteAddr: from.address,
          count,
        });
      }
    }
  }

  #dial({ peerId, address }: PeerAddress): void {
    const { network } = this.#options;
    if (this.#dialling.has(peerId) || network.sessionWith(peerId) !== null) return;
    this.#dialling.add(peerId);
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(MEET_WITHIN_MS)]);
    network.connect(peerId, address, signal).then(
      (session) => this.onSession(session),
      // The other side may still get through to us; the call's own limit says when it is over.
      () => {},
    ).finally(() => this.#dialling.delete(peerId));
  }
}

interface Call {
  readonly target: PeerId;
  resolve(session: DhtSession): void;
  reject(reason: unknown): void;
}

/** Six seconds see the handshake's first message repeated eight times from either side. */
const MEET_WITHIN_MS = 6000;
