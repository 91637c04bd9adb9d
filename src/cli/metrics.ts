/**
 * `wraith metrics`: the exposition text without the HTTP port.
 *
 * @module
 */

import { type Command, EXIT } from "./command.ts";
import { connectNode } from "./connect.ts";

export const metrics: Command = {
  name: "metrics",
  summary: "Print the metrics in Prometheus' text format",
  async run(context) {
    using node = connectNode(context);
    context.stdout.write(await node.text("/v1/metrics", context.signal));
    return EXIT.success;
  },
};
