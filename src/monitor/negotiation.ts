/**
 * Chooses the form of an answer from the request's `Accept` and `Accept-Encoding` (RFC 9110 §12.5).
 *
 * @module
 */

import type { ExpositionFormat } from "./exposition.ts";

/**
 * The exposition format that the scraper likes best. OpenMetrics only for who names it, since a browser's
 * or curl's wildcard means "anything a person can read"; the text format is also the last resort.
 */
export function chooseFormat(accept: string | null): ExpositionFormat {
  const ranges = parseRanges(accept ?? "*/*");
  const openmetrics = qualityOf(ranges, ["application/openmetrics-text"], "1.0.0");
  const text = qualityOf(ranges, ["text/plain", "text/*", "*/*"], "0.0.4");
  return openmetrics > 0 && openmetrics >= text ? "openmetrics" : "text";
}

/** Whether the client takes gzip: named, or covered by `*`, and not with q=0. */
export function acceptsGzip(acceptEncoding: string | null): boolean {
  return qualityOf(parseRanges(acceptEncoding ?? ""), ["gzip", "*"], null) > 0;
}

/** Whether `mediaType` is named in `accept` with a quality above 0. */
export function accepts(accept: string | null, mediaType: string): boolean {
  return qualityOf(parseRanges(accept ?? ""), [mediaType], null) > 0;
}

interface Range {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** The quality of the most specific of `names` (listed from most to least specific) that the client gave. */
function qualityOf(ranges: readonly Range[], names: readonly string[], version: string | null): number {
  for (const name of names) {
    const matching = ranges.filter((range) => range.name === name && versionFits(range, version));
    if (matching.length > 0) return Math.max(...matching.map((range) => range.quality));
  }
  return 0;
}

function versionFits(range: Range, version: string | null): boolean {
  const wanted = range.parameters.get("version");
  return version === null || wanted === undefined || wanted === version;
}

function parseRanges(header: string): Range[] {
  return header.split(",").flatMap((element) => {
    const [name, ...rest] = element.split(";").map((part) => part.trim());
    if (name === "") return [];
    const parameters = new Map(rest.map((part): [string, string] => {
      const [key, value = ""] = part.split("=", 2);
      return [key.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, "$1")];
    }));
    return [{ name: name.toLowerCase(), parameters, quality: qualityNumber(parameters.get("q")) }];
  });
}

/** RFC 9110 §12.4.2: 0 to 1 with up to three decimals. What is none counts as not acceptable. */
function qualityNumber(text: string | undefined): number {
  if (text === undefined) return 1;
  return /^(0?(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text) && text !== "" && text !== "." ? Number(text) : 0;
}
