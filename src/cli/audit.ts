/**
 * `wraith audit`: read the audit trail, and verify it. Both work on the files, so they need no running node.
 *
 * @module
 */

import { nobleSuite } from "../crypto/noble_suite.ts";
import { parsePeerId, type PeerId } from "../crypto/peer_id.ts";
import { loadIdentity } from "../node/identity.ts";
import {
  type AuditRecord,
  type AuditReport,
  type ChainHead,
  lastLines,
  verifyAudit,
} from "../observe/audit/mod.ts";
import { escapeDeceptive } from "../observe/log/hostile_text.ts";
import {
  type Command,
  type CommandContext,
  CommandError,
  type CommandOption,
  EXIT,
  JSON_OPTION,
  UsageError,
} from "./command.ts";

const FILE_OPTION: CommandOption = {
  name: "file",
  value: "FILE",
  about: "the trail, instead of audit.output",
  completes: "files",
};

export const auditTail: Command = {
  name: "audit tail",
  isDefault: true,
  summary: "Print the last audit records",
  options: [
    JSON_OPTION,
    FILE_OPTION,
    { name: "lines", short: "n", value: "N", about: "how many (20)" },
  ],
  async run(context) {
    const count = Number(context.options.value("lines") ?? 20);
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new UsageError("--lines takes a whole number above 0");
    }
    const path = pathOf(context);
    const lines = await lastLines(path, count);
    if (lines.length === 0) {
      throw new CommandError(`There is no audit record at ${path}: has a node run with it?`);
    }
    if (context.options.flag("json")) context.stdout.write(`[${lines.join(",\n")}]\n`);
    else for (const line of lines) context.stdout.write(`${shownRecord(line)}\n`);
    return EXIT.success;
  },
};

export const auditVerify: Command = {
  name: "audit verify",
  summary: "Check that no audit record was changed, removed, moved or cut off",
  details:
    "Checks every record's hash and its link to the one before, over all rotated files, the signatures of " +
    "the checkpoints, and that the trail reaches as far as its signed head says. Exits 1 and names each record " +
    "concerned when something is wrong.\n\nWhoever can read the node's identity key can write a new trail: keep a " +
    "head (printed here as SEQ:HASH) on another machine and pass it with --head.",
  options: [
    JSON_OPTION,
    FILE_OPTION,
    { name: "peer", value: "PEER", about: "whose signatures count (this node's)" },
    { name: "head", value: "SEQ:HASH", about: "a head that you kept elsewhere" },
  ],
  async run(context) {
    const peerId = await signerOf(context);
    const head = headOf(context.options.value("head"));
    const report = await verifyAudit({
      path: pathOf(context),
      crypto: nobleSuite,
      ...(peerId === null ? {} : { peerId }),
      ...(head === null ? {} : { head }),
    });
    context.stdout.write(
      context.options.flag("json") ? `${JSON.stringify(documentOf(report))}\n` : shown(report),
    );
    return report.problems.length === 0 ? EXIT.success : EXIT.failure;
  },
};

function pathOf(context: CommandContext): string {
  return context.options.value("file") ?? context.loadConfig().config.audit.output;
}

/** `--peer`, else this node's identity; without either the trail's own word for it. */
async function signerOf(context: CommandContext): Promise<PeerId | null> {
  const given = context.options.value("peer");
  if (given !== undefined) {
    const peerId = parsePeerId(given);
    if (peerId === null) throw new UsageError(`--peer takes ed25519: and 64 hex digits, not ${given}`);
    return peerId;
  }
  if (context.options.value("file") !== undefined) return null;
  return (await loadIdentity(context.loadConfig().config.node.identityFile, nobleSuite)).peerId;
}

function headOf(text: string | undefined): ChainHead | null {
  if (text === undefined) return null;
  const match = /^([1-9]\d*):([0-9a-f]{64})$/.exec(text);
  if (!match) throw new UsageError(`--head takes a record's number, a colon and its hash, not ${text}`);
  return { seq: Number(match[1]), hash: match[2] };
}

function documentOf(report: AuditReport): Record<string, unknown> {
  return {
    intact: report.problems.length === 0,
    files: report.files,
    records: report.records,
    first_seq: report.firstSeq,
    last_seq: report.lastSeq,
    last_hash: report.lastHash,
    checkpoints: report.checkpoints,
    signed_up_to: report.signedUpTo,
    signer: report.signer,
    head_known: report.isHeadKnown,
    problems: report.problems,
  };
}

function shown(report: AuditReport): string {
  const lines = report.problems.map(({ kind, file, line, message }) =>
    `${kind.toUpperCase().padEnd(10)} ${file}${line === 0 ? "" : `:${line}`}: ${message}`
  );
  lines.push(
    `${
      report.problems.length === 0 ? "OK" : "NOT INTACT"
    }: records ${report.firstSeq} to ${report.lastSeq} ` +
      `in ${report.files.length} ${report.files.length === 1 ? "file" : "files"}, ` +
      `${report.checkpoints} checkpoints, signed up to record ${report.signedUpTo ?? "none"} ` +
      `by ${report.signer ?? "nobody"}`,
  );
  if (report.firstSeq !== null && report.firstSeq > 1) {
    lines.push(`Records before ${report.firstSeq} were rotated away; nothing can be said about them`);
  }
  if (!report.isHeadKnown) lines.push("There is no signed head: a trail cut off at its end would not show");
  lines.push(`Head: ${report.lastSeq}:${report.lastHash}`);
  return lines.join("\n") + "\n";
}

/** One record for people; a line that is none is shown as it is, for verify to judge. */
function shownRecord(line: string): string {
  try {
    // Escaped once more: JSON.parse has undone what made a peer's text harmless.
    const { seq, timestamp, event, message, fields } = JSON.parse(line) as AuditRecord;
    const words = Object.entries(fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    return escapeDeceptive(
      `${timestamp} ${String(seq).padStart(6)} ${event}  ${message}  ${words.join(" ")}`,
    );
  } catch {
    return escapeDeceptive(JSON.stringify(line));
  }
}
