import assert from "node:assert/strict";
import { toolTest } from "../support/external_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { programUnderTest } from "../support/wraith_process.ts";

/** What a node writes on a pipe whose identity `JOURNAL_STREAM` names, or whose neighbour's. */
async function linesUnderJournal(offset: number): Promise<string[]> {
  await using folder = await temporaryFolder();
  // systemd.exec(5): device and inode of the stream, in decimal.
  const script = `stream=/proc/$$/fd/1
export JOURNAL_STREAM="$(stat -Lc %d $stream):$(($(stat -Lc %i $stream) + ${offset}))"
exec "$0" --data-dir data --set network.listen=127.0.0.1:0 --set monitoring.enabled=false --set dht.enabled=false \\
  --set logging.output=stdout --log-level debug`;
  const child = new Deno.Command("bash", {
    args: ["-c", script, programUnderTest()[0]],
    cwd: folder.path,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.includes('"Node started"')) child.kill("SIGTERM");
  }
  await child.status;
  return text.trimEnd().split("\n");
}

toolTest(
  "bash",
  "bash",
  "On the journal's stream each line begins with its priority, elsewhere with the line",
  async () => {
    const prefixed = await linesUnderJournal(0);
    assert.ok(prefixed.length >= 3);
    const PRIORITIES: Readonly<Record<string, string>> = { error: "3", warn: "4", info: "6", debug: "7" };
    for (const line of prefixed) {
      const [, priority, json] = /^<(\d)>(\{.*\})$/.exec(line) ?? [];
      assert.equal(priority, PRIORITIES[JSON.parse(json).level], line);
    }
    for (const line of await linesUnderJournal(1)) assert.ok(line.startsWith("{"), line);
  },
);
