/**
 * `wraith capture`: the running node's packets as a file for Wireshark.
 *
 * @module
 */

import { resolve } from "node:path";
import { type ControlClient, ControlRequestError } from "../node/control_client.ts";
import { CaptureFile } from "./capture_file.ts";
import {
  ClosedOutputError,
  type Command,
  type CommandContext,
  CommandError,
  EXIT,
  UsageError,
} from "./command.ts";
import { connectNode } from "./connect.ts";

export const capture: Command = {
  name: "capture",
  summary: "Write the running node's packets to a file for Wireshark",
  details:
    "Needs no root: the node itself hands out its datagrams as UDP packets, over its control socket only. They " +
    "stay encrypted. wraith export wireshark prints the dissector that names their parts.\n\n" +
    "--keys also writes the keys that sessions take meanwhile, so that the dissector can decrypt: whoever has " +
    "that file and the packets can read what was transferred. Every session takes fresh keys at the beginning " +
    "and at the end, so nothing sent before or after can be read with them.",
  options: [
    {
      name: "output",
      short: "o",
      value: "FILE",
      about: "where to write; wraith.pcapng by default",
      completes: "files",
    },
    { name: "seconds", value: "N", about: "how long to capture; without it until Ctrl-C" },
    {
      name: "snaplen",
      value: "BYTES",
      about: "how much of each packet to keep, 65535 by default, 160 at least",
    },
    { name: "keys", value: "FILE", about: "append the sessions' keys to this file", completes: "files" },
  ],
  async run(context) {
    const { options, stderr } = context;
    const path = resolve(context.workingDir, options.value("output") ?? "wraith.pcapng");
    const keysPath = options.value("keys") === undefined
      ? null
      : resolve(context.workingDir, options.value("keys")!);
    const request = {
      seconds: options.value("seconds") === undefined ? null : numberOf(context, "seconds", 0.1, 86_400),
      snaplen: options.value("snaplen") === undefined ? 65_535 : numberOf(context, "snaplen", 160, 65_535),
      keys: keysPath !== null,
    };
    using node = connectNode(context);
    const cut = new AbortController();
    const stream = await node.bytes("/v1/capture", request, cut.signal);
    using file = await openFile(path, keysPath, cut);
    if (keysPath !== null) {
      stderr.write(`wraith: WARNING: ${keysPath} opens what the node's peers send meanwhile\n`);
    }
    stderr.write(`capturing to ${path}${request.seconds === null ? "; Ctrl-C ends it" : ""}\n`);
    using ending = new DisposableStack();
    ending.defer(() => stderr.write(summary(path, file)));
    const stop = () => void stopCapture(node, cut, ending);
    context.signal.addEventListener("abort", stop);
    ending.defer(() => context.signal.removeEventListener("abort", stop));
    if (context.signal.aborted) stop();
    await copy(stream, file, cut);
    return EXIT.success;
  },
};

function numberOf({ options }: CommandContext, name: string, least: number, most: number): number {
  const value = Number(options.value(name));
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${name} ${options.value(name)}: expected a number from ${least} to ${most}`);
}

async function openFile(path: string, keysPath: string | null, cut: AbortController): Promise<CaptureFile> {
  try {
    return await CaptureFile.open(path, keysPath);
  } catch (error) {
    cut.abort();
    throw notWritten(error);
  }
}

async function copy(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  file: CaptureFile,
  cut: AbortController,
): Promise<void> {
  const reader = stream.getReader();
  // Cut off because the node did not end it in time: what is there is whole.
  const next = () =>
    reader.read().catch((error) => {
      if (cut.signal.aborted) return { done: true, value: undefined } as const;
      throw new CommandError(`the node ended before the capture did: ${(error as Error).message}`);
    });
  for (let got = await next(); !got.done; got = await next()) {
    try {
      await file.take(got.value);
    } catch (error) {
      cut.abort();
      throw notWritten(error);
    }
  }
}

function notWritten(error: unknown): Error {
  if (error instanceof Deno.errors.BrokenPipe) return new ClosedOutputError("nobody reads the capture");
  return new CommandError(`cannot write the capture: ${(error as Error).message}`, EXIT.failure, {
    cause: error,
  });
}

/** Asks the node to end the capture, so that what it still holds is written; cuts it off when it does not. */
async function stopCapture(
  node: ControlClient,
  cut: AbortController,
  ending: DisposableStack,
): Promise<void> {
  const timer = setTimeout(() => cut.abort(), STOP_LIMIT_MS);
  ending.defer(() => clearTimeout(timer));
  try {
    await node.post("/v1/capture/stop", {}, cut.signal);
  } catch (error) {
    // It ended by itself at the same moment.
    if (!(error instanceof ControlRequestError)) cut.abort();
  }
}

function summary(path: string, { packets, dropped }: CaptureFile): string {
  const lost = dropped === 0
    ? "none dropped"
    : `${dropped} dropped because they were not written in time (--snaplen makes them smaller)`;
  return `wrote ${path}: ${packets} packets, ${lost}\n`;
}

const STOP_LIMIT_MS = 5_000;
