/**
 * One attempt for all who want the same at the same time.
 *
 * @module
 */

interface Attempt<T> {
  readonly result: Promise<T>;
  readonly abort: AbortController;
  waiting: number;
}

/** Attempts under way, by what they are for. */
export class SharedAttempts<T> {
  readonly #underWay = new Map<string, Attempt<T>>();

  /**
   * Joins the attempt for `key`, or begins it. Who gives up by `signal` leaves it to the others; the last one to
   * leave ends it.
   */
  async join(key: string, signal: AbortSignal, begin: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const attempt = this.#underWay.get(key) ?? this.#begin(key, begin);
    attempt.waiting++;
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    const giveUp = () => reject(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await Promise.race([attempt.result, givenUp]);
    } finally {
      signal.removeEventListener("abort", giveUp);
      if (--attempt.waiting === 0 && this.#forget(key, attempt)) attempt.abort.abort(signal.reason);
    }
  }

  #begin(key: string, begin: (signal: AbortSignal) => Promise<T>): Attempt<T> {
    const abort = new AbortController();
    const attempt = { result: begin(abort.signal), abort, waiting: 0 };
    this.#underWay.set(key, attempt);
    const forget = () => this.#forget(key, attempt);
    attempt.result.then(forget, forget);
    return attempt;
  }

  /** An attempt that everybody left, or that is over, takes nobody new. @returns whether it was under way. */
  #forget(key: string, attempt: Attempt<T>): boolean {
    return this.#underWay.get(key) === attempt && this.#underWay.delete(key);
  }
}
