/**
 * A limit on how many run at a time.
 *
 * @module
 */

/** Places that are taken and given back; who finds none waits in line. */
export class Slots {
  #limit: number;
  #taken = 0;
  readonly #line: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get waiting(): number {
    return this.#line.length;
  }

  setLimit(limit: number): void {
    this.#limit = limit;
    this.#admit();
  }

  /** Waits for a place. Rejects with the signal's reason when it aborts before. */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#taken < this.#limit && this.#line.length === 0) {
      this.#taken++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#line.splice(this.#line.indexOf(enter), 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#line.push(enter);
    });
  }

  give(): void {
    this.#taken--;
    this.#admit();
  }

  #admit(): void {
    while (this.#taken < this.#limit) {
      const next = this.#line.shift();
      if (next === undefined) return;
      this.#taken++;
      next();
    }
  }
}
