/**
 * HTML with everything that is put into it escaped.
 *
 * @module
 */

/** A piece of HTML that is safe to put into another one. */
export class Markup {
  constructor(readonly text: string) {}
}

/** What a template takes: text is escaped, markup is not, a list is all its items. */
export type Insertable = string | number | Markup | readonly Markup[];

/** Tagged template: `` html`<td>${name}</td>` ``. Values may stand in content and in quoted attributes. */
export function html(literals: TemplateStringsArray, ...values: readonly Insertable[]): Markup {
  const text = literals.map((literal, index) =>
    index === 0 ? literal : inserted(values[index - 1]) + literal
  );
  return new Markup(text.join(""));
}

function inserted(value: Insertable): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === "object") return value.map((item) => item.text).join("");
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");
}
