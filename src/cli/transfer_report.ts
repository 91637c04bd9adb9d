/**
 * What `wraith send` and `wraith get` tell of their transfer: progress while it runs, then how it ended.
 *
 * @module
 */

import { later } from "../clock.ts";
import type { TransferEvent, TransferResult } from "../node/transfer_documents.ts";
import { type CommandContext, CommandError, EXIT, type ExitCode } from "./command.ts";
import { paintFor } from "./paint.ts";
import { ProgressDisplay } from "./progress.ts";
import { printable, shownBytes, shownDuration } from "./text_table.ts";

/** In which words: they differ between sending and getting. */
export interface TransferWords {
  /** `sent a.txt to ...`, `got a.txt`. */
  readonly success: (result: TransferResult) => string;
  /** Where the bytes are that count as done. */
  readonly place: string;
  readonly howToResume: string;
}

/** Tells of one transfer. With `--json` all of it is events, one a line; else it is for people. */
export class TransferReport {
  readonly #context: CommandContext;
  readonly #words: TransferWords;
  readonly #display: ProgressDisplay | null;
  #last: TransferEvent | null = null;
  #nextEventAt;

  constructor(context: CommandContext, words: TransferWords) {
    this.#context = context;
    this.#words = words;
    const { clock, stderr } = context;
    this.#display = context.options.flag("json")
      ? null
      : new ProgressDisplay(stderr, clock, paintFor(context));
    this.#nextEventAt = later(clock.now(), EVENT_INTERVAL_MS);
  }

  /** Says, on a terminal, what is waited for before the first event. */
  announce(text: string): void {
    this.#display?.announce(text);
  }

  take(event: TransferEvent): void {
    this.#last = event;
    if (event.event === "result") this.#display?.clear();
    else this.#display?.show(event);
    if (this.#display === null) this.#writeEvent(event);
  }

  #writeEvent(event: TransferEvent): void {
    const { clock, stdout } = this.#context;
    const now = clock.now();
    if (event.event === "progress" && now < this.#nextEventAt) return;
    this.#nextEventAt = later(now, EVENT_INTERVAL_MS);
    stdout.write(`${JSON.stringify(event)}\n`);
  }

  /** The command ends early, by an error or because the user wants it to. */
  breakOff(): void {
    this.#display?.clear();
    if (!this.#context.signal.aborted) return;
    const { place, howToResume } = this.#words;
    const { bytes_done: done, bytes_total: total } = this.#last ?? { bytes_done: 0, bytes_total: 0 };
    const kept = done > 0 ? `${shownBytes(done)} of ${shownBytes(total)} are ${place}; ${howToResume}` : "";
    this.#context.stderr.write(`wraith: interrupted${kept === "" ? "" : `: ${kept}`}\n`);
  }

  /** @throws {CommandError} when the transfer did not complete. */
  conclude(): ExitCode {
    const result = this.#last;
    if (result?.event !== "result") throw new CommandError("the node ended before the transfer did");
    if (this.#display !== null) this.#tellSkipped(result);
    if (result.state !== "completed") {
      if (this.#display !== null) this.#tellFailures(result);
      throw new CommandError(result.message ?? `the transfer of ${result.name} was ${result.state}`);
    }
    if (this.#display !== null) this.#context.stdout.write(`${this.#words.success(result)}\n`);
    return EXIT.success;
  }

  #tellSkipped({ skipped, skipped_paths }: TransferResult): void {
    if (skipped === 0) return;
    const what = skipped === 1
      ? "1 link, special or unfinished file"
      : `${skipped} links, special or unfinished files`;
    const named = skipped_paths.slice(0, MAX_NAMED).map(printable).join(", ");
    const more = skipped > MAX_NAMED ? ` and ${skipped - MAX_NAMED} more` : "";
    this.#context.stderr.write(`wraith: not sent: ${what}: ${named}${more}\n`);
  }

  /** One failure is the error line itself; of several, each has its line before that. */
  #tellFailures({ failures, files_failed }: TransferResult): void {
    if (files_failed < 2) return;
    for (const { message } of failures.slice(0, MAX_NAMED)) {
      this.#context.stderr.write(`wraith: ${printable(message)}\n`);
    }
    if (files_failed > MAX_NAMED) {
      this.#context.stderr.write(`wraith: and ${files_failed - MAX_NAMED} more files\n`);
    }
  }
}

/** `33 MB in 2 s, 16 MB/s (25 files, 12 MB were there already)`. */
export function shownCost(result: TransferResult): string {
  const { files, bytes_total: bytes, bytes_resumed: resumed, duration_ms: ms } = result;
  const notes = [
    ...(files === 1 ? [] : [`${files} files`]),
    ...(resumed > 0 ? [`${shownBytes(resumed)} were there already`] : []),
  ];
  const facts = `${shownBytes(bytes)} in ${shownDuration(ms)}, ${shownBytes(result.bytes_per_second)}/s`;
  return notes.length === 0 ? facts : `${facts} (${notes.join(", ")})`;
}

const EVENT_INTERVAL_MS = 1_000;
const MAX_NAMED = 10;
