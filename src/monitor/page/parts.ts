/**
 * The status page's parts as HTML, each a pure function of a sample.
 *
 * @module
 */

import type { NodeSample, SampledLatency, SampledSession, SampledTransfer } from "../node_sample.ts";
import {
  shownBps,
  shownCount,
  shownLatency,
  shownPeer,
  shownSize,
  shownSpan,
  wholePercent,
} from "../figures.ts";
import { throughputChart } from "./chart.ts";
import { html, type Markup } from "./markup.ts";

/** The parts in the order of the page; the page has an element of each name. */
export const PARTS = ["health", "throughput", "transfers", "sessions", "security", "about"] as const;
export type PartName = typeof PARTS[number];

/** What each part shows of `sample`. */
export function partsOf(sample: NodeSample): Record<PartName, string> {
  const entries = PARTS.map((name) => [name, WRITERS[name](sample).text]);
  return Object.fromEntries(entries);
}

const WRITERS: Readonly<Record<PartName, (sample: NodeSample) => Markup>> = {
  health,
  throughput: throughputChart,
  transfers: ({ transfers }) => transfersTable(transfers),
  sessions: sessionsTable,
  security: securityTable,
  about,
};

function health(sample: NodeSample): Markup {
  const { live, ready, memory_bytes: used, memory_limit_bytes: limit } = sample;
  const [word, reason] = !live.ok
    ? ["stalled", live.reason]
    : ready.ok
    ? ["ready", ready.reason]
    : ["not ready", ready.reason];
  const share = limit === null ? "" : `of ${shownSize(limit)} (${(used / limit * 100).toFixed(1)}%)`;
  const tone = live.ok && ready.ok ? "good" : "bad";
  return html`<dl class="tiles">
<div><dt>Health</dt><dd class="${tone}">${word}<small>${reason}</small></dd></div>
${
    tile(
      "Uptime",
      shownSpan(sample.uptime_ms),
      `since ${sample.node.started_at.slice(0, 16).replace("T", " ")} UTC`,
    )
  }
${
    tile(
      "Sessions",
      `${shownCount(sample.sessions_active)} active`,
      `${shownCount(sample.sessions_total)} total, ${shownCount(sample.sessions_failed)} failed`,
    )
  }
${tile("DHT peers", sample.dht ? shownCount(sample.dht.peers) : "off", storedValues(sample))}
${tile("Handshake", ...latency(sample.handshake_latency))}
${tile("DHT lookup", ...latency(sample.lookup_latency))}
${tile("Memory", shownSize(used), share)}
${tile("CPU", `${sample.cpu_percent}%`, "one core is 100%")}
</dl>`;
}

function tile(name: string, value: string, note: string): Markup {
  return html`
    <div>
      <dt>${name}</dt>
      <dd>${value}<small>${note}</small></dd>
    </div>
  `;
}

function storedValues({ dht }: NodeSample): string {
  return dht ? `${shownCount(dht.stored_values)} values stored` : "";
}

function latency({ count, p50_ms, p99_ms }: SampledLatency): [string, string] {
  return count === 0 ? ["-", "none yet"] : [shownLatency(p50_ms), `median; p99 ${shownLatency(p99_ms)}`];
}

function transfersTable(transfers: readonly SampledTransfer[]): Markup {
  if (transfers.length === 0) return html`<p class="none">None yet.</p>`;
  const rows = transfers.map((transfer) => {
    const percent = wholePercent(transfer.bytes_done, transfer.bytes_total);
    const tone = transfer.state === "completed" ? "good" : transfer.state === "failed" ? "bad" : "";
    const direction = transfer.direction === "send" ? "to" : "from";
    return html`
      <tr>
        <th scope="row" class="text">${transfer.name}</th>
        <td><progress max="100" value="${percent}" aria-label="Progress of ${transfer
          .name}"></progress> ${percent}%</td>
        <td>${direction} ${shownPeer(transfer.peer_id)}</td>
        <td class="${tone}">${transfer.state}</td>
        <td class="number">${shownSize(transfer.bytes_total)}</td>
        <td class="number">${shownBps(transfer.bps)}</td>
        <td class="number">${shownSpan(transfer.duration_ms)}</td>
        <td class="text">${transfer.message ?? ""}</td>
      </tr>
    `;
  });
  return html`
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Progress</th>
          <th scope="col">Peer</th>
          <th scope="col">State</th>
          <th scope="col" class="number">Size</th>
          <th scope="col" class="number">Rate</th>
          <th scope="col" class="number">Time</th>
          <th scope="col">Message</th>
        </tr>
      </thead>
      <tbody>${rows}</tbody>
    </table>
  `;
}

function sessionsTable(sample: NodeSample): Markup {
  if (sample.sessions.length === 0) return html`<p class="none">None now.</p>`;
  const rows = sample.sessions.map((session) => sessionRow(session, Date.parse(sample.at)));
  const rest = sample.sessions_active - sample.sessions.length;
  return html`
    <table>
      <thead>
        <tr>
          <th scope="col">Peer</th>
          <th scope="col">Address</th>
          <th scope="col">Path</th>
          <th scope="col" class="number">Age</th>
          <th scope="col" class="number">RTT</th>
          <th scope="col" class="number">Sent</th>
          <th scope="col" class="number">Received</th>
          <th scope="col" class="number">Lost</th>
        </tr>
      </thead>
      <tbody>${rows}</tbody>
    </table>
    ${rest > 0 ? html`<p class="none">and ${shownCount(rest)} more</p>` : ""}
  `;
}

function sessionRow(session: SampledSession, atMs: number): Markup {
  const ageMs = Math.max(0, atMs - Date.parse(session.established_at));
  return html`
    <tr>
      <th scope="row">${shownPeer(session.peer_id)}</th>
      <td>${session.remote_addr}</td>
      <td>${session.direction}, ${session.path}</td>
      <td class="number">${shownSpan(ageMs)}</td>
      <td class="number">${shownLatency(session.rtt_ms)}</td>
      <td class="number">${shownSize(session.bytes_sent)}</td>
      <td class="number">${shownSize(session.bytes_received)}</td>
      <td class="number">${shownCount(session.packets_lost)}</td>
    </tr>
  `;
}

function securityTable({ security }: NodeSample): Markup {
  if (security.length === 0) return html`<p class="none">None since the node started.</p>`;
  const rows = security.slice(0, SECURITY_ROWS).map((note) =>
    html`
      <tr>
        <td>${note.at.slice(0, 19).replace("T", " ")}</td>
        <th scope="row">${note.what}</th>
        <td>${note.source}</td>
        <td class="text">${note.detail}</td>
      </tr>
    `
  );
  return html`
    <table>
      <thead>
        <tr>
          <th scope="col">Time (UTC)</th>
          <th scope="col">Event</th>
          <th scope="col">Source</th>
          <th scope="col">Detail</th>
        </tr>
      </thead>
      <tbody>${rows}</tbody>
    </table>
  `;
}

function about({ node }: NodeSample): Markup {
  const facts: readonly [string, string][] = [
    ["Peer id", node.peer_id],
    ["Listening", `udp ${node.listen}`],
    ["Version", `${node.version} (${node.revision}, ${node.runtime})`],
    ["Crypto", node.crypto],
    ["Sockets", node.sockets],
  ];
  return html`<dl>${
    facts.map(([name, value]) =>
      html`
        <dt>${name}</dt>
        <dd>${value}</dd>
      `
    )
  }</dl>`;
}

const SECURITY_ROWS = 10;
