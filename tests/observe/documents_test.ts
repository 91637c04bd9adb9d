import assert from "node:assert/strict";
import { DETECTORS, ERROR_TYPES } from "../../src/observe/events.ts";
import { LOG_FIELDS, LOG_LEVELS } from "../../src/observe/log/mod.ts";

async function wordsOf(name: string): Promise<Set<string>> {
  const text = await Deno.readTextFile(new URL(`../../docs/${name}`, import.meta.url));
  return new Set([...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]));
}

Deno.test("docs/logging.md names every field, level and error type", async () => {
  const words = await wordsOf("logging.md");
  for (const word of [...Object.keys(LOG_FIELDS), ...LOG_LEVELS, ...ERROR_TYPES]) {
    assert.ok(words.has(word), word);
  }
});

Deno.test("docs/security_monitoring.md names every detector", async () => {
  const words = await wordsOf("security_monitoring.md");
  for (const detector of DETECTORS) assert.ok(words.has(detector), detector);
});
