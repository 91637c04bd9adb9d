/**
 * Text that a stranger chose, made safe to stand in a line: bounded, and without a character that could
 * end the line, move the cursor, or show something other than what is there.
 *
 * Nothing is lost: the characters are written as `\uXXXX`, so a JSON parser gets back what the peer sent.
 *
 * @module
 */

/** `text` cut to at most `limit` UTF-16 units, marked by `…` where something is missing. */
export function bounded(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = isHighSurrogate(text.charCodeAt(limit - 2)) ? limit - 2 : limit - 1;
  return text.slice(0, end) + "…";
}

/** `json` (finished JSON text) with every deceptive character inside its strings written as an escape. */
export function escapeDeceptive(json: string): string {
  return json.replace(DECEPTIVE, escapeUnits);
}

/** `text` as one word of a line for people: bare where that is unambiguous, else quoted and escaped. */
export function quoteWord(text: string): string {
  return PLAIN_WORD.test(text) ? text : escapeDeceptive(JSON.stringify(text));
}

/** `text` as the free part of a line for people: escaped, without quotes around it. */
export function escapeFreeText(text: string): string {
  return escapeDeceptive(JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"'));
}

function escapeUnits(character: string): string {
  let escaped = "";
  for (let i = 0; i < character.length; i++) {
    escaped += "\\u" + character.charCodeAt(i).toString(16).padStart(4, "0");
  }
  return escaped;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/**
 * Controls, format characters (directional and zero-width marks, tags, the byte order mark), line and
 * paragraph separators, lone surrogates, and whatever else Unicode lets a renderer leave out.
 */
const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

const PLAIN_WORD = /^[A-Za-z0-9_.:/@+[\]-]+$/;
