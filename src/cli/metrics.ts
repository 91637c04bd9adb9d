/**
 * `wraith metrics`: the metrics without the HTTP port.
 *
 * @module
 */

import { type Command, EXIT, JSON_OPTION } from "./command.ts";
import { connectNode } from "./connect.ts";

export const metrics: Command = {
  name: "metrics",
  summary: "Print the metrics in Prometheus' text format",
  options: [JSON_OPTION],
  async run(context) {
    using node = connectNode(context);
    const path = context.options.flag("json") ? "/v1/metrics?format=json" : "/v1/metrics";
    context.stdout.write(await node.text(path, context.signal));
    return EXIT.success;
  },
};
