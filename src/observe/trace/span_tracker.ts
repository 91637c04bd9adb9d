/**
 * Turns the event stream into spans: `handshake`; `transfer_file` with `offer`, `verify`, `finish` and the
 * chunks as events; `dht_lookup` with a `dht_rpc` for each question.
 *
 * Times come with the events. A span lasts as long as the monotonic clock says, wherever the calendar jumps.
 *
 * @module
 */

import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from "@opentelemetry/api";
import type { EventTime } from "../event_bus.ts";
import type {
  DhtLookupStarted,
  DhtRpcFinished,
  HandshakeStarted,
  NodeEvent,
  TransferOffered,
} from "../events.ts";
import type { EventOf } from "../log/description.ts";
import { bounded } from "../log/hostile_text.ts";
import { OpenSpans } from "./open_spans.ts";
import { formatTraceparent, parseTraceparent } from "./traceparent.ts";

/** A span with what its end needs. */
interface Begun {
  readonly span: Span;
  readonly context: Context;
  readonly begunAt: EventTime;
}

interface TransferSpans extends Begun {
  /** The child under way: `offer`, `verify` or `finish`. */
  child: Begun | null;
}

export class SpanTracker {
  readonly #tracer: Tracer;
  readonly #handshakes = new OpenSpans<number, Begun>();
  readonly #transfers = new OpenSpans<string, TransferSpans>();
  readonly #lookups = new OpenSpans<number, Begun>();
  /** The events handled so far, with the span each belongs to. */
  readonly #spanOfEvent = new WeakMap<NodeEvent, Span | null>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** The span that `event` belongs to. A view that is told of it before us has us handle it first. */
  spanOf(
    event: NodeEvent,
    time: EventTime,
  ): { readonly traceId: string; readonly spanId: string } | undefined {
    this.handle(event, time);
    return this.#spanOfEvent.get(event)?.spanContext();
  }

  /** The header for the OFFER of `transferId`; begins its span when the offer is not out yet. */
  traceparentFor(transferId: string, time: EventTime): string {
    const key = transferKey("send", transferId);
    const { span } = this.#transfers.get(key) ??
      this.#beginTransfer(key, SpanKind.PRODUCER, ROOT_CONTEXT, time);
    const { traceId, spanId, traceFlags } = span.spanContext();
    return formatTraceparent({ traceId, spanId, isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0 });
  }

