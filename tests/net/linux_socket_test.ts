import { openLinuxSocket } from "../../src/net/linux_socket.ts";
import { probeNativeSockets } from "../../src/net/open_socket.ts";
import { testDatagramSocket } from "./socket_conformance.ts";

const native = await probeNativeSockets();

if ("libc" in native) {
  testDatagramSocket("Native socket", (options) => openLinuxSocket(options, native.libc));
} else {
  Deno.test({ name: `Native socket (skipped: ${native.unavailable})`, ignore: true, fn: () => {} });
}
