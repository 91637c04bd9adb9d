import assert from "node:assert/strict";
import { ClosedOutputError, type Command, CommandError, EXIT, JSON_OPTION } from "../../src/cli/command.ts";
import { type Program, runProgram } from "../../src/cli/program.ts";
import { Interruption } from "../../src/node/lifecycle.ts";
import { testHost } from "../support/cli_host.ts";

const send: Command = {
  name: "send",
  summary: "Send files",
  arguments: [{ name: "PATH", about: "what to send", variadic: true }],
  options: [
    { name: "to", value: "PEER", about: "whom to", required: true },
    { name: "tag", value: "TAG", about: "a tag", repeatable: true },
    JSON_OPTION,
  ],
  run({ args, options, stdout }) {
    const given = { to: options.value("to"), tags: options.all("tag"), json: options.flag("json") };
    stdout.write(JSON.stringify({ args, ...given, config: options.value("config") }));
    return Promise.resolve(EXIT.success);
  },
};

function program(...commands: Command[]): Program {
  const daemon: Command = {
    name: "daemon",
    summary: "Run",
    options: [{ name: "check", about: "only check" }],
    run({ options, stdout }) {
      stdout.write(`daemon config=${options.value("config")} check=${options.flag("check")}`);
      return Promise.resolve(EXIT.success);
    },
  };
  const version = "1.2.3";
  return {
    summary: "S",
    version,
    commands: [daemon, send, ...commands],
    groups: {},
    defaultCommand: "daemon",
  };
}

function failing(error: unknown): Command {
  return { name: "fail", summary: "Fail", run: () => Promise.reject(error) };
}

Deno.test("A command gets its arguments and options, common ones before or after its name", async () => {
  for (const argv of [["-c", "f", "send", "a", "b"], ["send", "a", "--config=f", "b"]]) {
    const host = testHost();
    const code = await runProgram(program(), [...argv, "--to", "x", "--tag", "1", "--tag", "2"], host);
    assert.equal(code, EXIT.success, host.stderr.text);
    assert.deepEqual(JSON.parse(host.stdout.text), {
      args: ["a", "b"],
      to: "x",
      tags: ["1", "2"],
      json: false,
      config: "f",
    });
  }
});

Deno.test("Without a command the default one runs and takes its options", async () => {
  const host = testHost();
  assert.equal(await runProgram(program(), ["--config", "c.toml", "--check"], host), EXIT.success);
  assert.equal(host.stdout.text, "daemon config=c.toml check=true");
});

const USAGE_ERRORS: readonly [argv: string[], said: RegExp][] = [
  [["sned", "x"], /^wraith: unknown command "sned": did you mean "send"\?\n$/],
  [["frobnicate"], /^wraith: unknown command "frobnicate": wraith --help lists the commands\n$/],
  [["send", "x"], /^wraith: required option '--to <PEER>' not specified .*\n$/],
  [["send", "--to", "x"], /^wraith: missing required argument 'PATH' .*\n$/],
  [["send", "x", "--to", "y", "--jsno"], /^wraith: unknown option '--jsno' \(Did you mean --json\?\) .*\n$/],
  [["--log-level", "loud"], /^wraith: option '--log-level <LEVEL>' argument 'loud' is invalid.*\n$/],
];

for (const [argv, said] of USAGE_ERRORS) {
  Deno.test(`wraith ${argv.join(" ")} is a usage error of one line`, async () => {
    const host = testHost();
    assert.equal(await runProgram(program(), argv, host), EXIT.usage);
    assert.match(host.stderr.text, said);
    assert.equal(host.stdout.text, "");
  });
}

Deno.test("Help and version go to stdout and succeed", async () => {
  for (const [argv, said] of [[["--version"], /^1\.2\.3\n$/], [["send", "--help"], /--to <PEER>/]] as const) {
    const host = testHost();
    assert.equal(await runProgram(program(), argv, host), EXIT.success);
    assert.match(host.stdout.text, said);
    assert.equal(host.stderr.text, "");
  }
});

