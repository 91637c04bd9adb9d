/**
 * Section `cores`: whether other cores pay. The whole packet path without the protocol (seal, send, receive, open,
 * SHA-256 in 256 KiB chunks at both ends), with the hashing and the sessions placed on different threads.
 *
 * @module
 */

import { median } from "../../src/node/benchmark/statistics.ts";
import { benchBackends } from "./backends.ts";
import type { HashPlace } from "./cores_peer.ts";
import { LineChild } from "./line_child.ts";
import { byEffort, type Section, Unavailable } from "./section.ts";

/** `threads` counts the receiver's: with 2, each session has a worker and a socket. */
interface Arrangement {
  readonly sessions: 1 | 2;
  readonly threads: 1 | 2;
  readonly hash: HashPlace;
}

interface Figures {
  readonly gbitPerSecond: number;
  /** Both ends together, all threads. */
  readonly cpuPerGigabyte: number;
  /** The receiving process's main thread alone: what bounds a node whose peer is another machine. */
  readonly mainThreadPerGigabyte: number;
}

export const cores: Section = {
  name: "cores",
  about: "whether hashing and sessions on other threads pay",
  isExtra: true,
  async run(context) {
    if (!(await benchBackends(context)).includes("native")) {
      throw new Unavailable("it measures the native path");
    }
    const mebibytes = byEffort(context, { quick: 16, normal: 128, full: 512 });
    const runs = context.runs ?? byEffort(context, { quick: 1, normal: 3, full: 3 });
    const rows = [];
    for (const arrangement of ARRANGEMENTS) {
      const figures: Figures[] = [];
      for (let run = 0; run < runs; run++) figures.push(await measure(arrangement, mebibytes));
      const middle = (of: (figures: Figures) => number) => median(figures.map(of));
      rows.push({
        ...arrangement,
        gbitPerSecond: middle((run) => run.gbitPerSecond),
        cpuPerGigabyte: middle((run) => run.cpuPerGigabyte),
        mainThreadPerGigabyte: middle((run) => run.mainThreadPerGigabyte),
      });
    }
    return [{
      name: "threads",
      caption: `${mebibytes} MiB a session in packets of 1452 bytes, sealed and opened with OpenSSL's ` +
        `ChaCha20-Poly1305, over native sockets; medians of ${runs}.`,
      columns: [
        { key: "sessions", heading: "sessions" },
        { key: "threads", heading: "receiver's threads" },
        { key: "hash", heading: "hash" },
        { key: "gbitPerSecond", heading: "Gbit/s", digits: 2 },
        { key: "cpuPerGigabyte", heading: "CPU of both ends, s/GB", digits: 2 },
        { key: "mainThreadPerGigabyte", heading: "receiver's main thread, s/GB", digits: 2 },
      ],
      rows,
    }];
  },
};

async function measure({ sessions, threads, hash }: Arrangement, mebibytes: number): Promise<Figures> {
  const script = import.meta.resolve("./cores_peer.ts");
  await using server = await LineChild.start(script, ["serve", `${threads}`, hash]);
  const ports = server.greeting.split(",");
  const began = performance.now();
  const lines = await Promise.all(Array.from({ length: sessions }, async (_, i) => {
    await using sender = await LineChild.start(script, [
      "send",
      ports[i % ports.length],
      hash,
      `${mebibytes}`,
    ]);
    return sender.greeting;
  }));
  const seconds = (performance.now() - began) / 1_000;
  lines.push(await server.ask());
  const [cpu, mainThread] = [1, 2].map((field) =>
    lines.reduce((sum, line) => sum + Number(line.split(" ")[field]), 0)
  );
  const bytes = sessions * mebibytes * 2 ** 20;
  return {
    gbitPerSecond: bytes * 8 / seconds / 1e9,
    cpuPerGigabyte: cpu / (bytes / 1e9),
    mainThreadPerGigabyte: mainThread / (bytes / 1e9),
  };
}

const ARRANGEMENTS: readonly Arrangement[] = [
  { sessions: 1, threads: 1, hash: "none" },
  { sessions: 1, threads: 1, hash: "main" },
  { sessions: 1, threads: 1, hash: "pool" },
  { sessions: 2, threads: 1, hash: "main" },
  { sessions: 2, threads: 1, hash: "pool" },
  { sessions: 2, threads: 2, hash: "main" },
];
