import assert from "node:assert/strict";
import { join } from "node:path";
import { FROM_SOURCE } from "../../scripts/loopback_transfer.ts";
import { inTemporaryFolder, toolTest } from "../support/external_tool.ts";
import { TmuxTerminal } from "../support/tmux.ts";
import { NodeProcess } from "../support/wraith_process.ts";

/** A shell's prompt that tells the last exit code; `set -e` and job messages would only disturb. */
const SHELL = ["env", "PS1=[$?]", "TERM=screen", "sh"];

toolTest(
  "tmux",
  "tmux",
  "wraith mon on a real terminal: keys, sizes, a restart, and the terminal back",
  async () => {
    await inTemporaryFolder(async (folder) => {
      const dataDir = join(folder, "node");
      const surroundings = { program: FROM_SOURCE, workingDir: folder };
      const settings = ["dht.enabled=false"];
      let node = await NodeProcess.start(dataDir, settings, surroundings);
      try {
        await using terminal = await TmuxTerminal.start(
          join(folder, "tmux"),
          { columns: 100, rows: 30 },
          SHELL,
        );
        const command = [...FROM_SOURCE, "mon", "--interval", "200ms", "--data-dir", dataDir].join(" ");
        await terminal.press("stty -a | tail -n +2 > before; clear", "Enter", command, "Enter");
        const overview = await terminal.until("Recent Transfers:");
        assert.match(overview, /^┌─ WRAITH Node Status ─{26}┐$/m);
        assert.match(overview, /^│ DHT Peers: off {32}│$/m);

        await terminal.press("2");
        await terminal.until(/PEER.*PATH/);
        await terminal.press("Tab");
        await terminal.until(/NAME.*MESSAGE/);
        await terminal.press("p");
        await terminal.until("PAUSED");
        await terminal.press("p", "1");
        await terminal.resize({ columns: 40, rows: 20 });
        const narrow = await terminal.until(/^┌─ WRAITH Node Status ─{17}┐$/m);
        assert.ok(narrow.split("\n").every((line) => [...line].length <= 40));
        await terminal.resize({ columns: 100, rows: 30 });
        await terminal.until(/^┌─ WRAITH Node Status ─{26}┐$/m);

        await node[Symbol.asyncDispose]();
        await terminal.until(/! node away, seen \d\d:\d\d:\d\d UTC, retrying/);
        node = await NodeProcess.start(dataDir, settings, surroundings);
        await terminal.until(/! node restarted at \d\d:\d\d:\d\d UTC/);

        await terminal.press("C-c");
        await terminal.until("[130]");
        assert.ok(await terminal.isAsBefore());
        await terminal.press("stty -a | tail -n +2 | cmp - before && echo same", "Enter");
        await terminal.until(/^same$/m);
      } finally {
        await node[Symbol.asyncDispose]();
      }
    });
  },
);
