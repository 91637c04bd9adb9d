/**
 * From the words typed to one command's run and its exit code. The only file that knows the command-line
 * library.
 *
 * @module
 */

import { Argument, Command as Parser, CommanderError, Option } from "commander";
import { closestMatch } from "leven";
import {
  ClosedOutputError,
  type Command,
  type CommandArgument,
  type CommandContext,
  CommandError,
  type CommandOption,
  EXIT,
  type ExitCode,
  type Options,
  UsageError,
} from "./command.ts";
import { Interruption } from "../node/lifecycle.ts";
import { COMMON_OPTIONS, loadConfigFor } from "./common_options.ts";

/** What every context of a run shares. */
export type Host = Omit<CommandContext, "args" | "options" | "loadConfig">;

/** The program: its commands, their groups, and what it says about itself. */
export interface Program {
  readonly summary: string;
  /** What else the overview says, behind the commands. */
  readonly notes?: string;
  readonly version: string;
  readonly commands: readonly Command[];
  /** What each group (`dht` of `dht peers`) is about. */
  readonly groups: Readonly<Record<string, string>>;
  /** The command that runs when none is named. */
  readonly defaultCommand: string;
}

/** Runs the command that `argv` (without the program's own name) asks for. Never throws. */
export async function runProgram(program: Program, argv: readonly string[], host: Host): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.success;
  const parser = buildParser(program, host, async (command, context) => {
    exitCode = await command.run(context);
  });
  try {
    await parser.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.code === "commander.help" && error.exitCode !== 0) {
      // `help` about a command that there is not.
      const names = program.commands.map(({ name }) => name.split(" ")[0]);
      const word = argv[argv.indexOf("help") + 1] ?? "";
      return reportFailure(unknownCommand(word, [...new Set(names)], ""), host, false);
    }
    return reportFailure(error, host, ["debug", "trace"].includes(parser.opts().logLevel));
  }
}

type Execute = (command: Command, context: CommandContext) => Promise<void>;

function buildParser(program: Program, host: Host, execute: Execute): Parser {
  const root = configure(new Parser("wraith"), host);
  root.description(program.summary);
  root.version(program.version, "-V, --version", "print the version");
  root.helpCommand("help [command]", "explain a command");
  for (const option of COMMON_OPTIONS) root.addOption(optionOf(option));
  if (program.notes !== undefined) root.addHelpText("after", `\n${program.notes}`);

  const groups = new Map<string, Parser>();
  for (const command of program.commands) {
    const [group] = command.name.split(" ");
    const isDefault = command.isDefault === true || command.name === program.defaultCommand;
    const parser = subparserOf(command, host, execute);
    if (isDefault) refuseExtraWords(parser, namesBeside(command, program), prefixOf(command));
    if (group === command.name) {
      root.addCommand(parser, { isDefault });
      continue;
    }
    if (!groups.has(group)) {
      groups.set(group, groupOf(group, program, host));
      root.addCommand(groups.get(group)!);
    }
    groups.get(group)!.addCommand(parser, { isDefault });
  }
  return root;
}

function subparserOf(command: Command, host: Host, execute: Execute): Parser {
  const parser = configure(new Parser(command.name.split(" ").at(-1)), host);
  parser.summary(command.summary);
  parser.description(command.details ? `${command.summary}\n\n${command.details}` : command.summary);
  parser.allowExcessArguments(false);
  for (const argument of command.arguments ?? []) parser.addArgument(argumentOf(argument));
  for (const option of command.options ?? []) parser.addOption(optionOf(option));
  return parser.action(async () => {
    const options = optionsOf([...command.options ?? [], ...COMMON_OPTIONS], parser.optsWithGlobals());
    const loadConfig = () => loadConfigFor(options, host);
    await execute(command, { ...host, args: parser.args, options, loadConfig });
  });
}

/** `dht` of `dht peers`: alone it means nothing, unless one of its commands is the default. */
function groupOf(group: string, program: Program, host: Host): Parser {
  const parser = configure(new Parser(group), host).description(program.groups[group] ?? "");
  const members = program.commands.filter(({ name }) => name.startsWith(`${group} `));
  if (members.some(({ isDefault }) => isDefault)) return parser;
  const names = members.map(({ name }) => name.slice(group.length + 1));
  return parser.allowExcessArguments(true).action(() => {
    const [word] = parser.args;
    if (word !== undefined) throw unknownCommand(word, names, `${group} `);
    throw new UsageError(`${group}: expected ${names.join(" or ")} (wraith ${group} --help explains)`);
  });
}