  /** Ends what is open: the node stops. */
  endAll(time: EventTime): void {
    const transfers = this.#transfers.takeAll();
    const children = transfers.flatMap(({ child }) => child === null ? [] : [child]);
    for (
      const begun of [...children, ...transfers, ...this.#handshakes.takeAll(), ...this.#lookups.takeAll()]
    ) {
      begun.span.setAttribute("wraith.unfinished", true);
      end(begun, time);
    }
  }

  handle(event: NodeEvent, time: EventTime): void {
    if (this.#spanOfEvent.has(event)) return;
    this.#spanOfEvent.set(event, this.#spanFor(event, time) ?? null);
  }

  #spanFor(event: NodeEvent, time: EventTime): Span | undefined {
    switch (event.type) {
      case "handshake.started":
        return this.#beginHandshake(event, time).span;
      case "handshake.failed":
      case "session.established":
        return this.#endHandshake(event, time);
      case "transfer.offered":
        return this.#onOffered(event, time);
      case "transfer.started":
      case "transfer.paused":
      case "transfer.resumed":
      case "transfer.progress":
      case "transfer.verifying":
      case "transfer.verified":
        return this.#onTransferCourse(event, time);
      case "transfer.completed":
      case "transfer.failed":
        return this.#endTransfer(event, time);
      case "dht.lookup.started":
        return this.#beginLookup(event, time).span;
      case "dht.rpc.finished":
        return this.#onRpc(event, time);
      case "dht.lookup.finished":
        return this.#endLookup(event, time);
    }
  }

  #beginHandshake(event: HandshakeStarted, time: EventTime): Begun {
    const kind = event.direction === "inbound" ? SpanKind.SERVER : SpanKind.CLIENT;
    const begun = this.#begin("handshake", kind, ROOT_CONTEXT, time, {
      ...peerAddress(event.remoteAddr),
      "wraith.direction": event.direction,
    });
    return this.#handshakes.add(event.handshakeId, begun);
  }

  #endHandshake(
    event: EventOf<"handshake.failed" | "session.established">,
    time: EventTime,
  ): Span | undefined {
    const begun = this.#handshakes.take(event.handshakeId);
    if (begun === undefined) return undefined;
    if (event.peerId !== undefined) begun.span.setAttribute("wraith.peer.id", event.peerId);
    if (event.type === "handshake.failed") {
      fail(begun.span, event.reason, `Handshake failed: ${event.reason}`);
    } else begun.span.setAttributes({ "wraith.session.id": event.sessionId, "wraith.path": event.path });
    end(begun, time);
    return begun.span;
  }

  #beginTransfer(key: string, kind: SpanKind, parent: Context, time: EventTime): TransferSpans {
    return this.#transfers.add(key, {
      ...this.#begin("transfer_file", kind, parent, time, {}),
      child: null,
    });
  }

  #onOffered(event: TransferOffered, time: EventTime): Span {
    const key = transferKey(event.direction, event.transferId);
    const kind = event.direction === "send" ? SpanKind.PRODUCER : SpanKind.CONSUMER;
    const transfer = this.#transfers.get(key) ??
      this.#beginTransfer(key, kind, remoteParent(event.traceparent), time);
    transfer.span.setAttributes({
      "wraith.transfer.id": event.transferId,
      "wraith.transfer.direction": event.direction,
      "wraith.peer.id": event.peerId,
      "wraith.transfer.name": bounded(event.name, MAX_NAME_UNITS),
      "wraith.transfer.files": event.files,
      "wraith.transfer.bytes": event.bytesTotal,
      "network.io.direction": event.direction === "send" ? "transmit" : "receive",
      "network.transport": "udp",
    });
    this.#nextChild(transfer, "offer", time);
    return transfer.span;
  }

  #onTransferCourse(
    event: EventOf<
      | "transfer.started"
      | "transfer.paused"
      | "transfer.resumed"
      | "transfer.progress"
      | "transfer.verifying"
      | "transfer.verified"
    >,
    time: EventTime,
  ): Span | undefined {
    const transfer = this.#transfers.get(transferKey(event.direction, event.transferId));
    if (transfer === undefined) return undefined;
    switch (event.type) {
      case "transfer.started":
        this.#nextChild(transfer, null, time);
        transfer.span.setAttribute("wraith.transfer.bytes_resumed", event.bytesResumed);
        break;
      case "transfer.progress":
        transfer.span.addEvent("chunks", {
          "wraith.transfer.bytes_done": event.bytesDone,
          "wraith.transfer.chunks_done": event.chunksDone,
        }, endTimeOf(transfer, time));
        break;
      case "transfer.verifying":
        this.#nextChild(transfer, "verify", time);
        break;
      case "transfer.verified":
        this.#nextChild(transfer, "finish", time);
        break;
      default:
        transfer.span.addEvent(event.type.slice("transfer.".length), {}, endTimeOf(transfer, time));
    }
    return transfer.span;
  }

  #endTransfer(
    event: EventOf<"transfer.completed" | "transfer.failed">,
    time: EventTime,
  ): Span | undefined {
    const transfer = this.#transfers.take(transferKey(event.direction, event.transferId));
    if (transfer === undefined) return undefined;
    if (event.type === "transfer.completed") {
      transfer.span.setAttribute("wraith.transfer.bytes_transferred", event.bytesTransferred);
    } else if (event.reason !== "cancelled") {
      fail(transfer.span, event.reason, event.message);
      if (transfer.child !== null) fail(transfer.child.span, event.reason, event.message);
    }
    this.#nextChild(transfer, null, time);
    end(transfer, time);
    return transfer.span;
  }

  #nextChild(transfer: TransferSpans, name: "offer" | "verify" | "finish" | null, time: EventTime): void {
    if (transfer.child !== null) end(transfer.child, time);
    transfer.child = name === null
      ? null
      : this.#begin(name, SpanKind.INTERNAL, transfer.context, shifted(transfer.begunAt, time), {});
  }

  #beginLookup(event: DhtLookupStarted, time: EventTime): Begun {
    const begun = this.#begin("dht_lookup", SpanKind.INTERNAL, ROOT_CONTEXT, time, {
      "wraith.dht.kind": event.kind,
      "wraith.dht.target": event.target,
    });
    return this.#lookups.add(event.lookupId, begun);
  }

  /** Known only when it has ended: it began so much earlier. */
  #onRpc(event: DhtRpcFinished, time: EventTime): Span | undefined {
    const lookup = event.lookupId === undefined ? undefined : this.#lookups.get(event.lookupId);
    if (lookup === undefined) return undefined;
    const endMs = endTimeOf(lookup, time);
    const span = this.#tracer.startSpan("dht_rpc", {
      kind: SpanKind.CLIENT,
      startTime: endMs - event.durationMs,
      attributes: { "rpc.system": "wraith", "rpc.method": event.rpc, "wraith.peer.id": event.peerId },
    }, lookup.context);
    if (event.result !== "success") fail(span, event.result, `DHT ${event.rpc}: ${event.result}`);
    span.end(endMs);
    return span;
  }

  #endLookup(event: EventOf<"dht.lookup.finished">, time: EventTime): Span | undefined {
    const begun = this.#lookups.take(event.lookupId);
    if (begun === undefined) return undefined;
    begun.span.setAttributes({ "wraith.dht.hops": event.hops, "wraith.dht.rpcs": event.rpcs });
    if (event.result === "failure") fail(begun.span, "not_found", "DHT lookup found nothing");
    end(begun, time);
    return begun.span;
  }

  #begin(name: string, kind: SpanKind, parent: Context, begunAt: EventTime, attributes: Attributes): Begun {
    const span = this.#tracer.startSpan(name, { kind, startTime: begunAt.epochMs, attributes }, parent);
    return { span, context: trace.setSpan(parent, span), begunAt };
  }
}

