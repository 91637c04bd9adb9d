/**
 * iperf3 over loopback: what the machine carries when nobody reads files, hashes or encrypts.
 *
 * @module
 */

import { freePort, requireTool, runTool, startTool, untilListening } from "../external_tool.ts";

/** Bytes per second of one TCP connection, over three seconds. @throws {Unavailable} without iperf3. */
export async function tcpLimit(): Promise<number> {
  const iperf = await requireTool("iperf3");
  const port = freePort();
  await using _server = startTool(iperf, ["--server", "--bind", "127.0.0.1", "--port", `${port}`]);
  await untilListening(port, "iperf3");
  const words = ["--client", "127.0.0.1", "--port", `${port}`, "--time", "3", "--json"];
  const { end } = JSON.parse(await runTool(iperf, words));
  return end.sum_received.bits_per_second / 8;
}
