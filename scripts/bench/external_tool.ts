/**
 * Programs of other people that a benchmark runs: finding them, running them, waiting for them.
 *
 * @module
 */

import { join } from "node:path";
import { Unavailable } from "./section.ts";

/** The path of an installed program. @throws {Unavailable} when it is not there. */
export async function requireTool(name: string): Promise<string> {
  for (const directory of [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"]) {
    const path = join(directory, name);
    const isFile = await Deno.stat(path).then((stat) => stat.isFile, () => false);
    if (isFile) return path;
  }
  throw new Unavailable(`${name} is not installed`);
}

/** Runs a program to its end. @returns what it wrote on stdout. @throws with what it wrote on stderr. */
export async function runTool(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args], env, stdin: "null" })
    .output();
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

/** Starts a program that goes on until it is disposed of; what it says is dropped. */
export function startTool(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Deno.ChildProcess & AsyncDisposable {
  return new Deno.Command(command, {
    args: [...args],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** A TCP port of loopback that nobody has at the moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until something accepts connections on `port` of loopback. */
export function untilListening(port: number, what: string): Promise<void> {
  return until(`${what} to listen`, async () => {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  });
}

/** Asks every 20 ms until the answer is yes; a question that fails counts as no. Gives up after `limitMs`. */
export async function until(
  what: string,
  isSo: () => Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const began = performance.now();
  for (;;) {
    const failure = await isSo().then((yes) => yes ? null : "not yet", String);
    if (failure === null) return;
    if (performance.now() - began > limitMs) throw new Error(`gave up waiting for ${what}: ${failure}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const POLL_MS = 20;
