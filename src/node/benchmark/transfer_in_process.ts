/**
 * A transfer between two nodes of this process over loopback: what the program does with a file, all of it but
 * the second process.
 *
 * @module
 */

import { join } from "node:path";
import process from "node:process";
import { systemClock } from "../../clock.ts";
import { loadConfig } from "../../config/load.ts";
import { systemEntropy } from "../../entropy.ts";
import { startNode, type WraithNode } from "../node.ts";
import { sendFiles } from "../send_files.ts";
import type { TransferDocument } from "../transfer_documents.ts";
import { generateFile, hashFile } from "./sample_file.ts";

/** What one transfer cost; CPU time is that of both ends and of whatever else the process did. */
export interface TransferFigures {
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** What to measure with. */
export interface TransferSetup {
  /** An existing folder; what is made in it is removed again. */
  readonly folder: string;
  readonly bytes: number;
  readonly backend: "portable" | "native";
  readonly signal: AbortSignal;
}

/**
 * Sends a file of `bytes` from node to node, from disk to verified disk.
 *
 * @throws an error of one line when the backend is not to be had here or the transfer fails.
 */
export async function measureTransfer(setup: TransferSetup): Promise<TransferFigures> {
  const folder = await Deno.makeTempDir({ dir: setup.folder, prefix: "wraith-bench-" });
  try {
    return await measureIn(folder, setup);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function measureIn(
  folder: string,
  { bytes, backend, signal }: TransferSetup,
): Promise<TransferFigures> {
  const file = join(folder, "sample.bin");
  const hash = await generateFile(file, bytes);
  await using sender = await benchNode(folder, "sender", backend);
  const { peerId } = sender.view.facts;
  await using receiver = await benchNode(folder, "receiver", backend, `transfer.known_peers=${peerId}`);
  signal.throwIfAborted();

  const peer = { peerId: receiver.view.facts.peerId, address: receiver.view.facts.listen };
  const states: TransferDocument[] = [];
  const cpu = process.cpuUsage();
  const began = performance.now();
  await sendFiles(sender, { paths: [file], peer }, (document) => states.push(document), signal);
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const last = states.at(-1)!;
  if (last.state !== "completed") {
    throw new Error(`the transfer was ${last.state}${last.message === null ? "" : `: ${last.message}`}`);
  }
  const received = join(receiver.config.transfer.outputDir, "sample.bin");
  if (await hashFile(received) !== hash) throw new Error("the received file differs");
  return { bytes, seconds, cpuSeconds: (user + system) / 1e6 };
}

/** A node with its state in `folder`, on a free port of loopback, with no listener but that. */
async function benchNode(
  folder: string,
  name: string,
  backend: TransferSetup["backend"],
  ...settings: string[]
): Promise<WraithNode & AsyncDisposable> {
  // A file of our own, so that none of this machine's has a say.
  const file = join(folder, `${name}.toml`);
  await Deno.writeTextFile(file, "");
  const overrides = [
    `node.data_dir=${join(folder, name)}`,
    "network.listen=127.0.0.1:0",
    `network.backend=${backend}`,
    `crypto.backend=${backend}`,
    "dht.enabled=false",
    "monitoring.enabled=false",
    "audit.enabled=false",
    ...settings,
  ];
  const loaded = loadConfig({ file, overrides, env: {}, workingDir: folder });
  const node = await startNode({
    config: loaded.config,
    isSilent: true,
    reload: () => loaded,
    clock: systemClock,
    entropy: systemEntropy,
    env: { get: () => undefined },
    role: "private",
  });
  return Object.assign(node, {
    async [Symbol.asyncDispose]() {
      node.stop("measured");
      await node.ended;
    },
  });
}
