/**
 * The status page's routes on the monitoring listener. They read and never change anything.
 *
 * @module
 */

import type { MonitorRoute } from "../http_route.ts";
import { statusDocument } from "./document.ts";
import { LiveFeed, PAGE_ROWS, type SampleSource } from "./live_feed.ts";

/** `/`, the page, and `/events`, what keeps it live. Both are behind the token where there is one. */
export function statusRoutes(source: SampleSource): MonitorRoute[] {
  const feed = new LiveFeed(source);
  return [
    {
      path: "/",
      access: "token",
      handle: () => {
        const { text, contentSecurityPolicy } = statusDocument(source.sample(PAGE_ROWS));
        const headers = {
          "content-type": "text/html; charset=utf-8",
          "content-security-policy": contentSecurityPolicy,
        };
        return new Response(text, { headers });
      },
    },
    { path: "/events", access: "token", handle: (_request, stopping) => feed.open(stopping) },
  ];
}
