/**
 * Round-trip time as RFC 9002 section 5 estimates it. All values in milliseconds.
 *
 * @module
 */

/** Timer granularity assumed of the edge (RFC 9002 §6.1.2). */
export const GRANULARITY_MS = 1;
/** What the event loops at both ends may add to a round trip under load. */
const EVENT_LOOP_MS = 2;
/** Used before the first sample (RFC 9002 §6.2.2). */
export const INITIAL_RTT_MS = 333;

export class RttEstimator {
  #latestMs = 0;
  #minMs = 0;
  #smoothedMs = INITIAL_RTT_MS;
  #variationMs = INITIAL_RTT_MS / 2;
  #hasSample = false;

  get latestMs(): number {
    return this.#latestMs;
  }

  /** Smallest sample since the start or the last {@link reset}; 0 before the first. */
  get minMs(): number {
    return this.#minMs;
  }

  get smoothedMs(): number {
    return this.#smoothedMs;
  }

  /**
   * The round trip with at most as much waiting in it as the path takes itself: what a window must bridge. What
   * this session's own data waits in queues does not count, or each wider window would call for a wider one. 0
   * before the first sample.
   */
  get unqueuedMs(): number {
    return this.#hasSample ? Math.min(this.#smoothedMs, 2 * this.#minMs + EVENT_LOOP_MS) : 0;
  }

  get variationMs(): number {
    return this.#variationMs;
  }

  get hasSample(): boolean {
    return this.#hasSample;
  }

  /**
   * Takes in one sample.
   *
   * @param ackDelayMs how long the peer says it held the acknowledgement, already bounded by its max_ack_delay.
   */
  addSample(sampleMs: number, ackDelayMs: number): void {
    this.#latestMs = sampleMs;
    if (!this.#hasSample) {
      this.#hasSample = true;
      this.#minMs = sampleMs;
      this.#smoothedMs = sampleMs;
      this.#variationMs = sampleMs / 2;
      return;
    }
    this.#minMs = Math.min(this.#minMs, sampleMs);
    const adjusted = sampleMs >= this.#minMs + ackDelayMs ? sampleMs - ackDelayMs : sampleMs;
    this.#variationMs = 0.75 * this.#variationMs + 0.25 * Math.abs(this.#smoothedMs - adjusted);
    this.#smoothedMs = 0.875 * this.#smoothedMs + 0.125 * adjusted;
  }

  /** The probe timeout without backoff (RFC 9002 §6.2.1). */
  probeTimeoutMs(maxAckDelayMs: number): number {
    return this.#smoothedMs + Math.max(4 * this.#variationMs, GRANULARITY_MS) + maxAckDelayMs;
  }

  /** The larger recent round trip: what the time threshold of loss is a multiple of (RFC 9002 §6.1.2). */
  get lossBaseMs(): number {
    return Math.max(this.#latestMs, this.#smoothedMs);
  }

  /** How long after its time a packet counts as lost, when that is `threshold` round trips: 9/8 to begin with. */
  lossDelayMs(threshold: number): number {
    return Math.max(threshold * this.lossBaseMs, GRANULARITY_MS);
  }

  /** Starts over, as on a new path (RFC 9002 §5.2, RFC 9000 §9.4). */
  reset(): void {
    this.#hasSample = false;
    this.#latestMs = 0;
    this.#minMs = 0;
    this.#smoothedMs = INITIAL_RTT_MS;
    this.#variationMs = INITIAL_RTT_MS / 2;
  }
}
