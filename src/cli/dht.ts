/**
 * `wraith dht`: whom the node knows, and where a peer or a content is.
 *
 * @module
 */

import { type DhtLookupDocument, type DhtPeersDocument, parseLookupTarget } from "../node/control_dht.ts";
import { type Command, EXIT, JSON_OPTION, UsageError } from "./command.ts";
import { connectNode } from "./connect.ts";
import { shownDuration } from "./text_table.ts";

export const dhtPeers: Command = {
  name: "dht peers",
  summary: "List the DHT contacts, one line each",
  details: "No heading and nothing else on stdout, so that `wraith dht peers | wc -l` counts them. " +
    "The columns: peer id, address, time since it was heard, round trip.",
  options: [JSON_OPTION],
  async run(context) {
    using node = connectNode(context);
    const document = await node.get<DhtPeersDocument>("/v1/dht/peers", context.signal);
    if (context.options.flag("json")) {
      context.stdout.write(`${JSON.stringify(document)}\n`);
      return EXIT.success;
    }
    const now = context.clock.epochMs();
    for (const { peer_id, remote_addr, last_seen, rtt_ms } of document.peers) {
      const heard = word(shownDuration(Math.max(0, now - Date.parse(last_seen))));
      const rtt = rtt_ms === null ? "-" : word(shownDuration(rtt_ms));
      context.stdout.write(`${peer_id} ${remote_addr} ${heard} ${rtt}\n`);
    }
    return EXIT.success;
  },
};

export const dhtLookup: Command = {
  name: "dht lookup",
  summary: "Ask the DHT where a peer is, or who has a content",
  arguments: [{ name: "PEER|LINK", about: "ed25519:<64 hex digits>, or wraith:<64 hex digits>" }],
  options: [JSON_OPTION],
  async run(context) {
    const [target] = context.args;
    if (parseLookupTarget(target) === null) {
      throw new UsageError(
        `dht lookup: ${target} is no peer (ed25519:<64 hex digits>) and no link (wraith:<64 hex digits>)`,
      );
    }
    using node = connectNode(context);
    const path = `/v1/dht/lookup?target=${encodeURIComponent(target)}`;
    const document = await node.get<DhtLookupDocument>(path, context.signal);
    if (context.options.flag("json")) {
      context.stdout.write(`${JSON.stringify(document)}\n`);
    } else {
      for (const { peer_id, addresses, introducers } of document.peers) {
        for (const address of addresses) context.stdout.write(`${peer_id}@${address}\n`);
        for (const introducer of introducers) context.stdout.write(`${peer_id} via ${introducer}\n`);
      }
      if (!document.found) context.stderr.write(`wraith: the DHT knows nothing of ${target}\n`);
    }
    return document.found ? EXIT.success : EXIT.failure;
  },
};

/** One word, so that `cut` and `awk` find the columns. */
function word(text: string): string {
  return text.replace(/\s/gu, "");
}
