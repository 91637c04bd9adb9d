/**
 * Sends spans to a collector: OTLP over HTTP (opentelemetry-proto, OTLP/HTTP request and response), with the
 * runtime's own fetch.
 *
 * The bytes are made by OpenTelemetry's serializers. The sending is ours, because the packages' exporters go
 * through node:http, which on Deno 2.6 leaves its connections open and fails after a collector closed one.
 *
 * @module
 */

import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { TraceSettings } from "./environment.ts";

export class OtlpExporter implements SpanExporter {
  readonly #settings: TraceSettings;
  readonly #client: Deno.HttpClient;
  readonly #ended = new AbortController();

  /** @throws when a certificate or key cannot be read. */
  constructor(settings: TraceSettings) {
    this.#settings = settings;
    this.#client = Deno.createHttpClient(tlsOf(settings));
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter["export"]>[1]): void {
    this.#send(spans).then(
      () => done({ code: SUCCESS }),
      (error) => done({ code: FAILED, error: error instanceof Error ? error : new Error(String(error)) }),
    );
  }

  /** Cuts off what is under way. */
  // deno-lint-ignore require-await
  async shutdown(): Promise<void> {
    this.#ended.abort(new Error("the node stopped"));
    this.#client.close();
  }

  /** Tries until the time for one export is over; what the collector refuses for good is not tried again. */
  async #send(spans: ReadableSpan[]): Promise<void> {
    const { protocol, timeoutMs } = this.#settings;
    const serializer = protocol === "http/json" ? JsonTraceSerializer : ProtobufTraceSerializer;
    const body = await this.#encoded(serializer.serializeRequest(spans)!);
    const deadline = performance.now() + timeoutMs;
    for (let attempt = 0;; attempt++) {
      const retryAfterMs = await this.#post(body, Math.max(1, deadline - performance.now()), attempt);
      if (retryAfterMs === null) return;
      if (performance.now() + retryAfterMs >= deadline) throw new Error("the collector asks to come later");
      await this.#pause(retryAfterMs);
    }
  }

  /** One request. Null: accepted. Otherwise how long to wait before the next. @throws when refused for good. */
  async #post(body: Uint8Array<ArrayBuffer>, limitMs: number, attempt: number): Promise<number | null> {
    const { url, headers, protocol, compression } = this.#settings;
    const response = await fetch(url, {
      method: "POST",
      client: this.#client,
      redirect: "error",
      signal: AbortSignal.any([this.#ended.signal, AbortSignal.timeout(limitMs)]),
      headers: {
        ...headers,
        "content-type": protocol === "http/json" ? "application/json" : "application/x-protobuf",
        ...(compression === "gzip" ? { "content-encoding": "gzip" } : {}),
      },
      body,
    });
    await response.body?.cancel();
    if (response.ok) return null;
    if (!RETRYABLE.has(response.status)) throw new Error(`HTTP ${response.status}`);
    // Full jitter: nodes that lost one collector do not come back in step.
    return retryAfterMs(response) ?? Math.random() * FIRST_DELAY_MS * 2 ** attempt;
  }

  async #encoded(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const body = bytes as Uint8Array<ArrayBuffer>;
    if (this.#settings.compression !== "gzip") return body;
    const zipped = new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Uint8Array(await new Response(zipped).arrayBuffer());
  }

  async #pause(delayMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, delayMs);
      this.#ended.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(this.#ended.signal.reason);
      }, { once: true });
    });
  }
}

function tlsOf(
  { certificateFile, clientCertificateFile, clientKeyFile }: TraceSettings,
): Deno.CreateHttpClientOptions & Partial<Deno.TlsCertifiedKeyPem> {
  return {
    ...(certificateFile === undefined ? {} : { caCerts: [Deno.readTextFileSync(certificateFile)] }),
    ...(clientCertificateFile === undefined || clientKeyFile === undefined ? {} : {
      cert: Deno.readTextFileSync(clientCertificateFile),
      key: Deno.readTextFileSync(clientKeyFile),
    }),
  };
}

function retryAfterMs(response: Response): number | null {
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}

/** ExportResultCode of @opentelemetry/core. */
const SUCCESS = 0;
const FAILED = 1;
/** OTLP/HTTP, "Retryable response codes". */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const FIRST_DELAY_MS = 500;
