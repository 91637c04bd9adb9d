/**
 * The process's own streams and environment, as commands see them.
 *
 * @module
 */

import { ClosedOutputError, type Environment, type Output } from "./command.ts";

/** One of the process's standard streams. Writes are complete when they return. */
export function standardOutput(stream: typeof Deno.stdout | typeof Deno.stderr): Output {
  const isTerminal = stream.isTerminal();
  const encoder = new TextEncoder();
  return {
    isTerminal,
    get columns() {
      return isTerminal ? Deno.consoleSize().columns : 80;
    },
    write(text) {
      const bytes = encoder.encode(text);
      try {
        for (let sent = 0; sent < bytes.length;) sent += stream.writeSync(bytes.subarray(sent));
      } catch (error) {
        if (error instanceof Deno.errors.BrokenPipe) throw new ClosedOutputError("nobody reads the output");
        throw error;
      }
    },
  };
}

/** The process's environment variables. */
export const processEnvironment: Environment = {
  get: (name) => Deno.env.get(name),
  entries: () => Deno.env.toObject(),
};
