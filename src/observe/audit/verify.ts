/**
 * Reads an audit trail over all its files and says what is wrong with it, record by record.
 *
 * @module
 */

import { fromHex } from "../../bytes.ts";
import { identityKeyOf, parsePeerId, type PeerId } from "../../crypto/peer_id.ts";
import { isHeadSigned, readHead, type SignedHead } from "./head_file.ts";
import { auditFiles, readLines } from "./read.ts";
import {
  type AuditCrypto,
  type AuditRecord,
  BEGIN_EVENT,
  type ChainHead,
  checkpointMessage,
  GENESIS,
  openRecord,
} from "./record.ts";

export interface VerifyOptions {
  readonly path: string;
  readonly crypto: AuditCrypto;
  /** Whose signatures count. Absent: the signer of the first checkpoint, whoever that is. */
  readonly peerId?: PeerId;
  /** A head kept somewhere else. */
  readonly head?: ChainHead;
}

export interface AuditProblem {
  readonly kind: "edited" | "removed" | "reordered" | "truncated" | "unreadable" | "signature" | "restarted";
  readonly file: string;
  /** From 1; 0 where it concerns what is not there. */
  readonly line: number;
  /** The record it concerns, as far as it can be told. */
  readonly seq: number | null;
  readonly message: string;
}

export interface AuditReport {
  readonly files: readonly string[];
  readonly records: number;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  readonly lastHash: string | null;
  readonly checkpoints: number;
  /** The last record that a good signature covers. */
  readonly signedUpTo: number | null;
  readonly signer: PeerId | null;
  /** Whether a signed head, beside the trail or given, says where the trail must reach. */
  readonly isHeadKnown: boolean;
  readonly problems: readonly AuditProblem[];
}

/** Verifies the trail at `options.path`, rotated files included. @throws {Error} when there is none. */
export async function verifyAudit(options: VerifyOptions): Promise<AuditReport> {
  const files = await auditFiles(options.path);
  if (files.length === 0) throw new Error(`There is no audit trail at ${options.path}`);
  const verifier = new ChainVerifier(options);
  for (const file of files) {
    let line = 0;
    for await (const text of readLines(file)) verifier.handleLine(file, ++line, text);
  }
  return await verifier.finish(files);
}

/** Walks the records in order and keeps what later ones are judged by. */
class ChainVerifier {
  readonly #options: VerifyOptions;
  readonly #problems: (AuditProblem | Gap)[] = [];
  readonly #hashes = new Map<number, string>();
  readonly #wanted: Set<number>;
  #last: AuditRecord | null = null;
  #first: AuditRecord | null = null;
  #records = 0;
  #checkpoints = 0;
  #signedUpTo: number | null = null;
  #signer: PeerId | null;
  #file = "";
  #line = 0;

  constructor(options: VerifyOptions) {
    this.#options = options;
    this.#signer = options.peerId ?? null;
    this.#wanted = new Set(options.head === undefined ? [] : [options.head.seq]);
  }

