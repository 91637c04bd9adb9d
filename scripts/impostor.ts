/**
 * An attacker for demos and tests: dials a node and claims to be somebody whose key it does not have.
 *
 * Loopback only: it is our own node's own handshake, with a signature that does not fit.
 *
 * @module
 */

import { nobleSuite } from "../src/crypto/noble_suite.ts";
import { identityKeyOf, type PeerId } from "../src/crypto/peer_id.ts";
import { systemClock } from "../src/clock.ts";
import { loadConfig } from "../src/config/load.ts";
import { systemEntropy } from "../src/entropy.ts";
import { generateIdentity } from "../src/node/identity.ts";
import { Network } from "../src/node/network.ts";
import { EventBus } from "../src/observe/event_bus.ts";

/**
 * Tries `attempts` times to begin a session with `target` at `address` in the name of `claimed`, from
 * `sourceIp`. Resolves when the last Final is out or has been given up.
 */
export async function impersonate(
  options: {
    readonly claimed: PeerId;
    readonly target: PeerId;
    readonly address: string;
    readonly sourceIp: string;
    readonly attempts: number;
    /** How long to wait for the answer to each. */
    readonly patienceMs: number;
  },
): Promise<void> {
  if (!options.sourceIp.startsWith("127.")) throw new Error("the impostor stays on loopback");
  const own = generateIdentity(nobleSuite, systemEntropy);
  const { config } = loadConfig({
    overrides: [`network.listen=${options.sourceIp}:0`],
    env: {},
    workingDir: Deno.cwd(),
  });
  const network = await Network.open({
    config,
    // The claimed name with a signature by another key.
    identity: { ...own, peerId: options.claimed, publicKey: identityKeyOf(options.claimed) },
    suite: nobleSuite,
    clock: systemClock,
    entropy: systemEntropy,
    bus: new EventBus(systemClock),
    agent: "impostor",
  });
  network.start();
  try {
    for (let i = 0; i < options.attempts; i++) {
      const limit = AbortSignal.timeout(options.patienceMs);
      await network.connect(options.target, options.address, limit).catch(() => null);
    }
  } finally {
    await network.close();
  }
}
