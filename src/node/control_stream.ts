/**
 * Answers that take a while: one JSON event a line, as they happen.
 *
 * @module
 */

import { ControlError, type ControlRequest } from "./control_server.ts";

/** One line of a streamed answer. */
export type StreamedEvent = Readonly<Record<string, unknown>>;

/**
 * A response whose body is what `run` reports until it resolves. When it rejects, the last line is
 * `{"error": {"code", "message"}}`.
 *
 * @param run gets `signal`, which aborts when the client goes away, cannot keep up, or the server stops.
 */
export function streamEvents(
  request: Pick<ControlRequest, "stopping">,
  run: (report: (event: StreamedEvent) => void, signal: AbortSignal) => Promise<void>,
): Response {
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, request.stopping]);
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const report = (event: StreamedEvent) => {
        if (ending.signal.aborted) return;
        controller.enqueue(encoder.encode(`${JSON.stringify(event)}\n`));
        if ((controller.desiredSize ?? 0) < -MAX_QUEUED_BYTES) {
          ending.abort(new Error("the client does not read"));
          controller.error(ending.signal.reason);
        }
      };
      // Not awaited: a stream is readable only once start has returned.
      runToEnd(run, report, signal).then(() => {
        if (!ending.signal.aborted) controller.close();
      });
      await Promise.resolve();
    },
    cancel(reason) {
      ending.abort(reason);
    },
  }, new ByteLengthQueuingStrategy({ highWaterMark: 0 }));
  return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
}

async function runToEnd(
  run: (report: (event: StreamedEvent) => void, signal: AbortSignal) => Promise<void>,
  report: (event: StreamedEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    await run(report, signal);
  } catch (error) {
    const code = error instanceof ControlError ? error.code : signal.aborted ? "stopped" : "internal";
    const message = signal.aborted && code === "stopped" ? "the node is stopping" : messageOf(error);
    report({ error: { code, message } });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a client may leave unread before it is given up. */
const MAX_QUEUED_BYTES = 1_048_576;
