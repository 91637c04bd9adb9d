/**
 * `monitoring.metrics_path` over HTTP.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { CONTENT_TYPES, type ExpositionFormat } from "./exposition.ts";
import type { MonitorRoute } from "./http_route.ts";
import { acceptsGzip, chooseFormat } from "./negotiation.ts";

/** Serves what `render` writes, in the format and encoding that the scraper asks for. */
export function metricsRoute(
  path: string,
  render: (format: ExpositionFormat) => Promise<string>,
): MonitorRoute {
  return {
    path,
    access: "token",
    async handle(request) {
      const format = chooseFormat(request.headers.get("accept"));
      const headers = new Headers({
        "content-type": CONTENT_TYPES[format],
        vary: "accept, accept-encoding",
      });
      const text = new TextEncoder().encode(await render(format));
      if (!acceptsGzip(request.headers.get("accept-encoding"))) return new Response(text, { headers });
      headers.set("content-encoding", "gzip");
      // The fastest level already makes a tenth of it; the scrape waits for the rest.
      return new Response(new Uint8Array(gzipSync(text, { level: 1 })), { headers });
    },
  };
}