/** A node may send to itself in a test: both directions of one transfer are two spans. */
function transferKey(direction: "send" | "receive", transferId: string): string {
  return `${direction} ${transferId}`;
}

function remoteParent(traceparent: string | undefined): Context {
  const remote = traceparent === undefined ? null : parseTraceparent(traceparent);
  if (remote === null) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: remote.traceId,
    spanId: remote.spanId,
    traceFlags: remote.isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  });
}

function peerAddress(remoteAddr: string): Attributes {
  const colon = remoteAddr.lastIndexOf(":");
  return {
    "network.peer.address": remoteAddr.slice(0, colon).replace(/^\[|\]$/g, ""),
    "network.peer.port": Number(remoteAddr.slice(colon + 1)),
    "network.transport": "udp",
  };
}

function fail(span: Span, errorType: string, message: string): void {
  span.setAttribute("error.type", errorType);
  span.setStatus({ code: SpanStatusCode.ERROR, message: bounded(message, MAX_NAME_UNITS) });
}

function end(begun: Begun, time: EventTime): void {
  begun.span.end(endTimeOf(begun, time));
}

/** The calendar time of `time`, as counted from the beginning by the monotonic clock. */
function endTimeOf({ begunAt }: Begun, time: EventTime): number {
  return begunAt.epochMs + Math.max(0, time.now - begunAt.now);
}

function shifted(begunAt: EventTime, time: EventTime): EventTime {
  return { now: time.now, epochMs: begunAt.epochMs + Math.max(0, time.now - begunAt.now) };
}

const MAX_NAME_UNITS = 512;
