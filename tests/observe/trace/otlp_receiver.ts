/**
 * A collector for tests: takes OTLP over HTTP, in JSON and in protobuf, and keeps the spans.
 *
 * The protobuf reader is our own and knows only the fields of opentelemetry-proto's trace.proto that we read:
 * what the exporter's library wrote is judged by something else than that library.
 *
 * @module
 */

import { toHex } from "../../../src/bytes.ts";

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly {
    readonly name: string;
    readonly attributes: Readonly<Record<string, unknown>>;
  }[];
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  readonly resource: Readonly<Record<string, unknown>>;
}

export class OtlpReceiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  readonly requests: {
    readonly path: string;
    readonly contentType: string;
    readonly headers: Headers;
    /** Decompressed. */
    readonly body: Uint8Array<ArrayBuffer>;
  }[] = [];
  /** The status of every answer. */
  answer = 200;
  /** Answers this many requests with 503 first. */
  busyAnswers = 0;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#take(request),
    );
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  named(name: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #take(request: Request): Promise<Response> {
    const gzip = request.headers.get("content-encoding") === "gzip";
    const stream = gzip ? request.body!.pipeThrough(new DecompressionStream("gzip")) : request.body;
    const body = new Uint8Array(await new Response(stream).arrayBuffer());
    const contentType = request.headers.get("content-type") ?? "";
    this.requests.push({ path: new URL(request.url).pathname, contentType, headers: request.headers, body });
    if (this.busyAnswers > 0) {
      this.busyAnswers--;
      return new Response(null, { status: 503, headers: { "retry-after": "0" } });
    }
    if (this.answer === 200) {
      this.spans.push(...contentType === "application/json" ? decodeJson(body) : decodeProtobuf(body));
    }
    return new Response("{}", {
      status: this.answer,
      headers: { "content-type": "application/json" },
    });
  }
}

interface JsonValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
}

interface JsonAttribute {
  readonly key: string;
  readonly value: JsonValue;
}

function decodeJson(body: Uint8Array): ReceivedSpan[] {
  const document = JSON.parse(new TextDecoder().decode(body));
  const spans: ReceivedSpan[] = [];
  for (const resourceSpans of document.resourceSpans) {
    const resource = jsonAttributes(resourceSpans.resource.attributes);
    for (const scope of resourceSpans.scopeSpans) {
      for (const span of scope.spans) {
        spans.push({
          traceId: span.traceId,
          spanId: span.spanId,
          parentSpanId: span.parentSpanId ?? "",
          name: span.name,
          kind: span.kind,
          startMs: Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000,
          endMs: Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000,
          attributes: jsonAttributes(span.attributes),
          events: (span.events ?? []).map((event: { name: string; attributes?: JsonAttribute[] }) => ({
            name: event.name,
            attributes: jsonAttributes(event.attributes),
          })),
          status: span.status?.code ?? 0,
          resource,
        });
      }
    }
  }
  return spans;
}

function jsonAttributes(attributes: readonly JsonAttribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [
    key,
    value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue),
  ]));
}

/** Fields of one message, by number; a field may come more than once. */
type Fields = Map<number, (Uint8Array | bigint)[]>;

function decodeProtobuf(body: Uint8Array): ReceivedSpan[] {
  const spans: ReceivedSpan[] = [];
  for (const resourceSpans of messages(fieldsOf(body), 1)) {
    const resource = attributesOf(messages(resourceSpans, 1)[0], 1);
    for (const scopeSpans of messages(resourceSpans, 2)) {
      for (const span of messages(scopeSpans, 2)) spans.push(spanOf(span, resource));
    }
  }
  return spans;
}

function spanOf(span: Fields, resource: Record<string, unknown>): ReceivedSpan {
  return {
    traceId: toHex(bytesOf(span, 1)),
    spanId: toHex(bytesOf(span, 2)),
    parentSpanId: toHex(bytesOf(span, 4)),
    name: textOf(span, 5),
    kind: Number(numberOf(span, 6)),
    startMs: Number(numberOf(span, 7) / 1000n) / 1000,
    endMs: Number(numberOf(span, 8) / 1000n) / 1000,
    attributes: attributesOf(span, 9),
    events: messages(span, 11).map((event) => ({
      name: textOf(event, 2),
      attributes: attributesOf(event, 3),
    })),
    status: Number(numberOf(messages(span, 15)[0] ?? new Map(), 3)),
    resource,
  };
}

function attributesOf(message: Fields, field: number): Record<string, unknown> {
  return Object.fromEntries(
    messages(message, field).map((pair) => [textOf(pair, 1), valueOf(messages(pair, 2)[0])]),
  );
}

function valueOf(value: Fields): unknown {
  if (value.has(1)) return textOf(value, 1);
  if (value.has(2)) return numberOf(value, 2) === 1n;
  if (value.has(3)) return Number(BigInt.asIntN(64, numberOf(value, 3)));
  if (value.has(4)) {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, numberOf(value, 4));
    return view.getFloat64(0);
  }
  return undefined;
}

function messages(message: Fields, field: number): Fields[] {
  return (message.get(field) ?? []).map((bytes) => fieldsOf(bytes as Uint8Array));
}

function bytesOf(message: Fields, field: number): Uint8Array {
  return (message.get(field)?.[0] ?? new Uint8Array(0)) as Uint8Array;
}

function textOf(message: Fields, field: number): string {
  return new TextDecoder().decode(bytesOf(message, field));
}

function numberOf(message: Fields, field: number): bigint {
  return (message.get(field)?.[0] ?? 0n) as bigint;
}

/** The wire format of protobuf: varint keys, four wire types. */
function fieldsOf(bytes: Uint8Array): Fields {
  const fields: Fields = new Map();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n;; shift += 7n) {
      const byte = bytes[offset++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (offset < bytes.length) {
    const key = Number(varint());
    let value: Uint8Array | bigint;
    switch (key & 7) {
      case 0:
        value = varint();
        break;
      case 1:
        value = view.getBigUint64(offset, true);
        offset += 8;
        break;
      case 2: {
        const length = Number(varint());
        value = bytes.subarray(offset, offset += length);
        break;
      }
      case 5:
        value = BigInt(view.getUint32(offset, true));
        offset += 4;
        break;
      default:
        throw new Error(`wire type ${key & 7}`);
    }
    fields.set(key >> 3, [...fields.get(key >> 3) ?? [], value]);
  }
  return fields;
}
