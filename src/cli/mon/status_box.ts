/**
 * The specification's dashboard: the node's status in a box, and the recent transfers.
 *
 * @module
 */

import type { ChalkInstance } from "chalk";
import type { NodeSample, SampledTransfer } from "../../monitor/node_sample.ts";
import { printable } from "../text_table.ts";
import { clipped, padded } from "./columns.ts";
import {
  shownBps,
  shownCount,
  shownPeer,
  shownSize,
  shownSpan,
  wholePercent,
} from "../../monitor/figures.ts";

/** The box: 49 columns wide by what a terminal shows, or as narrow as the terminal. */
export function statusBox(sample: NodeSample, columns: number): string[] {
  const inside = Math.min(BOX_COLUMNS, columns) - 2;
  const title = clipped("─ WRAITH Node Status ", inside);
  return [
    `┌${title}${"─".repeat(inside - title.length)}┐`,
    ...statusRows(sample).map((row) => `│${padded(` ${row}`, inside)}│`),
    `└${"─".repeat(inside)}┘`,
  ];
}

function statusRows(sample: NodeSample): string[] {
  const { memory_bytes: used, memory_limit_bytes: limit } = sample;
  const memory = limit === null
    ? shownSize(used)
    : `${shownSize(used)} / ${shownSize(limit)} (${Number((used / limit * 100).toFixed(2))}%)`;
  return [
    `Uptime: ${shownSpan(sample.uptime_ms)}`,
    `Sessions: ${shownCount(sample.sessions_active)} active, ${shownCount(sample.sessions_total)} total`,
    `Throughput: ↑ ${shownBps(sample.send_bps)}, ↓ ${shownBps(sample.receive_bps)}`,
    `DHT Peers: ${sample.dht === null ? "off" : shownCount(sample.dht.peers)}`,
    `Memory: ${memory}`,
    `CPU: ${sample.cpu_percent}%`,
  ];
}

/** `Recent Transfers:` and at most `limit` of them, a line each. */
export function recentTransferLines(
  { transfers }: NodeSample,
  limit: number,
  columns: number,
  paint: ChalkInstance,
): string[] {
  const rows = transfers.slice(0, limit).map((transfer) => transferLine(transfer, columns, paint));
  return ["Recent Transfers:", ...rows.length > 0 ? rows : ["none yet"]];
}

/** `✓ file1.bin → peer:abc123 (1.2 GB, 15s, 640 Mbps)`. A long name gives way first. */
export function transferLine(transfer: SampledTransfer, columns: number, paint: ChalkInstance): string {
  const arrow = transfer.direction === "send" ? "→" : "←";
  const rest = ` ${arrow} ${shownPeer(transfer.peer_id)} (${outcome(transfer)})`;
  const name = clipped(printable(transfer.name), Math.max(MIN_NAME_COLUMNS, columns - rest.length - 3));
  return clipped(`${sign(transfer, paint)} ${name}${rest}`, columns);
}

function sign({ state }: SampledTransfer, paint: ChalkInstance): string {
  if (state === "completed") return paint.green("✓");
  return state === "failed" || state === "cancelled" ? paint.red("✗") : "⏳";
}

function outcome(transfer: SampledTransfer): string {
  const { state, bytes_done: done, bytes_total: total } = transfer;
  const size = shownSize(total);
  switch (state) {
    case "completed":
      return `${size}, ${shownSpan(transfer.duration_ms)}, ${shownBps(meanBps(transfer))}`;
    case "failed":
    case "cancelled":
      return `${size}, ${state} at ${wholePercent(done, total)}%`;
    case "running":
      return `${size}, ${wholePercent(done, total)}% complete`;
    default:
      return `${size}, ${wholePercent(done, total)}% complete, ${state}`;
  }
}

/** A transfer shorter than a millisecond has no rate worth the name; the node's own figure stands in. */
function meanBps({ bps, bytes_total: total, duration_ms: ms }: SampledTransfer): number {
  return ms > 0 ? total * 8_000 / ms : bps;
}

const BOX_COLUMNS = 49;
const MIN_NAME_COLUMNS = 8;
