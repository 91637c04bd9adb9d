/**
 * iperf3 over loopback: what the machine carries when nobody reads files, hashes or encrypts.
 *
 * @module
 */

import { freePort, requireTool, runTool, startTool, until } from "../external_tool.ts";

/** Bytes per second of one TCP connection, over three seconds. @throws {Unavailable} without iperf3. */
export async function tcpLimit(): Promise<number> {
  const iperf = await requireTool("iperf3");
  const port = freePort();
  await using _server = startTool(iperf, ["--server", "--bind", "127.0.0.1", "--port", `${port}`]);
  const words = ["--client", "127.0.0.1", "--port", `${port}`, "--time", "3", "--json"];
  let bytesPerSecond = 0;
  // Trying to connect, as one does with other servers, would be a test of its own to this one.
  await until("iperf3's server", async () => {
    const { end } = JSON.parse(await runTool(iperf, words));
    bytesPerSecond = end.sum_received.bits_per_second / 8;
    return true;
  });
  return bytesPerSecond;
}
