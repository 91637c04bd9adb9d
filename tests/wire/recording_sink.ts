import type { AckRanges, FrameSink } from "../../src/wire/frames.ts";

/** Writes down every frame it is told of, as plain values. */
export class RecordingSink implements FrameSink {
  readonly frames: unknown[][] = [];

  onPing(): void {
    this.frames.push(["ping"]);
  }
  onAck(ranges: AckRanges, delayUs: number): void {
    const pairs = Array.from({ length: ranges.count }, (_, i) => [ranges.low[i], ranges.high[i]]);
    this.frames.push(["ack", pairs, delayUs]);
  }
  onStream(id: number, offset: number, bytes: Uint8Array, start: number, length: number, fin: boolean): void {
    this.frames.push(["stream", id, offset, [...bytes.subarray(start, start + length)], fin]);
  }
  onResetStream(id: number, code: number, finalSize: number): void {
    this.frames.push(["reset_stream", id, code, finalSize]);
  }
  onStopSending(id: number, code: number): void {
    this.frames.push(["stop_sending", id, code]);
  }
  onMaxData(limit: number): void {
    this.frames.push(["max_data", limit]);
  }
  onMaxStreamData(id: number, limit: number): void {
    this.frames.push(["max_stream_data", id, limit]);
  }
  onMaxStreams(limit: number): void {
    this.frames.push(["max_streams", limit]);
  }
  onPathChallenge(data: Uint8Array): void {
    this.frames.push(["path_challenge", [...data]]);
  }
  onPathResponse(data: Uint8Array): void {
    this.frames.push(["path_response", [...data]]);
  }
  onRekey(epoch: number, publicKey: Uint8Array, isResponse: boolean): void {
    this.frames.push(["rekey", epoch, [...publicKey], isResponse]);
  }
  onDatagram(payload: Uint8Array): void {
    this.frames.push(["datagram", [...payload]]);
  }
  onClose(code: number, reason: string): void {
    this.frames.push(["close", code, reason]);
  }
}
