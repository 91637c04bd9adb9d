/**
 * Sends the DHT's messages over sessions, and lets those wait whose session is being established.
 *
 * @module
 */

import type { PeerId } from "../crypto/peer_id.ts";
import type { PeerAddress } from "./contact.ts";
import type { DhtNetwork } from "./dht_service.ts";
import type { DhtTransmit } from "./rpc_book.ts";

export class Outbound {
  readonly #network: DhtNetwork;
  readonly #onUnreachable: (peerId: PeerId) => void;
  /** What waits for a session, by peer. */
  readonly #waiting = new Map<PeerId, Uint8Array[]>();
  readonly #stopping = new AbortController();

  /** @param onUnreachable told of a peer that no session could be established with; never after {@link stop}. */
  constructor(network: DhtNetwork, onUnreachable: (peerId: PeerId) => void) {
    this.#network = network;
    this.#onUnreachable = onUnreachable;
  }

  send({ to, bytes, mayConnect }: DhtTransmit): void {
    const session = this.#network.sessionWith(to.peerId);
    if (session !== null) {
      this.#network.sendDatagram(session.id, bytes);
      return;
    }
    if (!mayConnect || this.#stopping.signal.aborted) return;
    const waiting = this.#waiting.get(to.peerId);
    if (waiting === undefined) this.#connect(to, bytes);
    else if (waiting.length < MAX_WAITING) waiting.push(bytes);
  }

  /** Gives up what is being established; sessions there are go on carrying messages. */
  stop(reason: Error): void {
    this.#stopping.abort(reason);
  }

  #connect({ peerId, address }: PeerAddress, first: Uint8Array): void {
    this.#waiting.set(peerId, [first]);
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]);
    this.#network.connect(peerId, address, signal).then(
      (session) => {
        for (const bytes of this.#waiting.get(peerId) ?? []) this.#network.sendDatagram(session.id, bytes);
        this.#waiting.delete(peerId);
      },
      () => {
        // Why is in the handshake's own event; to the DHT it is a peer that cannot be asked.
        this.#waiting.delete(peerId);
        if (!this.#stopping.signal.aborted) this.#onUnreachable(peerId);
      },
    );
  }
}

/** Messages that wait for one session; more is a peer that does not answer. */
const MAX_WAITING = 8;
/** A question's answer is given up before a handshake is. */
const CONNECT_TIMEOUT_MS = 5000;
