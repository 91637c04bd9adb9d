import assert from "node:assert/strict";
import { isUdpPortBound } from "../../src/monitor/udp_listeners.ts";

const TABLE =
  `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
  418: 0100007F:A2A9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 26221 2 0000 0
 1207: 00000000:0202 0100007F:A2AA 07 00000000:00000000 00:00000000 00000000     0        0 26222 2 0000 0
`;

Deno.test("A bound UDP port is one that is local, of either address family", () => {
  const read = (path: string) => path === "/proc/net/udp" ? TABLE : "header only\n";
  assert.equal(isUdpPortBound(41641, read), true);
  assert.equal(isUdpPortBound(514, read), true);
  assert.equal(isUdpPortBound(41642, read), false, "a remote port is not bound here");
  assert.equal(isUdpPortBound(418, read), false, "a slot number is no port");
});

Deno.test("A system that does not tell leaves the question open", () => {
  assert.equal(isUdpPortBound(41641, () => null), null);
});

Deno.test({
  name: "This process' own socket is found while it is open",
  ignore: Deno.build.os !== "linux",
  fn() {
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port } = socket.addr as Deno.NetAddr;
    assert.equal(isUdpPortBound(port), true);
    socket.close();
    assert.equal(isUdpPortBound(port), false);
  },
});
