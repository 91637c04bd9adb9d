/**
 * What this machine gives a node, portable and native side by side: the figures behind `wraith bench`.
 *
 * @module
 */

import { openSocket, probeNativeSockets } from "../../net/open_socket.ts";
import { measuredSuites, measurePrimitives, type PrimitiveFigures } from "./primitives.ts";
import { answerWithCounts, sendWithinWindow } from "./socket_throughput.ts";
import { measureTransfer } from "./transfer_in_process.ts";

/** What can be measured. */
export const BENCH_PARTS = ["crypto", "sockets", "transfer"] as const;
export type BenchPart = typeof BENCH_PARTS[number];

/** Which of the two implementations. */
export type BenchBackend = "portable" | "native";

/** Datagrams of one size from socket to socket, both in this process. */
export interface SocketFigures {
  readonly backend: BenchBackend;
  readonly packetBytes: number;
  readonly datagramsPerSecond: number;
  readonly bitsPerSecond: number;
  /** Of the datagrams sent. */
  readonly lossRatio: number;
}

/** A file from node to node, both in this process. */
export interface TransferSpeed {
  readonly backend: BenchBackend;
  readonly bytes: number;
  readonly seconds: number;
  readonly bytesPerSecond: number;
  /** User and system time of both ends. */
  readonly cpuSeconds: number;
}

/** Everything measured; what was not asked for is empty. */
export interface MachineFigures {
  readonly primitives: readonly PrimitiveFigures[];
  readonly sockets: readonly SocketFigures[];
  readonly transfers: readonly TransferSpeed[];
  /** One line for each thing that could not be measured here. */
  readonly skipped: readonly string[];
}

/** Measures `parts`, with files in `folder` that are gone afterwards. `say` hears what is under way. */
export async function measureMachine(
  { parts, folder, signal, say }: {
    readonly parts: readonly BenchPart[];
    readonly folder: string;
    readonly signal: AbortSignal;
    readonly say: (what: string) => void;
  },
): Promise<MachineFigures> {
  const { suites, nativeUnavailable } = measuredSuites();
  const sockets = await probeNativeSockets();
  const skipped = [
    ...nativeUnavailable === null ? [] : [`native cryptography: ${nativeUnavailable}`],
    ..."unavailable" in sockets ? [`native sockets: ${sockets.unavailable}`] : [],
  ];
  const result = { primitives: [], sockets: [], transfers: [], skipped } as {
    primitives: PrimitiveFigures[];
    sockets: SocketFigures[];
    transfers: TransferSpeed[];
    skipped: string[];
  };
  if (parts.includes("crypto")) {
    say("cryptography");
    result.primitives = await measurePrimitives(suites, {
      rounds: PRIMITIVE_ROUNDS,
      limitMs: PRIMITIVE_LIMIT_MS,
      signal,
    });
  }
  for (const backend of ["portable", "native"] as const) {
    if (parts.includes("sockets") && (backend === "portable" || "libc" in sockets)) {
      say(`${backend} sockets`);
      for (const packetBytes of PACKET_LENGTHS) {
        result.sockets.push(await measureSockets(backend, packetBytes));
        signal.throwIfAborted();
      }
    }
    if (!parts.includes("transfer")) continue;
    if (backend === "native" && skipped.length > 0) continue;
    say(`a ${backend} transfer`);
    const measured = await measureTransfer({ folder, bytes: TRANSFER_BYTES[backend], backend, signal });
    result.transfers.push({ backend, ...measured, bytesPerSecond: measured.bytes / measured.seconds });
  }
  return result;
}

async function measureSockets(backend: BenchBackend, packetBytes: number): Promise<SocketFigures> {
  const loopback = { hostname: "127.0.0.1", port: 0 };
  const [sender, receiver] = [await openSocket(loopback, backend), await openSocket(loopback, backend)];
  const answering = answerWithCounts(receiver);
  try {
    const { arrived, lost, seconds } = await sendWithinWindow(
      sender,
      receiver.localAddress,
      packetBytes,
      SOCKET_RUN_MS,
    );
    return {
      backend,
      packetBytes,
      datagramsPerSecond: arrived / seconds,
      bitsPerSecond: arrived * packetBytes * 8 / seconds,
      lossRatio: lost / (arrived + lost),
    };
  } finally {
    sender.close();
    receiver.close();
    await answering;
  }
}

/** The smallest datagram, an Ethernet's, a jumbo frame's, the largest. */
const PACKET_LENGTHS = [1_200, 1_452, 8_952, 65_507];
const SOCKET_RUN_MS = 300;
/** Of 2 ms each: less than 3 s for all suites. */
const PRIMITIVE_ROUNDS = 20;
/** More than twice what it takes on a machine without other work. */
const PRIMITIVE_LIMIT_MS = 120;
/** One to four seconds of work each, on a machine of today. */
const TRANSFER_BYTES: Readonly<Record<BenchBackend, number>> = {
  portable: 32 * 2 ** 20,
  native: 256 * 2 ** 20,
};
