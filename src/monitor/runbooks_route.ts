/**
 * `/runbooks`: what each alert means and what to do about it, out of the node itself. An alert then carries a
 * link that works wherever its metrics come from, with nothing to host and nothing to configure.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { AlertRule } from "./export/alert_rule.ts";
import { ALERT_RULES } from "./export/alert_rules.ts";
import { SPECIFIED_ALERTS } from "./export/specified_alerts.ts";
import type { MonitorRoute } from "./http_route.ts";
import { html, Markup } from "./page/markup.ts";

export const RUNBOOKS_PATH = "/runbooks";

/** The page is the same for everybody and tells nothing of this node, so it needs no token. */
export function runbooksRoute(): MonitorRoute {
  return {
    path: RUNBOOKS_PATH,
    access: "open",
    handle: () =>
      new Response(runbooksPage(), {
        headers: {
          "content-type": "text/html; charset=utf-8",
          "content-security-policy": `default-src 'none'; style-src 'sha256-${
            createHash("sha256").update(STYLE).digest("base64")
          }'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
        },
      }),
  };
}

/** A heading for each alert; its name in small letters is its anchor. */
export function runbooksPage(): string {
  const specified = SPECIFIED_ALERTS.map((rule) =>
    section(rule.alert, rule.severity, rule.expr, rule.for, rule.meaning, rule.action)
  );
  const ours = ALERT_RULES.map((rule: AlertRule) =>
    section(rule.alert, rule.severity, rule.expr, rule.for, rule.meaning, rule.action)
  );
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <title>WRAITH runbooks</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,">
        <style>${new Markup(STYLE)}</style>
      </head>
      <body><h1>WRAITH runbooks</h1>
    <p>What each alert of <code>wraith export alerts</code> means and what to do.</p>
    ${specified}${ours}</body>
    </html>
  `.text;
}

function section(
  alert: string,
  severity: string,
  expr: string,
  wait: string | undefined,
  meaning: string,
  action: string,
): Markup {
  return html`
    <section id="${alert.toLowerCase()}">
      <h2>${alert}</h2>
      <p>Severity: ${severity}. Fires ${wait === undefined ? "at once" : `after ${wait}`}.</p>
      <p><em>Means:</em> ${prose(meaning)}</p>
      <p><em>Do:</em> ${prose(action)}</p>
      <pre>${expr}</pre>
    </section>
  `;
}

/** Text in which words between backticks are code. */
function prose(text: string): Markup[] {
  return text.split("`").map((piece, index) =>
    index % 2 === 1 ? html`<code>${piece}</code>` : html`${piece}`
  );
}

const STYLE = "body{font:1rem/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}" +
  "code,pre{font:.9em/1.4 ui-monospace,monospace}pre{overflow-x:auto;padding:.75rem;background:#8882}" +
  "section:target h2{border-left:.3rem solid #c40;padding-left:.5rem}:root{color-scheme:light dark}";