  handleLine(file: string, line: number, text: string): void {
    this.#file = file;
    this.#line = line;
    const opened = openRecord(text, this.#options.crypto);
    if (opened === null) {
      const seq = this.#last === null ? null : this.#last.seq + 1;
      this.#add("unreadable", seq, "is no audit record");
      return;
    }
    const { record, isIntact, signedText } = opened;
    this.#records++;
    if (!isIntact) {
      this.#add("edited", record.seq, `record ${record.seq} was edited: its hash is not its own`);
      // Nor may its number be: nothing is judged by one that is out of place.
      if (this.#last !== null && record.seq !== this.#last.seq + 1) return;
    }
    this.#checkLink(record);
    if (record.signature !== undefined && isIntact) this.#checkSignature(record, signedText);
    this.#first ??= record;
    this.#last = record;
    this.#hashes.set(record.seq, record.hash);
    if (this.#hashes.size > REMEMBERED_HASHES) this.#forgetOldestHash();
  }

  async finish(files: readonly string[]): Promise<AuditReport> {
    const isHeadKnown = await this.#checkHeads();
    return {
      files,
      records: this.#records,
      firstSeq: this.#first?.seq ?? null,
      lastSeq: this.#last?.seq ?? null,
      lastHash: this.#last?.hash ?? null,
      checkpoints: this.#checkpoints,
      signedUpTo: this.#signedUpTo,
      signer: this.#signer,
      isHeadKnown,
      problems: this.#problems.flatMap((problem) => "from" in problem ? this.#missingIn(problem) : [problem]),
    };
  }

  /** Does `record` follow the one before it, by number and by hash? */
  #checkLink(record: AuditRecord): void {
    const last = this.#last;
    if (record.event === BEGIN_EVENT && record.seq === 1 && record.prev === GENESIS.hash) {
      if (last !== null) {
        this.#add(
          "restarted",
          1,
          `a new chain begins behind record ${last.seq}: the old one could not go on`,
        );
      }
      return;
    }
    // Older files may have been rotated away: the chain is checked from where it is.
    if (last === null) return;
    if (record.seq === last.seq + 1) {
      if (record.prev === last.hash) return;
      this.#add(
        "edited",
        last.seq,
        `record ${last.seq} was edited or replaced: record ${record.seq} names another hash for it`,
      );
    } else if (record.seq > last.seq + 1) {
      this.#problems.push({
        file: this.#file,
        line: this.#line,
        from: last.seq + 1,
        to: record.seq - 1,
      });
    } else {
      this.#add("reordered", record.seq, `record ${record.seq} stands behind record ${last.seq}`);
    }
  }

  /** What is missing in a gap: not a record that stands somewhere else, for that one is reported as reordered. */
  #missingIn({ file, line, from, to }: Gap): AuditProblem[] {
    // Forgotten hashes are older than any record that could have moved here unnoticed by its own link.
    if (to - from >= REMEMBERED_HASHES) return [removed(file, line, from, to)];
    const ranges: [number, number][] = [];
    for (let seq = from; seq <= to; seq++) {
      if (this.#hashes.has(seq)) continue;
      if (ranges.at(-1)?.[1] === seq - 1) ranges.at(-1)![1] = seq;
      else ranges.push([seq, seq]);
    }
    return ranges.map(([first, last]) => removed(file, line, first, last));
  }

  #checkSignature(record: AuditRecord, signedText: string): void {
    const claimed = parsePeerId(String(record.fields.peer_id));
    this.#signer ??= claimed;
    if (claimed === null || claimed !== this.#signer) {
      this.#add(
        "signature",
        record.seq,
        `checkpoint ${record.seq} is signed by ${claimed ?? "nobody"}, not ${this.#signer}`,
      );
      return;
    }
    const message = checkpointMessage(signedText, this.#options.crypto);
    const signature = /^([0-9a-f]{2})+$/.test(record.signature!)
      ? fromHex(record.signature!)
      : new Uint8Array(0);
    if (!this.#options.crypto.ed25519Verify(identityKeyOf(claimed), message, signature)) {
      const since = this.#signedUpTo === null ? "the beginning" : `record ${this.#signedUpTo}`;
      this.#add(
        "signature",
        record.seq,
        `the signature of checkpoint ${record.seq} does not fit: what stands since ${since} was rewritten`,
      );
      return;
    }
    this.#checkpoints++;
    this.#signedUpTo = record.seq;
  }

  /** The heads beside the trail and given by hand say how far it must reach, and what must stand there. */
  async #checkHeads(): Promise<boolean> {
    let isKnown = false;
    if (this.#options.head !== undefined) {
      isKnown = true;
      this.#checkHead(this.#options.head, "the head you gave");
    }
    try {
      const beside = await readHead(this.#options.path);
      if (beside !== null) isKnown = this.#checkHeadFile(beside) || isKnown;
    } catch (error) {
      this.#addMissing("unreadable", null, error instanceof Error ? error.message : String(error));
    }
    return isKnown;
  }

  #checkHeadFile(head: SignedHead): boolean {
    const { crypto } = this.#options;
    this.#signer ??= parsePeerId(head.peerId);
    const isSigned = this.#signer !== null && isHeadSigned(head, identityKeyOf(this.#signer), crypto);
    if (isSigned) this.#checkHead(head, "the signed head");
    else {
      this.#addMissing(
        "signature",
        head.seq,
        `the head file is not signed by ${this.#signer ?? "any node"}`,
      );
    }
    return isSigned;
  }

  #checkHead(head: ChainHead, source: string): void {
    const lastSeq = this.#last?.seq ?? 0;
    if (lastSeq < head.seq) {
      const range = head.seq === lastSeq + 1
        ? `record ${head.seq} is`
        : `records ${lastSeq + 1} to ${head.seq} are`;
      this.#addMissing("truncated", lastSeq + 1, `${range} missing at the end: ${source} says so`);
      return;
    }
    const found = this.#hashes.get(head.seq);
    if (found !== undefined && found !== head.hash) {
      this.#addMissing("edited", head.seq, `record ${head.seq} is not the one that ${source} names`);
    }
  }

  #forgetOldestHash(): void {
    for (const seq of this.#hashes.keys()) {
      if (this.#wanted.has(seq)) continue;
      this.#hashes.delete(seq);
      return;
    }
  }

  #add(kind: AuditProblem["kind"], seq: number | null, message: string): void {
    this.#problems.push({ kind, file: this.#file, line: this.#line, seq, message });
  }

  #addMissing(kind: AuditProblem["kind"], seq: number | null, message: string): void {
    this.#problems.push({ kind, file: this.#options.path, line: 0, seq, message });
  }
}

/** Record numbers that were skipped at a line. Whether they are missing shows at the end of the trail. */
interface Gap {
  readonly file: string;
  readonly line: number;
  readonly from: number;
  readonly to: number;
}

function removed(file: string, line: number, from: number, to: number): AuditProblem {
  const range = from === to ? `record ${from} is` : `records ${from} to ${to} are`;
  return { kind: "removed", file, line, seq: from, message: `${range} missing` };
}

/** The head file's record is among the last ones, however long the trail. */
const REMEMBERED_HASHES = 100_000;
