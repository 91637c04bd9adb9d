import assert from "node:assert/strict";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { FROM_SOURCE, generateFile, sendMeasured, startPair } from "../../scripts/loopback_transfer.ts";
import { browserPath, startBrowser } from "../support/browser.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const installed = browserPath();
if ("missing" in installed) {
  // deno-lint-ignore no-console
  console.log(`skipped: the status page in a real browser: ${installed.missing}`);
}

/** WCAG 2.2 §1.4.3 for every element that has text of its own: those below 4.5 to 1. Runs in the page. */
const LOW_CONTRAST = `(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  let checked = 0;
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
    if (!hasText || element.tagName === "SCRIPT") continue;
    checked++;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push(element.outerHTML.slice(0, 80));
  }
  return { checked, low };
})()`;

/** Measures in the page, which its own policy would not let a stranger do. */
async function checkLooks(page: Page, origin: string): Promise<void> {
  await page.goto(origin);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const { checked, low } = await page.evaluate(LOW_CONTRAST) as { checked: number; low: string[] };
    assert.ok(checked > 30, `only ${checked} elements had text`);
    assert.deepEqual(low, [], colorScheme);
  }
  await page.setViewportSize({ width: 360, height: 740 });
  const width = await page.evaluate("document.documentElement.scrollWidth") as number;
  assert.ok(width <= 360, `the page is ${width} pixels wide on a phone`);
}

/** Everything is there without JavaScript, and the page says as of when. */
async function checkWithoutScript(browser: Browser, origin: string): Promise<void> {
  const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await page.goto(origin);
  assert.match(await page.locator("#connection").innerText(), /^as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
  assert.match(await page.locator("#transfers").innerText(), /shown\.bin[^]*100%[^]*completed/);
  assert.equal(await page.locator('noscript meta[http-equiv="refresh"]').count(), 1);
}

/** On a phone's width, Tab leads to each table with a name and a visible frame, and the arrows scroll it. */
async function checkKeyboard(browser: Browser, origin: string): Promise<void> {
  const context = await browser.newContext({ bypassCSP: true, viewport: { width: 360, height: 740 } });
  const page = await context.newPage();
  await page.goto(origin);
  await page.locator("#connection", { hasText: /^live$/ }).waitFor();
  const reached: string[] = [];
  for (let presses = 0; presses < 3; presses++) {
    await page.keyboard.press("Tab");
    const [id, name, outline] = await page.evaluate(
      "[document.activeElement.id, document.activeElement.ariaLabel, getComputedStyle(document.activeElement).outlineStyle]",
    ) as string[];
    reached.push(`${id}: ${name}, ${outline}`);
    if (id !== "transfers") continue;
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction("document.activeElement.scrollLeft > 0");
  }
  assert.deepEqual(reached, [
    "transfers: Transfers, solid",
    "sessions: Sessions, solid",
    "security: Security events, solid",
  ]);
}

Deno.test({
  name: "The status page shows a real transfer come to 100 % in a real browser",
  ignore: "missing" in installed,
  // The browser's connection is the library's own and closes with the browser.
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    if ("missing" in installed) return;
    await using folder = await temporaryFolder();
    await using pair = await startPair(folder.path, FROM_SOURCE);
    await using started = await startBrowser(installed.path, join(folder.path, "profile"));
    const origin = pair.receiver.status.monitoring_url!;
    const page = await (await started.browser.newContext()).newPage();
    const [requests, problems]: [string[], string[]] = [[], []];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(origin);
    await page.locator("#connection", { hasText: /^live$/ }).waitFor();

    const file = join(folder.path, "shown.bin");
    await generateFile(file, 20_000_000);
    await sendMeasured(pair, file);
    await page.locator('#transfers progress[value="100"]').first().waitFor();
    assert.match(await page.locator("#transfers").innerText(), /shown\.bin[^]*100%[^]*completed/);
    assert.match(await page.locator("#sessions").innerText(), /inbound, direct/);

    await checkLooks(await (await started.browser.newContext({ bypassCSP: true })).newPage(), origin);
    assert.deepEqual(problems, []);
    assert.deepEqual(requests.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("data:")), []);
    await checkWithoutScript(started.browser, origin);
    await checkKeyboard(started.browser, origin);
  },
});