/** A word that names no command lands at the default one: say what is wrong with it there. */
function refuseExtraWords(parser: Parser, names: readonly string[], prefix: string): void {
  parser.allowExcessArguments(true).hook("preAction", () => {
    const [word] = parser.args;
    if (word !== undefined) throw unknownCommand(word, names, prefix);
  });
}

function unknownCommand(word: string, names: readonly string[], prefix: string): UsageError {
  const near = closestMatch(word, [...names], { maxDistance: 2 });
  return new UsageError(
    `unknown command "${prefix}${word}": ` +
      (near ? `did you mean "${prefix}${near}"?` : `wraith ${prefix}--help lists the commands`),
  );
}

/** `dht ` of `dht peers`; empty for a command that stands alone. */
function prefixOf({ name }: Command): string {
  return name.includes(" ") ? `${name.split(" ")[0]} ` : "";
}

/** What may be typed where `command` may: the names in its group, or all first words. */
function namesBeside(command: Command, program: Program): string[] {
  const prefix = prefixOf(command);
  const beside = program.commands.filter(({ name }) => name.startsWith(prefix));
  return [...new Set(beside.map(({ name }) => name.slice(prefix.length).split(" ")[0]))];
}

function configure(parser: Parser, host: Host): Parser {
  return parser
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      // Errors arrive as exceptions too and are printed once, in one line, by reportFailure.
      writeErr: () => {},
      getOutHelpWidth: () => host.stdout.columns,
    })
    .helpOption("-h, --help", "print this help");
}

function argumentOf(declared: CommandArgument): Argument {
  const name = declared.variadic ? `${declared.name}...` : declared.name;
  const argument = new Argument(declared.optional ? `[${name}]` : `<${name}>`, declared.about);
  return declared.choices ? argument.choices(declared.choices) : argument;
}

function optionOf(declared: CommandOption): Option {
  const short = declared.short ? `-${declared.short}, ` : "";
  const value = declared.value ? ` <${declared.value}>` : "";
  const option = new Option(`${short}--${declared.name}${value}`, declared.about);
  if (declared.required) option.makeOptionMandatory();
  if (declared.choices) option.choices(declared.choices);
  if (declared.repeatable) {
    option.argParser((given: string, before: string[] | undefined) => [...before ?? [], given]);
  }
  return option;
}

function optionsOf(declared: readonly CommandOption[], given: Readonly<Record<string, unknown>>): Options {
  const names = new Map(
    declared.map((option) => [option.name, new Option(`--${option.name}`).attributeName()]),
  );
  const read = (name: string): unknown => {
    const attribute = names.get(name);
    if (attribute === undefined) {
      throw new TypeError(`Cannot read option --${name}: the command does not declare it`);
    }
    return given[attribute];
  };
  const all = (name: string) => [read(name) ?? []].flat() as string[];
  return { flag: (name) => read(name) === true, value: (name) => all(name).at(-1), all };
}

function reportFailure(error: unknown, host: Host, withStack: boolean): ExitCode {
  if (error instanceof ClosedOutputError) return EXIT.success;
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.success; // help and version
  if (host.signal.aborted && (error === host.signal.reason || error instanceof Interruption)) {
    return EXIT.interrupted;
  }
  const failure = error instanceof Error ? error : new Error(String(error));
  const isUsage = failure instanceof CommanderError;
  const line = isUsage
    ? `${failure.message.replace(/^error: /, "")} (wraith --help explains)`
    : failure.message;
  host.stderr.write(`wraith: ${oneLine(line)}\n`);
  if (withStack && failure.stack) host.stderr.write(`${failure.stack}\n`);
  if (isUsage) return EXIT.usage;
  return failure instanceof CommandError ? failure.exitCode : EXIT.failure;
}

/** `text` without line breaks or other control characters: what a message quotes may come from anywhere. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.trim().replace(/\s*\n\s*/g, " ").replace(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}
