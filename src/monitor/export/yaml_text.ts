/**
 * YAML as this project writes it.
 *
 * @module
 */

import { Document, isScalar, visit } from "yaml";

/**
 * `value` as a YAML document under a comment. Texts of several lines become block scalars, so that an
 * expression can be read; lines keep to 80 columns where folding allows it, and where not, yamllint is told.
 */
export function yamlText(comment: string, value: unknown): string {
  const document = new Document(value);
  visit(document, {
    Scalar(_key, node) {
      if (isScalar(node) && typeof node.value === "string" && node.value.includes("\n")) {
        node.type = "BLOCK_LITERAL";
      }
    },
  });
  const text = document.toString({ lineWidth: 78, indentSeq: true });
  const heading = [
    ...comment.split("\n"),
    ...(text.split("\n").some((line) => line.length > 80) ? [LONG_LINES] : []),
  ];
  return `---\n${heading.map((line) => `# ${line}\n`).join("")}${text}`;
}

/** An expression cannot be folded at 80 columns without harm to who reads it. */
export const LONG_LINES = "yamllint disable rule:line-length";
