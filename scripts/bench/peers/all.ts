/**
 * Whom we are measured against.
 *
 * @module
 */

import { crocPeer } from "./croc.ts";
import type { Peer } from "./peer.ts";
import { rsyncPeer, scpPeer } from "./ssh.ts";
import { syncthingPeer } from "./syncthing.ts";

/** By name, each opened in an empty folder. @throws {Unavailable} where it is not installed. */
export const PEERS: Readonly<Record<string, (folder: string) => Promise<Peer>>> = {
  "scp with aes128-gcm": (folder) => scpPeer(folder, "aes128-gcm@openssh.com"),
  scp: (folder) => scpPeer(folder, null),
  "rsync over ssh": rsyncPeer,
  Syncthing: syncthingPeer,
  croc: crocPeer,
};
