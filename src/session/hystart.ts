/**
 * HyStart++ (RFC 9406): leaves slow start when the round-trip time rises, before packets are lost.
 *
 * The RFC compares a round's smallest sample with the round before. A round that begins with an empty queue and ends
 * with a full one hides its rise that way, and one round later a buffer of one bandwidth-delay product has
 * overflowed. Here the smallest of every eight samples in a row is compared: noise is filtered as before, and the
 * rise is seen within the round in which it happens.
 *
 * @module
 */

/** RFC 9406 §4.3. */
const MIN_RTT_THRESHOLD_MS = 4;
const MAX_RTT_THRESHOLD_MS = 16;
const MIN_RTT_DIVISOR = 8;
const RTT_SAMPLES = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;

export class HyStart {
  #phase: "slow_start" | "conservative" | "done" = "slow_start";
  #isFinished = false;
  #windowEnd = 0;
  #lastRoundMinMs = Infinity;
  #roundMinMs = Infinity;
  /** Of the round's latest samples, up to eight: their smallest, and how many. */
  #latestMinMs = Infinity;
  #samples = 0;
  #baselineMinMs = Infinity;
  #conservativeRounds = 0;

  /** Whether slow start is over for good. */
  get done(): boolean {
    return this.phase === "done";
  }

  get phase(): "slow_start" | "conservative" | "done" {
    return this.#isFinished ? "done" : this.#phase;
  }

  /** What each acknowledged byte adds to the window: 1 in slow start, a quarter in the conservative phase. */
  get growth(): number {
    return this.phase === "conservative" ? 1 / CSS_GROWTH_DIVISOR : 1;
  }

  /** Takes in one acknowledgement and the round-trip time it measured. */
  onAck(largestAcked: number, nextPacketNumber: number, rttMs: number): void {
    if (this.done) return;
    if (largestAcked >= this.#windowEnd) this.#startRound(nextPacketNumber);
    this.#roundMinMs = Math.min(this.#roundMinMs, rttMs);
    this.#latestMinMs = Math.min(this.#latestMinMs, rttMs);
    if (++this.#samples < RTT_SAMPLES) return;
    if (this.#lastRoundMinMs !== Infinity) this.#judge(this.#latestMinMs);
    this.#latestMinMs = Infinity;
    this.#samples = 0;
  }

  /** Congestion ended slow start. */
  finish(): void {
    this.#isFinished = true;
  }

  /** It had not: what {@link finish} ended goes on. */
  resume(): void {
    this.#isFinished = false;
  }

  #startRound(nextPacketNumber: number): void {
    this.#windowEnd = nextPacketNumber;
    this.#lastRoundMinMs = this.#roundMinMs;
    this.#roundMinMs = this.#latestMinMs = Infinity;
    this.#samples = 0;
    if (this.#phase === "conservative" && ++this.#conservativeRounds >= CSS_ROUNDS) this.#phase = "done";
  }

  #judge(minMs: number): void {
    if (this.#phase === "slow_start") this.#detectRise(minMs);
    else if (minMs < this.#baselineMinMs) {
      // The rise was spurious (§4.2): resume slow start.
      this.#phase = "slow_start";
      this.#baselineMinMs = Infinity;
    }
  }

  #detectRise(minMs: number): void {
    const threshold = Math.max(
      MIN_RTT_THRESHOLD_MS,
      Math.min(this.#lastRoundMinMs / MIN_RTT_DIVISOR, MAX_RTT_THRESHOLD_MS),
    );
    if (minMs < this.#lastRoundMinMs + threshold) return;
    this.#baselineMinMs = minMs;
    this.#conservativeRounds = 0;
    this.#phase = "conservative";
  }
}
