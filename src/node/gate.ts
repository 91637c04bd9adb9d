/**
 * Waiting for the next time something happens.
 *
 * @module
 */

/** One waiter at a time, woken by {@link open}; a wake-up with nobody waiting is remembered once. */
export class Gate {
  #wake: (() => void) | null = null;
  #isOpen = false;

  /** Resolves at the next {@link open}, or at once if one came since the last wait. */
  wait(): Promise<void> {
    if (this.#isOpen) {
      this.#isOpen = false;
      return Promise.resolve();
    }
    if (this.#wake !== null) throw new Error("Invariant: a gate has one waiter at a time");
    return new Promise((resolve) => this.#wake = resolve);
  }

  open(): void {
    const wake = this.#wake;
    this.#wake = null;
    if (wake === null) this.#isOpen = true;
    else wake();
  }
}
