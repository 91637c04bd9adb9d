/**
 * Sessions and transfers as tables that fit the terminal: the columns that matter least go first.
 *
 * @module
 */

import type { ChalkInstance } from "chalk";
import type { NodeSample, SampledSession, SampledTransfer } from "../../monitor/node_sample.ts";
import { printable } from "../text_table.ts";
import { padded } from "./columns.ts";
import {
  shownBps,
  shownLatency,
  shownPeer,
  shownSize,
  shownSpan,
  wholePercent,
} from "../../monitor/figures.ts";

/** A way to sort, the greatest first. */
interface Order<T> {
  readonly name: string;
  readonly by: (row: T) => number;
}

interface ListColumn<T> {
  readonly heading: string;
  readonly width: number;
  readonly align?: "left" | "right";
  /** The terminal must have this many columns. */
  readonly from: number;
  readonly cell: (row: T, atMs: number) => string;
}

export const SESSION_ORDERS: readonly Order<SampledSession>[] = [
  { name: "traffic", by: (row) => row.bytes_sent + row.bytes_received },
  { name: "rtt", by: (row) => row.rtt_ms },
  { name: "lost", by: (row) => row.packets_lost },
  { name: "newest", by: (row) => Date.parse(row.established_at) },
];

export const TRANSFER_ORDERS: readonly Order<SampledTransfer>[] = [
  { name: "recent", by: () => 0 },
  { name: "size", by: (row) => row.bytes_total },
  { name: "rate", by: (row) => row.bps },
];

const SESSION_COLUMNS: readonly ListColumn<SampledSession>[] = [
  { heading: "PEER", width: 11, from: 0, cell: (row) => shownPeer(row.peer_id) },
  { heading: "RTT", width: 8, align: "right", from: 0, cell: (row) => shownLatency(row.rtt_ms) },
  { heading: "SENT", width: 8, align: "right", from: 0, cell: (row) => shownSize(row.bytes_sent) },
  { heading: "RECEIVED", width: 8, align: "right", from: 0, cell: (row) => shownSize(row.bytes_received) },
  { heading: "LOST", width: 6, align: "right", from: 60, cell: (row) => String(row.packets_lost) },
  {
    heading: "AGE",
    width: 10,
    align: "right",
    from: 72,
    cell: (row, atMs) => shownSpan(Math.max(0, atMs - Date.parse(row.established_at))),
  },
  { heading: "ADDRESS", width: 22, from: 80, cell: (row) => row.remote_addr },
  { heading: "PATH", width: 17, from: 100, cell: (row) => `${row.direction} ${row.path}` },
];

const TRANSFER_COLUMNS: readonly ListColumn<SampledTransfer>[] = [
  { heading: "NAME", width: 14, from: 0, cell: (row) => printable(row.name) },
  { heading: "DONE", width: 4, align: "right", from: 0, cell: doneOf },
  { heading: "SIZE", width: 7, align: "right", from: 0, cell: (row) => shownSize(row.bytes_total) },
  { heading: "RATE", width: 9, align: "right", from: 0, cell: (row) => shownBps(row.bps) },
  { heading: "STATE", width: 9, from: 50, cell: (row) => row.state },
  {
    heading: "PEER",
    width: 13,
    from: 66,
    cell: (row) => `${row.direction === "send" ? "→" : "←"} ${shownPeer(row.peer_id)}`,
  },
  { heading: "TIME", width: 8, align: "right", from: 78, cell: (row) => shownSpan(row.duration_ms) },
  { heading: "MESSAGE", width: 60, from: 100, cell: (row) => printable(row.message ?? "") },
];

/** All sessions of the sample in one of {@link SESSION_ORDERS}. */
export function sessionLines(
  sample: NodeSample,
  order: number,
  columns: number,
  paint: ChalkInstance,
): string[] {
  const listed = sample.sessions.length < sample.sessions_active ? ` (${sample.sessions.length} listed)` : "";
  return [
    `${sample.sessions_active} active${listed}, ${sample.sessions_total} total, ${sample.sessions_failed} failed`,
    ...table(SESSION_COLUMNS, inOrder(sample.sessions, SESSION_ORDERS, order), sample, columns, paint),
  ];
}

/** All transfers of the sample in one of {@link TRANSFER_ORDERS}. */
export function transferLines(
  sample: NodeSample,
  order: number,
  columns: number,
  paint: ChalkInstance,
): string[] {
  const rows = inOrder(sample.transfers, TRANSFER_ORDERS, order);
  return [
    `sent ${shownSize(sample.bytes_sent)}, received ${shownSize(sample.bytes_received)} in all`,
    ...table(TRANSFER_COLUMNS, rows, sample, columns, paint),
  ];
}

function inOrder<T>(rows: readonly T[], orders: readonly Order<T>[], order: number): T[] {
  const { by } = orders[order % orders.length];
  return rows.toSorted((a, b) => by(b) - by(a));
}

function table<T>(
  all: readonly ListColumn<T>[],
  rows: readonly T[],
  { at }: NodeSample,
  columns: number,
  paint: ChalkInstance,
): string[] {
  const chosen = all.filter((column) => columns >= column.from);
  const atMs = Date.parse(at);
  const line = (cells: readonly string[]) =>
    cells.map((cell, index) => padded(cell, chosen[index].width, chosen[index].align)).join(" ").trimEnd();
  return [
    paint.bold(line(chosen.map((column) => column.heading))),
    ...rows.map((row) => line(chosen.map((column) => column.cell(row, atMs)))),
  ];
}

function doneOf({ bytes_done: done, bytes_total: total }: SampledTransfer): string {
  return `${wholePercent(done, total)}%`;
}
