/**
 * What the exported files follow from, in tests: the default configuration.
 *
 * @module
 */

import { loadConfig } from "../../src/config/load.ts";
import type { Artifact, ExportContext } from "../../src/monitor/export/artifact.ts";
import { EXPORT_TOPICS } from "../../src/monitor/export/topics.ts";
import { LOG_FIELDS } from "../../src/observe/log/log_entry.ts";

/** The context of a node with default configuration, but for `overrides` (`section.key=value`). */
export function exportContext(overrides: readonly string[] = []): ExportContext {
  const { config } = loadConfig({ overrides: [...overrides], env: {}, workingDir: Deno.cwd() });
  const logFields = Object.fromEntries(Object.entries(LOG_FIELDS).map(([key, { type }]) => [key, type]));
  return { config, docsUrl: null, logFields };
}

/** Every file of every topic. */
export function allArtifacts(overrides: readonly string[] = []): Artifact[] {
  return EXPORT_TOPICS.flatMap((topic) => topic.artifacts(exportContext(overrides)));
}

/** The text of the file of that name. */
export function artifactText(file: string): string {
  const found = allArtifacts().find((artifact) => artifact.file === file);
  if (!found) throw new Error(`no exported file ${file}`);
  return found.text;
}
