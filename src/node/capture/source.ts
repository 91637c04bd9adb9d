/**
 * What a capture takes from a running node.
 *
 * @module
 */

import type { Network } from "../network.ts";
import type { Observers } from "../observers.ts";
import type { CaptureSource } from "./capture.ts";

/**
 * The node's datagrams and keys. Where keys are told, every session takes fresh ones at the beginning and at the
 * end, so that those told open what was sent meanwhile and nothing before or after it.
 */
export function captureSource(network: Network, observers: Observers): CaptureSource {
  const { driver } = network;
  return {
    localAddress: network.localAddress,
    tap(tap) {
      const other = driver.tap;
      driver.tap = other === null ? tap : (...datagram) => {
        other(...datagram);
        tap(...datagram);
      };
      return () => {
        driver.tap = other;
        // The log's level may have changed meanwhile.
        observers.dumpPackets(driver);
      };
    },
    logKeys(sink) {
      network.logKeys(sink);
      network.renewKeys();
      return () => {
        network.logKeys(null);
        network.renewKeys();
      };
    },
  };
}
