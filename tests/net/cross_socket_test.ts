import { openDenoSocket } from "../../src/net/deno_socket.ts";
import { openLinuxSocket } from "../../src/net/linux_socket.ts";
import { probeNativeSockets } from "../../src/net/open_socket.ts";
import { type OpenSocket, testDatagramSocket } from "./socket_conformance.ts";

// The same datagrams whichever side made them: the suite with the two implementations as each other's peer.
const native = await probeNativeSockets();

if ("libc" in native) {
  const openNative: OpenSocket = (options) => openLinuxSocket(options, native.libc);
  testDatagramSocket("Portable to native", alternating(openDenoSocket, openNative));
  testDatagramSocket("Native to portable", alternating(openNative, openDenoSocket));
} else {
  Deno.test({
    name: `Portable and native sockets as peers (skipped: ${native.unavailable})`,
    ignore: true,
    fn: () => {},
  });
}

/** The suite opens the sender first. */
function alternating(first: OpenSocket, second: OpenSocket): OpenSocket {
  let opened = 0;
  return (options) => {
    const open = opened % 2 === 0 ? first : second;
    const socket = open(options);
    opened++;
    return socket;
  };
}
