/**
 * Nodes on portable and on native implementations as each other's peers, over real sockets.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import { systemEntropy } from "../../src/entropy.ts";
import { probeNativeSockets } from "../../src/net/open_socket.ts";
import { measuredSuites } from "../../src/node/benchmark/primitives.ts";
import { startNode, type WraithNode } from "../../src/node/node.ts";
import { sendFiles } from "../../src/node/send_files.ts";
import type { TransferDocument } from "../../src/node/transfer_documents.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

/** What a node runs on: cryptography and sockets. */
type Backends = readonly ["portable" | "native", "portable" | "native"];

const { nativeUnavailable } = measuredSuites();
const sockets = await probeNativeSockets();
const refusal = nativeUnavailable ?? ("unavailable" in sockets ? sockets.unavailable : null);

const ALL: readonly Backends[] = [
  ["portable", "portable"],
  ["portable", "native"],
  ["native", "portable"],
  ["native", "native"],
];

for (const sending of ALL) {
  for (const receiving of ALL) {
    const name = `A file goes from ${words(sending)} to ${words(receiving)}`;
    const ignore = refusal !== null && [...sending, ...receiving].includes("native");
    Deno.test({
      name: ignore ? `${name} (skipped: ${refusal})` : name,
      ignore,
      fn: () => sendAcross(sending, receiving),
    });
  }
}

function words([crypto, sockets]: Backends): string {
  return `${crypto} cryptography on ${sockets} sockets`;
}

async function sendAcross(sending: Backends, receiving: Backends): Promise<void> {
  await using folder = await temporaryFolder();
  const content = new Uint8Array(2_000_000);
  for (let i = 0; i < content.length; i++) content[i] = i * i >> 5;
  const file = await folder.write("file.bin", content);
  await using sender = await nodeOn(join(folder.path, "s"), sending);
  await using receiver = await nodeOn(join(folder.path, "r"), receiving);
  const { peerId, listen } = receiver.view.facts;

  let last: TransferDocument | null = null;
  const request = { paths: [file], peer: { peerId, address: listen } };
  await sendFiles(sender, request, (document) => last = document, new AbortController().signal);
  const { state, message } = last! as TransferDocument;
  assert.equal(state, "completed", message ?? "");
  assert.deepEqual(await Deno.readFile(join(folder.path, "r/received/file.bin")), content);
  for (const node of [sender, receiver]) assert.equal(node.view.transport().packetsDropped.decrypt, 0);
}

async function nodeOn(dataDir: string, [crypto, sockets]: Backends): Promise<WraithNode & AsyncDisposable> {
  const overrides = [
    `node.data_dir=${dataDir}`,
    "network.listen=127.0.0.1:0",
    `network.backend=${sockets}`,
    `crypto.backend=${crypto}`,
    "monitoring.enabled=false",
    "dht.enabled=false",
    "transfer.accept=all",
  ];
  const loaded = loadConfig({ overrides, env: {}, workingDir: dataDir });
  const node = await startNode({
    config: loaded.config,
    reload: () => loaded,
    clock: systemClock,
    entropy: systemEntropy,
    env: { get: () => undefined },
    role: "private",
    isSilent: true,
  });
  return Object.assign(node, {
    async [Symbol.asyncDispose]() {
      node.stop("test over");
      await node.ended;
    },
  });
}
