/**
 * What a connection does with each frame: the ones that arrive, and the ones whose fate becomes known.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { Address } from "../net/address.ts";
import type { AckRanges, FrameSink } from "../wire/frames.ts";
import type { EventSink } from "./connection_events.ts";
import type { ConnectionParts } from "./connection_parts.ts";
import type { PathFeedback } from "./loss_recovery.ts";
import { type FrameFate, SentFrame } from "./sent_packets.ts";

/** What only the connection itself can do. */
export interface FrameConsequences {
  /** The peer closed the session. */
  onPeerClose(code: number, reason: string): void;
  onRekeyed(): void;
  onPathValidated(): void;
  onDatagramSize(): void;
  onBlackHole(): void;
}

/** Unreliable messages taken from one packet; more than an honest queue holds are dropped, as they may be. */
const MAX_DATAGRAMS = 64;

export class FrameHandler implements FrameSink, FrameFate, PathFeedback {
  readonly #parts: () => ConnectionParts;
  readonly #emit: EventSink;
  readonly #consequences: FrameConsequences;
  /** The instant and the sender of the packet being handled. */
  now: Instant = 0 as Instant;
  from: Address | null = null;
  #bytes = 0;
  #datagrams = 0;

  /** `parts` is a thunk because recovery, one of them, is built with this handler. */
  constructor(parts: () => ConnectionParts, emit: EventSink, consequences: FrameConsequences) {
    this.#parts = parts;
    this.#emit = emit;
    this.#consequences = consequences;
  }

  /** The frames of a packet of `bytes` follow. */
  begin(now: Instant, from: Address, bytes: number): void {
    this.now = now;
    this.from = from;
    this.#bytes = bytes;
    this.#datagrams = 0;
  }

  onPing(): void {}

  onAck(ranges: AckRanges, delayUs: number): void {
    this.#parts().skipped.checkAck(ranges);
    this.#parts().recovery.onAck(this.now, ranges, delayUs / 1000);
  }

  onStream(id: number, offset: number, bytes: Uint8Array, start: number, length: number, fin: boolean): void {
    this.#parts().streams.onStream(this.now, id, offset, bytes, start, length, fin);
  }

  onResetStream(id: number, code: number, finalSize: number): void {
    this.#parts().streams.onResetStream(this.now, id, code, finalSize);
  }

  onStopSending(id: number, code: number): void {
    this.#parts().streams.onStopSending(id, code);
  }

  onMaxData(limit: number): void {
    this.#parts().streams.onMaxData(limit);
  }

  onMaxStreamData(id: number, limit: number): void {
    this.#parts().streams.onMaxStreamData(id, limit);
  }

  onMaxStreams(limit: number): void {
    this.#parts().streams.onMaxStreams(limit);
  }

  onPathChallenge(data: Uint8Array): void {
    this.#parts().path.onChallenge(this.from!, data, this.#bytes);
  }

  onPathResponse(data: Uint8Array): void {
    if (this.#parts().path.onResponse(data)) this.#consequences.onPathValidated();
  }

  onRekey(epoch: number, publicKey: Uint8Array, isResponse: boolean): void {
    if (this.#parts().rekey.onFrame(this.now, epoch, publicKey, isResponse)) this.#consequences.onRekeyed();
  }

  onDatagram(payload: Uint8Array): void {
    if (++this.#datagrams > MAX_DATAGRAMS) return;
    this.#emit({ kind: "datagram", payload: payload.slice() });
  }

  onClose(code: number, reason: string): void {
    this.#consequences.onPeerClose(code, reason);
  }

  onFrameAcked(kind: number, a: number, b: number, c: number): void {
    const { streams, received, mtu } = this.#parts();
    if (kind === SentFrame.Stream || kind === SentFrame.StreamFin || kind === SentFrame.ResetStream) {
      streams.onAcked(kind, a, b, c);
    } else if (kind === SentFrame.Ack) received.onAckAcked(a);
    else if (kind === SentFrame.MtuProbe && mtu.onProbeAcked(a)) this.#consequences.onDatagramSize();
  }

  onFrameLost(kind: number, a: number, b: number, c: number): void {
    const { streams, rekey, mtu } = this.#parts();
    if (kind === SentFrame.Rekey) rekey.onLost(a, b === 1);
    else if (kind === SentFrame.MtuProbe) mtu.onProbeLost(this.now, a);
    else if (kind !== SentFrame.Ack && kind !== SentFrame.Ping) streams.onLost(kind, a, b, c);
  }

  onProbeTimeout(count: number): void {
    if (this.#parts().mtu.onProbeTimeouts(this.now, count)) this.#consequences.onBlackHole();
  }
}
