/**
 * The status page as a whole: one document with its style and script inside, and the policy that allows only those.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { NodeSample } from "../node_sample.ts";
import { html, Markup } from "./markup.ts";
import { type PartName, PARTS, partsOf } from "./parts.ts";

/** A page that can be served. */
export interface StatusDocument {
  readonly text: string;
  readonly contentSecurityPolicy: string;
}

/** The page as it is before anything is live: complete without JavaScript. */
export function statusDocument(sample: NodeSample): StatusDocument {
  const { style, script, policy } = assets();
  const parts = partsOf(sample);
  const name = sample.node.nickname || sample.node.peer_id.slice(0, 16);
  const page = html`
    <!DOCTYPE html>
    <html lang="en">
      <head><meta charset="utf-8"><title>WRAITH node ${name}</title>
    <meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
    <noscript><meta http-equiv="refresh" content="10"></noscript><style>${style}</style></head>
      <body>
        <header>
          <h1>WRAITH node ${name}</h1>
          <p id="connection" role="status">as of ${sample.at.slice(0, 19).replace("T", " ")} UTC</p>
        </header>
        <main>${PARTS.map((part) => section(part, parts[part]))}</main>
        <script type="module">${script}</script>
      </body>
    </html>
  `;
  return { text: page.text, contentSecurityPolicy: policy };
}

function section(part: PartName, markup: string): Markup {
  const title = TITLES[part];
  // What may scroll sideways must be reachable by keyboard, and then has a name.
  const body = SCROLLING.has(part)
    ? html`<div id="${part}" class="scroll" tabindex="0" role="region" aria-label="${title}">${new Markup(
      markup,
    )}</div>`
    : html`<div id="${part}">${new Markup(markup)}</div>`;
  return html`<section><h2>${title}</h2>${body}</section>\n`;
}

interface Assets {
  readonly style: Markup;
  readonly script: Markup;
  readonly policy: string;
}

let loaded: Assets | undefined;

/** Read once, from beside this file: the build lays them beside the bundle, in the executable. */
function assets(): Assets {
  if (loaded === undefined) {
    const style = Deno.readTextFileSync(new URL("status.css", import.meta.url));
    const script = Deno.readTextFileSync(new URL("status.js", import.meta.url));
    const policy = [
      "default-src 'none'",
      `style-src ${hashSource(style)}`,
      `script-src ${hashSource(script)}`,
      "connect-src 'self'",
      "img-src data:",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
    ].join("; ");
    loaded = { style: new Markup(style), script: new Markup(script), policy };
  }
  return loaded;
}

function hashSource(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

const TITLES: Readonly<Record<PartName, string>> = {
  health: "Status",
  throughput: "Throughput",
  transfers: "Transfers",
  sessions: "Sessions",
  security: "Security events",
  about: "About this node",
};
const SCROLLING: ReadonlySet<PartName> = new Set<PartName>(["transfers", "sessions", "security"]);
