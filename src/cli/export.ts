/**
 * `wraith export WHAT`: configuration files for the systems around a node, out of the binary itself.
 *
 * @module
 */

import { join } from "node:path";
import { configTemplate } from "../config/render.ts";
import type { Artifact, ExportTopic } from "../monitor/export/artifact.ts";
import { EXPORT_TOPICS } from "../monitor/export/topics.ts";
import { LOG_FIELDS } from "../observe/log/log_entry.ts";
import { type Command, type CommandContext, CommandError, EXIT, JSON_OPTION, UsageError } from "./command.ts";

const CONFIG_TOPIC: ExportTopic = {
  what: "config",
  summary: "This node: config.toml with every key, its default and what it may be",
  artifacts: () => [{ file: "config.toml", about: "every key with its default", text: configTemplate() }],
};

const TOPICS: readonly ExportTopic[] = [...EXPORT_TOPICS, CONFIG_TOPIC];

export const exportCommand: Command = {
  name: "export",
  summary: "Print configuration for the systems around a node",
  details: [
    ...TOPICS.map(({ what, summary }) => `${what.padEnd(14)}${summary}`),
    `${"all".padEnd(14)}everything, with --dir or --list`,
    "",
    "Most of them are several files: --list names them, --file prints one, --dir writes them all.",
  ].join("\n"),
  arguments: [{ name: "WHAT", about: "what to print", choices: [...TOPICS.map(({ what }) => what), "all"] }],
  options: [
    { name: "list", about: "list the files instead of printing the first one" },
    { name: "file", value: "NAME", about: "print the file of this name" },
    { name: "dir", value: "DIR", about: "write every file into this folder", completes: "directories" },
    {
      name: "docs-url",
      value: "URL",
      about: "where this project's docs folder is served, for links to runbooks (the nodes' own /runbooks)",
    },
    JSON_OPTION,
  ],
  async run(context) {
    const { args, options, stdout } = context;
    const artifacts = artifactsOf(context);
    const folder = options.value("dir");
    if (folder !== undefined) await writeAll(artifacts, folder, context);
    else if (options.flag("json")) stdout.write(`${JSON.stringify({ files: artifacts })}\n`);
    else if (options.flag("list")) stdout.write(listing(artifacts));
    else if (args[0] === "all") {
      throw new CommandError("export all is many files: add --dir DIR or --list", EXIT.usage);
    } else stdout.write(chosen(artifacts, options.value("file")).text);
    return EXIT.success;
  },
};

function artifactsOf({ args, options, loadConfig }: CommandContext): readonly Artifact[] {
  const docsUrl = docsUrlOf(options.value("docs-url"));
  const { config } = loadConfig();
  return TOPICS.filter(({ what }) => args[0] === "all" || args[0] === what)
    .flatMap((topic) => topic.artifacts({ config, docsUrl, logFields: LOG_FIELD_TYPES }));
}

/** With one slash at its end; null where none was given. */
function docsUrlOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? "")) return text.replace(/\/*$/, "/");
  throw new UsageError(`--docs-url takes a URL that begins with https:// or http://, not ${text}`);
}

const LOG_FIELD_TYPES = Object.fromEntries(Object.entries(LOG_FIELDS).map(([key, { type }]) => [key, type]));

function chosen(artifacts: readonly Artifact[], file: string | undefined): Artifact {
  const found = file === undefined ? artifacts[0] : artifacts.find((artifact) => artifact.file === file);
  if (found) return found;
  const known = artifacts.map((artifact) => artifact.file).join(", ");
  throw new CommandError(`--file ${file}: there is no such file; there is ${known}`, EXIT.usage);
}

function listing(artifacts: readonly Artifact[]): string {
  const width = Math.max(...artifacts.map(({ file }) => file.length));
  return artifacts.map(({ file, about }) => `${file.padEnd(width)}  ${about}\n`).join("");
}

async function writeAll(
  artifacts: readonly Artifact[],
  folder: string,
  context: CommandContext,
): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
    for (const { file, text } of artifacts) {
      const path = join(folder, file);
      await Deno.writeTextFile(path, text, text.startsWith("#!") ? { mode: 0o755 } : {});
      context.stdout.write(`${path}\n`);
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`cannot write to ${folder}: ${why}`, EXIT.failure, { cause: error });
  }
}