Deno.test("A failure is one line without control characters, and carries its exit code", async () => {
  const host = testHost();
  const error = new CommandError("cannot open a\u001b[31m\n  b: gone", EXIT.usage);
  assert.equal(await runProgram(program(failing(error)), ["fail"], host), EXIT.usage);
  assert.equal(host.stderr.text, "wraith: cannot open a\ufffd[31m b: gone\n");
});

Deno.test("A stack trace is shown at log level debug only", async () => {
  const host = testHost();
  const code = await runProgram(program(failing(new Error("boom"))), ["fail", "--log-level", "debug"], host);
  assert.equal(code, EXIT.failure);
  assert.match(host.stderr.text, /^wraith: boom\nError: boom\n\s+at /);
});

Deno.test("An interrupted command exits 130 without a word", async () => {
  const interruption = new Interruption("SIGINT");
  const host = { ...testHost(), signal: AbortSignal.abort(interruption) };
  assert.equal(await runProgram(program(failing(interruption)), ["fail"], host), EXIT.interrupted);
  assert.equal(host.stderr.text, "");
});

Deno.test("A reader that went away is no failure", async () => {
  const host = testHost();
  const code = await runProgram(program(failing(new ClosedOutputError("gone"))), ["fail"], host);
  assert.deepEqual([code, host.stderr.text], [EXIT.success, ""]);
});

Deno.test("Commands of a group are found under it", async () => {
  const peers: Command = {
    name: "dht peers",
    summary: "List contacts",
    run({ stdout }) {
      stdout.write("peers");
      return Promise.resolve(EXIT.success);
    },
  };
  const host = testHost();
  assert.equal(
    await runProgram({ ...program(peers), groups: { dht: "The DHT" } }, ["dht", "peers"], host),
    0,
  );
  assert.equal(host.stdout.text, "peers");
});

Deno.test("Asking for an option that the command does not declare is a mistake", async () => {
  const careless: Command = {
    name: "careless",
    summary: "Ask",
    run: ({ options }) => Promise.resolve(options.flag("nothing") ? EXIT.success : EXIT.failure),
  };
  const host = testHost();
  assert.equal(await runProgram(program(careless), ["careless"], host), EXIT.failure);
  assert.match(host.stderr.text, /Cannot read option --nothing/);
});

function member(name: string, isDefault = false): Command {
  return {
    name,
    summary: name,
    isDefault,
    run({ stdout }) {
      stdout.write(`ran ${name}`);
      return Promise.resolve(EXIT.success);
    },
  };
}

const GROUPED: readonly [words: string, says: RegExp][] = [
  ["dht", /^wraith: dht: expected peers or lookup \(wraith dht --help explains\)\n$/],
  ["dht pears", /^wraith: unknown command "dht pears": did you mean "dht peers"\?\n$/],
  ["dht something", /^wraith: unknown command "dht something": wraith dht --help lists the commands\n$/],
  ["bans lisst", /^wraith: unknown command "bans lisst": did you mean "bans list"\?\n$/],
  ["help dth", /^wraith: unknown command "dth": did you mean "dht"\?\n$/],
  ["help nonsense", /^wraith: unknown command "nonsense": wraith --help lists the commands\n$/],
];

for (const [words, says] of GROUPED) {
  Deno.test(`wraith ${words} is a usage error that says what to type`, async () => {
    const host = testHost();
    const commands = [
      member("dht peers"),
      member("dht lookup"),
      member("bans list", true),
      member("bans add"),
    ];
    const grouped = {
      ...program(),
      commands: [...program().commands, ...commands],
      groups: { dht: "", bans: "" },
    };
    assert.equal(await runProgram(grouped, words.split(" "), host), EXIT.usage);
    assert.match(host.stderr.text, says);
    assert.equal(host.stdout.text, "");
  });
}

Deno.test("A group's name alone runs its default command", async () => {
  const host = testHost();
  const commands = [...program().commands, member("bans add"), member("bans list", true)];
  assert.equal(
    await runProgram({ ...program(), commands, groups: { bans: "" } }, ["bans"], host),
    EXIT.success,
  );
  assert.equal(host.stdout.text, "ran bans list");
});
