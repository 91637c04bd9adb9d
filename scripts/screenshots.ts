/**
 * The pictures of the documentation: two nodes with a transfer on its way, as the terminal and the browser show
 * them. Written to `docs/img/`.
 *
 * `deno run -A scripts/screenshots.ts [--out DIR] [--program dist/wraith]`; needs Chromium and tmux.
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { browserPath, startBrowser } from "../tests/support/browser.ts";
import { isInstalled } from "../tests/support/external_tool.ts";
import { temporaryFolder } from "../tests/support/temporary_folder.ts";
import { TmuxTerminal } from "../tests/support/tmux.ts";
import type { ProgramWords } from "../tests/support/wraith_process.ts";
import { FROM_SOURCE, generateFile, type NodePair, sendMeasured, startPair } from "./loopback_transfer.ts";

/** How the page is looked at, by the name of the picture. */
const SHOTS: Readonly<Record<string, BrowserContextOptions>> = {
  status_page: { colorScheme: "light", viewport: { width: 1200, height: 1000 } },
  status_page_dark: { colorScheme: "dark", viewport: { width: 1200, height: 1000 } },
  status_page_phone_dark: { colorScheme: "dark", viewport: { width: 420, height: 1000 } },
  status_page_without_script: {
    colorScheme: "light",
    viewport: { width: 1200, height: 1000 },
    javaScriptEnabled: false,
  },
};
/** Slow enough that every picture shows the transfer on its way. */
const RATE_LIMIT = "transfer.rate_limit=20MB";
const SHOWN_BYTES = 1_200_000_000;
/** A terminal of the usual size. */
const TERMINAL = { columns: 80, rows: 24 };

/** Two nodes for as long as `show` takes: some transfers behind them, one on its way, a source shut out. */
async function underLoad(
  folder: string,
  program: ProgramWords,
  show: (pair: NodePair) => Promise<void>,
): Promise<void> {
  await using pair = await startPair(folder, program, [RATE_LIMIT]);
  for (const [name, bytes] of [["notes.pdf", 400_000], ["holiday.mp4", 30_000_000]] as const) {
    await sendFile(pair, folder, name, bytes);
  }
  await pair.receiver.run("bans", "add", "203.0.113.100");
  let isOver = false;
  const sending = sendFile(pair, folder, "backup.tar", SHOWN_BYTES).catch((error: Error) => {
    if (!isOver) throw error;
  });
  await show(pair);
  isOver = true;
  const { stdout } = await pair.sender.run("transfers", "--json");
  for (const { id, state } of JSON.parse(stdout).transfers) {
    if (state === "running") await pair.sender.run("transfers", "cancel", id);
  }
  await sending;
}

async function sendFile(pair: NodePair, folder: string, name: string, bytes: number): Promise<void> {
  await generateFile(join(folder, name), bytes);
  await sendMeasured(pair, join(folder, name));
}

/** The page as each kind of visitor has it, once a fifth of the transfer is through. */
async function shootPage(browser: Browser, origin: string, out: string): Promise<void> {
  // The condition is a script of ours in the page, which its policy would not let in.
  const first = await (await browser.newContext({ bypassCSP: true })).newPage();
  await first.goto(origin);
  await first.waitForFunction(
    `(() => {
    const row = [...document.querySelectorAll("#transfers tr")].find((row) => row.innerText.includes("backup.tar"));
    return row !== undefined && row.querySelector("progress").value >= 20;
  })()`,
    undefined,
    { timeout: WAIT_MS },
  );
  for (const [name, options] of Object.entries(SHOTS)) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await page.goto(origin);
    if (options.javaScriptEnabled !== false) {
      await page.locator("#connection", { hasText: /^live$/ }).waitFor({ timeout: WAIT_MS });
    }
    // As high as the page, so that no scrollbar takes from its width.
    const { width } = options.viewport!;
    const { height } = (await page.locator("html").boundingBox())!;
    await page.setViewportSize({ width, height: Math.ceil(height) });
    await page.screenshot({ path: join(out, `${name}.png`) });
    await context.close();
    say(`${name}.png`);
  }
}

/** The dashboard as a terminal shows it, view by view. */
async function shootTerminal(pair: NodePair, out: string): Promise<void> {
  const { dataDir } = pair.receiver;
  const command = [...pair.program, "mon", "--data-dir", dataDir];
  await using terminal = await TmuxTerminal.start(join(dataDir, "tmux"), TERMINAL, command);
  const views: string[] = [];
  for (const [key, seen] of [["1", "Recent Transfers:"], ["2", "ADDRESS"], ["3", "STATE"], ["4", "banned"]]) {
    await terminal.press(key);
    views.push((await terminal.until(seen)).replace(/\n{3,}/g, "\n\n").trim());
  }
  await Deno.writeTextFile(join(out, "mon.txt"), `${views.join(`\n${"=".repeat(TERMINAL.columns)}\n`)}\n`);
  say("mon.txt");
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

const WAIT_MS = 60_000;

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      out: { type: "string", default: new URL("../docs/img", import.meta.url).pathname },
      program: { type: "string" },
    },
  });
  const installed = browserPath();
  if ("missing" in installed || !isInstalled("tmux")) {
    throw new Error("missing" in installed ? installed.missing : "no tmux (Debian: apt-get install tmux)");
  }
  await using folder = await temporaryFolder();
  const program: ProgramWords = values.program === undefined
    ? FROM_SOURCE
    : [await Deno.realPath(values.program)];
  await underLoad(folder.path, program, async (pair) => {
    await using started = await startBrowser(installed.path, join(folder.path, "profile"));
    await shootPage(started.browser, pair.receiver.status.monitoring_url!, values.out);
    await shootTerminal(pair, values.out);
  });
}
