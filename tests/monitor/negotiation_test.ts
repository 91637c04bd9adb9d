import assert from "node:assert/strict";
import { acceptsGzip, chooseFormat } from "../../src/monitor/negotiation.ts";

const OPEN = "application/openmetrics-text";

const formats: readonly [string | null, "openmetrics" | "text"][] = [
  [null, "text"],
  ["*/*", "text"],
  ["text/html,application/xhtml+xml,*/*;q=0.8", "text"],
  [OPEN, "openmetrics"],
  [`${OPEN};version=1.0.0`, "openmetrics"],
  [`${OPEN}; version="1.0.0"; charset=utf-8`, "openmetrics"],
  [
    `${OPEN};version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.2`,
    "openmetrics",
  ],
  [
    `${OPEN};version=1.0.0;q=0.8,${OPEN};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
    "openmetrics",
  ],
  [`${OPEN};version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.5`, "text"],
  [`${OPEN};q=0,text/plain`, "text"],
  [`${OPEN};version=0.0.1,text/plain;q=0.5`, "text"],
  [`${OPEN};q=nonsense,text/plain;q=0.1`, "text"],
  ["application/json", "text"],
  [",;,;q=1", "text"],
];

for (const [accept, format] of formats) {
  Deno.test(`Accept ${accept} means ${format}`, () => assert.equal(chooseFormat(accept), format));
}

const encodings: readonly [string | null, boolean][] = [
  [null, false],
  ["gzip", true],
  ["deflate, gzip;q=0.5", true],
  ["gzip;q=0", false],
  ["identity, *;q=0.1", true],
  ["*;q=0", false],
  ["gzip;q=0, *", false],
  ["br", false],
];

for (const [acceptEncoding, gzip] of encodings) {
  Deno.test(`Accept-Encoding ${acceptEncoding} ${gzip ? "takes" : "refuses"} gzip`, () => {
    assert.equal(acceptsGzip(acceptEncoding), gzip);
  });
}
