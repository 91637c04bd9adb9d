/**
 * A real browser without a window, where the machine has one.
 *
 * @module
 */

import { type Browser, chromium } from "playwright-core";

/** The installed Chromium, or why there is none to use. */
export function browserPath(): { readonly path: string } | { readonly missing: string } {
  for (const path of ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]) {
    try {
      if (Deno.statSync(path).isFile) return { path };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return { missing: "no Chromium in /usr/bin (Debian: apt-get install chromium)" };
}

/** Starts the browser at `path` with an empty profile in `folder`; disposing ends it. */
export async function startBrowser(
  path: string,
  folder: string,
): Promise<AsyncDisposable & { readonly browser: Browser }> {
  const child = new Deno.Command(path, {
    args: [...FLAGS, `--user-data-dir=${folder}`, "--remote-debugging-port=0", "about:blank"],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const { promise: address, resolve } = Promise.withResolvers<string | null>();
  const reading = readLines(child.stderr, (line) => {
    const found = /^DevTools listening on (ws:\S+)/.exec(line);
    if (found) resolve(found[1]);
  }).then(() => resolve(null));
  const end = async () => {
    child.kill("SIGTERM");
    await child.status;
    await reading;
  };
  const found = await address;
  if (found === null) throw new Error(`${path} ended before it listened`);
  try {
    const browser = await chromium.connectOverCDP(found);
    return { browser, [Symbol.asyncDispose]: () => browser.close().then(end) };
  } catch (error) {
    await end();
    throw error;
  }
}

async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  heard: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(heard);
  }
}

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
