/**
 * A lint rule for the sans-IO core: in its folders, time, randomness, I/O and asynchrony are arguments or do not
 * exist. `deno lint` runs it (see `lint.plugins` in `deno.json`).
 *
 * Types may name what code may not touch: `import type`, annotations and `typeof` in a type are let through.
 *
 * @module
 */

/** Folders and files whose code is sans-IO, relative to the repository root. */
export const SANS_IO: readonly RegExp[] = [
  /\/src\/wire\//,
  /\/src\/session\//,
  /\/src\/dht\/(?!edge\b|[a-z_]*_(?:service|edge|driver|store_file)\.ts)/,
];

const FORBIDDEN_GLOBALS: ReadonlySet<string> = new Set([
  "Promise",
  "Date",
  "performance",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "queueMicrotask",
  "Deno",
  "console",
  "process",
  "crypto",
  "fetch",
]);

const rule: Deno.lint.Rule = {
  create(context) {
    const file = context.filename.replaceAll("\\", "/");
    if (!SANS_IO.some((pattern) => pattern.test(file))) return {};

    const forbid = (node: Deno.lint.Node, what: string) =>
      context.report({
        node,
        message: `${what} does not belong in the sans-IO core`,
        hint: "Take the time, the randomness or the bytes as an argument; do the rest at the edge",
      });
    const forbidAsync = (node: { async: boolean } & Deno.lint.Node) => {
      if (node.async) forbid(node, "An async function");
    };

    return {
      Identifier(node) {
        if (FORBIDDEN_GLOBALS.has(node.name) && isGlobalUse(node)) forbid(node, `\`${node.name}\``);
      },
      MemberExpression(node) {
        if (isNamed(node.object, "Math") && isNamed(node.property, "random")) forbid(node, "`Math.random`");
        if (isNamed(node.object, "globalThis")) forbid(node, "`globalThis`");
      },
      AwaitExpression: (node) => forbid(node, "`await`"),
      ForOfStatement(node) {
        if (node.await) forbid(node, "`for await`");
      },
      FunctionDeclaration: forbidAsync,
      FunctionExpression: forbidAsync,
      ArrowFunctionExpression: forbidAsync,
      ImportExpression: (node) => forbid(node, "A dynamic import"),
      ImportDeclaration(node) {
        if (node.importKind !== "type" && node.source.value.startsWith("node:")) {
          forbid(node, `\`${node.source.value}\``);
        }
      },
    };
  },
};

/** Whether the identifier reads a global, and is not a property, a declared name, a label or part of a type. */
function isGlobalUse(node: Deno.lint.Identifier): boolean {
  const parent: Deno.lint.Node = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return parent.object === node || parent.computed;
    case "Property":
      return parent.value === node;
    case "PropertyDefinition":
      return parent.value === node;
    case "MethodDefinition":
    case "ImportSpecifier":
    case "ExportSpecifier":
    case "TSEnumMember":
      return false;
    default:
      return !parent.type.startsWith("TS") || EXPRESSIONS_WITH_TYPES.has(parent.type);
  }
}

/** `x as T`, `x satisfies T`, `x!`: nodes of the type system that hold a value. */
const EXPRESSIONS_WITH_TYPES: ReadonlySet<string> = new Set([
  "TSAsExpression",
  "TSSatisfiesExpression",
  "TSNonNullExpression",
]);

function isNamed(node: Deno.lint.Node, name: string): boolean {
  return node.type === "Identifier" && node.name === name;
}

export default { name: "wraith", rules: { "sans-io": rule } } satisfies Deno.lint.Plugin;
