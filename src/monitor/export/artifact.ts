/**
 * What `wraith export` hands out: files for the systems around a node.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";

/** One file. */
export interface Artifact {
  /** A file name without folder. */
  readonly file: string;
  /** What it is, in half a line. */
  readonly about: string;
  readonly text: string;
}

/** What the files follow from. */
export interface ExportContext {
  readonly config: Config;
  /** What stands before `operations.md#...` in every link to a runbook; null for the pages that nodes serve. */
  readonly docsUrl: string | null;
  /** Every key that `fields` of a log line may hold, with its type. */
  readonly logFields: Readonly<Record<string, "string" | "number" | "strings">>;
}

/** A word that `wraith export` understands, and its files; the first one is printed when none is named. */
export interface ExportTopic {
  readonly what: string;
  readonly summary: string;
  artifacts(context: ExportContext): readonly Artifact[];
}
