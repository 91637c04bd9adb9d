/**
 * The dashboard as lines of text: a pure function of what is known and how it is to be seen.
 *
 * @module
 */

import type { ChalkInstance } from "chalk";
import type { NodeSample } from "../../monitor/node_sample.ts";
import { printable } from "../text_table.ts";
import { clipped, padded } from "./columns.ts";
import { shownBps, shownSpan } from "../../monitor/figures.ts";
import { SESSION_ORDERS, sessionLines, TRANSFER_ORDERS, transferLines } from "./listings.ts";
import { sparkline } from "./sparkline.ts";
import { recentTransferLines, statusBox } from "./status_box.ts";

export const VIEWS = ["overview", "sessions", "transfers", "security"] as const;
export type View = typeof VIEWS[number];

/** What there is to show, and how. */
export interface Shown {
  readonly sample: NodeSample;
  readonly view: View;
  /** Which of the view's orders, counted from 0; wraps. */
  readonly order: number;
  readonly isPaused: boolean;
  /** Whether the sample is of now: the node may be away. */
  readonly isFresh: boolean;
  /** Why the sample is old, or what happened to the node; null when all is well. */
  readonly notice: string | null;
  readonly columns: number;
  readonly rows: number;
  readonly paint: ChalkInstance;
}

/** At most `rows` lines, none wider than `columns`. */
export function frameLines(shown: Shown): string[] {
  const { columns, rows } = shown;
  const head = [tabs(shown), ...shown.notice ? [shown.paint.yellow(`! ${printable(shown.notice)}`)] : [], ""];
  const foot = shown.paint.dim(keys(shown));
  const body = BODIES[shown.view](shown).slice(0, Math.max(0, rows - head.length - 1));
  const gap = Array.from({ length: Math.max(0, rows - head.length - body.length - 1) }, () => "");
  return [...head, ...body, ...gap, foot].slice(0, rows).map((line) => clipped(line, columns));
}

/** The specification's output: the box and the recent transfers, nothing else. */
export function plainLines(sample: NodeSample, columns: number, paint: ChalkInstance): string[] {
  return [
    ...statusBox(sample, columns),
    "",
    ...recentTransferLines(sample, RECENT_TRANSFERS, columns, paint),
  ];
}

const BODIES: Readonly<Record<View, (shown: Shown) => string[]>> = {
  overview,
  sessions: ({ sample, order, columns, paint }) => sessionLines(sample, order, columns, paint),
  transfers: ({ sample, order, columns, paint }) => transferLines(sample, order, columns, paint),
  security: securityLines,
};

function overview({ sample, columns, rows, paint }: Shown): string[] {
  const recent = Math.max(3, Math.min(RECENT_TRANSFERS, rows - OVERVIEW_OTHER_LINES));
  return [
    ...statusBox(sample, columns),
    "",
    ...throughputLines(sample, columns, paint),
    "",
    ...recentTransferLines(sample, recent, columns, paint),
    ...(sample.security.length > 0 ? ["", paint.bold("Security:"), ...securityRows(sample, columns, 3)] : []),
  ];
}

function throughputLines(
  { history, send_bps, receive_bps }: NodeSample,
  columns: number,
  paint: ChalkInstance,
) {
  const width = Math.max(8, Math.min(60, columns - 14));
  // One scale for both, so that the two can be compared.
  const top = Math.max(1, ...history.send_bps.slice(-width), ...history.receive_bps.slice(-width));
  const line = (arrow: string, points: readonly number[], bps: number, colour: (text: string) => string) =>
    `${arrow} ${colour(padded(sparkline(points, width, top), width))} ${shownBps(bps)}`;
  return [
    line("↑", history.send_bps, send_bps, paint.cyan),
    line("↓", history.receive_bps, receive_bps, paint.magenta),
  ];
}

function securityLines({ sample, columns, rows, paint }: Shown): string[] {
  const heading = paint.bold("Security events, the most recent first");
  if (sample.security.length === 0) return [heading, "none since the node started"];
  return [heading, ...securityRows(sample, columns, rows)];
}

function securityRows({ security, at }: NodeSample, columns: number, limit: number): string[] {
  return security.slice(0, limit).map((note) => {
    const age = shownSpan(Math.max(0, Date.parse(at) - Date.parse(note.at)));
    return clipped(`${padded(age, 7)} ${note.what} ${printable(`${note.source} (${note.detail})`)}`, columns);
  });
}

function tabs({ sample, view, isPaused, isFresh, columns, paint }: Shown): string {
  const names = VIEWS.map((name, index) => {
    const label = columns < 60 ? `${index + 1}${name.slice(0, 4)}` : `${index + 1} ${name}`;
    return name === view ? paint.inverse(` ${label} `) : ` ${label} `;
  }).join("");
  const state = sample.live.ok && sample.ready.ok ? paint.green("ready") : paint.yellow("not ready");
  return `${names} ${isPaused ? paint.yellow("PAUSED") : isFresh ? state : paint.red("away")}`;
}

function keys({ view, order, columns }: Shown): string {
  const orders = view === "sessions" ? SESSION_ORDERS : view === "transfers" ? TRANSFER_ORDERS : null;
  const sorting = orders ? orders[order % orders.length].name : null;
  if (columns < 60) return `1-4 p${sorting ? ` s:${sorting}` : ""} q:quit`;
  return `1-4 or Tab: view  ${sorting ? `s: sort (by ${sorting})  ` : ""}p: pause  q: quit`;
}

const RECENT_TRANSFERS = 10;
/** Of an 80 by 24 overview, what is not transfers. */
const OVERVIEW_OTHER_LINES = 16;
