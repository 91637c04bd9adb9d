import assert from "node:assert/strict";
import { type Command, EXIT } from "../../src/cli/command.ts";
import { completionsOver } from "../../src/cli/completions.ts";
import { runProgram } from "../../src/cli/program.ts";
import { allCommands, wraith } from "../../src/cli/wraith.ts";
import { runInProcess, testHost } from "../support/cli_host.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const run = () => Promise.resolve(EXIT.success);
const SAMPLE: readonly Command[] = [
  {
    name: "send",
    summary: "Send it's files",
    arguments: [{ name: "PATH", about: "what", completes: "files" }],
    options: [
      { name: "to", value: "PEER", about: "whom to" },
      { name: "mode", short: "m", value: "MODE", about: "how", choices: ["fast", "slow"] },
    ],
    run,
  },
  { name: "dht peers", summary: "List", run },
  { name: "dht lookup", summary: "Look up", run },
];

/** The words typed, the last one being completed, and what must be offered. */
const OFFERS: readonly [typed: string[], offered: string[]][] = [
  [["s"], ["send"]],
  [["d"], ["dht"]],
  [["dht", ""], ["lookup", "peers"]],
  [["dht", "l"], ["lookup"]],
  [["send", "--m"], ["--mode"]],
  [["send", "--mode", ""], ["fast", "slow"]],
  [["send", "-m", "f"], ["fast"]],
  [["--log-level", "w"], ["warn"]],
  [["send", "readme"], ["readme.txt"]],
];

/** What stands in front of the script in each shell to ask it one question, printing one offer a line. */
const ASK: Readonly<Record<string, (script: string, typed: readonly string[]) => string>> = {
  bash: (script, typed) =>
    `source ${script}; COMP_WORDS=(wraith ${
      typed.map(quoted).join(" ")
    }); COMP_CWORD=${typed.length}; _wraith; ` +
    `printf '%s\\n' "\${COMPREPLY[@]}"`,
  fish: (script, typed) =>
    `source ${script}; complete -C ${quoted(["wraith", ...typed].join(" "))} | string replace -r '\\t.*' ''`,
};

for (const [shell, ask] of Object.entries(ASK)) {
  const missing = !await isInstalled(shell);
  const reason = missing ? ` (skipped: ${shell} is not installed)` : "";
  for (const [typed, offered] of OFFERS) {
    const name = `${shell} offers ${offered} after "${typed.join(" ")}"${reason}`;
    Deno.test({ name, ignore: missing }, async () => {
      await using folder = await temporaryFolder();
      await folder.write("readme.txt", "");
      const script = await folder.write("script", await sampleScript(shell));
      const { stdout, stderr } = await new Deno.Command(shell, {
        args: ["-c", ask(script, typed)],
        cwd: folder.path,
        env: { HOME: folder.path, XDG_CONFIG_HOME: folder.path },
      }).output();
      const lines = new TextDecoder().decode(stdout).trim().split("\n").sort();
      assert.deepEqual(lines, offered, new TextDecoder().decode(stderr));
    });
  }
}

const zshMissing = !await isInstalled("zsh");
const zshName = `zsh completes commands${zshMissing ? " (skipped: zsh is not installed)" : ""}`;
Deno.test({ name: zshName, ignore: zshMissing }, async () => {
  await using folder = await temporaryFolder();
  await folder.write("_wraith", await sampleScript("zsh"));
  // The real widgets need a terminal; here _describe prints what it would offer.
  const ask = (typed: readonly string[]) =>
    `compdef() { }; source ./_wraith; ` +
    `_describe() { local name=$2; print -l -- "\${(@P)name%%:*}"; }; _files() { print files; };` +
    `words=(wraith ${typed.map(quoted).join(" ")}); CURRENT=${typed.length + 1}; _wraith`;
  const offersOf = async (typed: readonly string[]) => {
    const { stdout, stderr } = await new Deno.Command("zsh", {
      args: ["-f", "-c", ask(typed)],
      cwd: folder.path,
    }).output();
    return {
      lines: new TextDecoder().decode(stdout).trim().split("\n"),
      errors: new TextDecoder().decode(stderr),
    };
  };
  assert.deepEqual(await offersOf(["dht", ""]), { lines: ["peers", "lookup"], errors: "" });
  assert.deepEqual(await offersOf(["send", "--mode", ""]), { lines: ["fast", "slow"], errors: "" });
  assert.deepEqual(await offersOf(["send", "x"]), { lines: ["files"], errors: "" });
  assert.ok((await offersOf(["send", "-"])).lines.includes("--to"));
});

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`The ${shell} script knows every command and option of the real table`, async () => {
    const host = testHost();
    assert.equal(await runInProcess(["completions", shell], host), EXIT.success);
    for (const command of await allCommands()) {
      assert.ok(host.stdout.text.includes(command.name), command.name);
      for (const option of command.options ?? []) {
        assert.ok(host.stdout.text.includes(option.name), option.name);
      }
    }
  });
}

async function sampleScript(shell: string): Promise<string> {
  const host = testHost();
  const program = {
    ...await wraith([]),
    commands: [...SAMPLE, completionsOver(() => Promise.resolve(SAMPLE))],
  };
  assert.equal(await runProgram(program, ["completions", shell], host), EXIT.success);
  return host.stdout.text;
}

async function isInstalled(shell: string): Promise<boolean> {
  try {
    return (await new Deno.Command(shell, { args: ["--version"], stdout: "null", stderr: "null" }).output())
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function quoted(text: string): string {
  return `'${text}'`;
}
