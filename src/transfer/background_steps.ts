/**
 * Work on the disk that goes on while the next messages are read.
 *
 * @module
 */

import { guarded } from "./destination.ts";
import type { IncomingFile } from "./incoming_file.ts";
import type { TransferError } from "./transfer_error.ts";

export interface BackgroundStepsOptions {
  /** A step failed: the file cannot be stored. */
  readonly onFailed: (file: IncomingFile, failure: TransferError) => void;
  /** A step is over, however it went. */
  readonly onEnded: (file: IncomingFile) => void;
}

/** The steps under way. The chunk pool bounds how many there are. */
export class BackgroundSteps {
  readonly #options: BackgroundStepsOptions;
  readonly #atRest: (() => void)[] = [];
  #running = 0;

  constructor(options: BackgroundStepsOptions) {
    this.#options = options;
  }

  /** Runs `step`, which was counted with {@link IncomingFile.begin}. */
  run(file: IncomingFile, step: () => Promise<void>): void {
    this.#running++;
    guarded(file.entry.path, step)
      .catch((failure) => {
        file.giveUp();
        this.#options.onFailed(file, failure as TransferError);
      })
      .finally(() => {
        this.#running--;
        this.#options.onEnded(file);
        if (this.#running === 0) { for (const wake of this.#atRest.splice(0)) wake(); }
      });
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => this.#atRest.push(resolve));
  }
}
