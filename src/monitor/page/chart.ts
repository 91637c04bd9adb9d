/**
 * Throughput over the last minutes as a small drawing.
 *
 * @module
 */

import { shownBps } from "../figures.ts";
import type { NodeSample } from "../node_sample.ts";
import { html, type Markup } from "./markup.ts";

/** Both directions on one scale, with their numbers in words beside it. */
export function throughputChart(sample: NodeSample): Markup {
  const { send_bps: sent, receive_bps: received } = sample.history;
  const top = Math.max(1, ...sent, ...received);
  const summary = `Sending ${shownBps(sample.send_bps)}, receiving ${shownBps(sample.receive_bps)}; ` +
    `the highest of the last ${Math.max(1, sent.length)} seconds was ${
      shownBps(Math.max(0, ...sent, ...received))
    }`;
  return html`
    <p class="legend"><strong class="send">↑ ${shownBps(sample.send_bps)}</strong> sending,
    <strong class="receive">↓ ${shownBps(sample.receive_bps)}</strong> receiving, scale 0 to ${shownBps(
      top,
    )}</p>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${summary}">
      <line x1="0" y1="${HEIGHT - 1}" x2="${WIDTH}" y2="${HEIGHT - 1}"></line>
      <line x1="0" y1="${HEIGHT / 2}" x2="${WIDTH}" y2="${HEIGHT / 2}"></line>
      <polyline class="send" points="${pointsOf(sent, top)}"></polyline>
      <polyline class="receive" points="${pointsOf(received, top)}"></polyline>
    </svg>
    <p class="axis" aria-hidden="true"><span>2 minutes ago</span> <span>now</span></p>
  `;
}

/** The newest point is at the right edge; a young node's line begins further in. */
function pointsOf(values: readonly number[], top: number): string {
  return values.map((value, index) => {
    const x = WIDTH - (values.length - 1 - index) * STEP;
    const y = 1 + (HEIGHT - 2) * (1 - value / top);
    return `${x},${Math.round(y * 10) / 10}`;
  }).join(" ");
}

const WIDTH = 595;
const HEIGHT = 120;
/** 120 points, a second each. */
const STEP = 5;
