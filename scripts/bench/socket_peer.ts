/**
 * The other side of the section `sockets`, as a process: `socket_peer.ts ROLE BACKEND WORK_US`. Prints its port
 * and plays its role until standard input ends.
 *
 * - `sink` reads nothing, `count` counts what comes, `echo` sends each datagram back after WORK_US of computing.
 *
 * @module
 */

import type { DatagramSocket } from "../../src/net/datagram_socket.ts";
import { openSocket, type SocketBackend } from "../../src/net/open_socket.ts";
import { answerWithCounts } from "../../src/node/benchmark/socket_throughput.ts";
import { sayLine } from "./line_child.ts";

async function echo(socket: DatagramSocket, workUs: number): Promise<void> {
  for (let batch = await socket.receive(); batch !== null; batch = await socket.receive()) {
    const until = performance.now() + workUs / 1_000;
    while (performance.now() < until);
    const length = batch.lengths[0];
    const sending = socket.send(batch.sources[0], batch.slab, batch.offsets[0], length, length);
    if (sending !== null) await sending;
  }
}

const [role, backend, workUs] = Deno.args;
const socket = await openSocket({ hostname: "127.0.0.1", port: 0 }, backend as SocketBackend);
sayLine(`${socket.localAddress.port}`);
const playing = role === "count"
  ? answerWithCounts(socket)
  : role === "echo"
  ? echo(socket, Number(workUs))
  : Promise.resolve();
for await (const _ of Deno.stdin.readable);
socket.close();
await playing;
