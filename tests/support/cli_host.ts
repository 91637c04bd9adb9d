/**
 * A host for commands under test: outputs that remember, an environment that is given, no terminal.
 *
 * @module
 */

import { systemClock } from "../../src/clock.ts";
import type { ExitCode, Output } from "../../src/cli/command.ts";
import { type Host, runProgram } from "../../src/cli/program.ts";
import { wraith } from "../../src/cli/wraith.ts";

/** An output that keeps what was written. */
export class RecordedOutput implements Output {
  readonly isTerminal = false;
  readonly columns = 80;
  text = "";

  write(text: string): void {
    this.text += text;
  }
}

/** What {@link testHost} gives: a host whose outputs can be read. */
export interface TestHost extends Host {
  readonly stdout: RecordedOutput;
  readonly stderr: RecordedOutput;
}

/** A host with nothing around it but `environment`. */
export function testHost(environment: Readonly<Record<string, string>> = {}): TestHost {
  return {
    stdout: new RecordedOutput(),
    stderr: new RecordedOutput(),
    env: { get: (name) => environment[name], entries: () => environment },
    clock: systemClock,
    signal: new AbortController().signal,
    workingDir: "/nonexistent",
  };
}

/** Runs the program on `words` as main.ts does. */
export async function runInProcess(words: readonly string[], host: Host): Promise<ExitCode> {
  return await runProgram(await wraith(words), words, host);
}
