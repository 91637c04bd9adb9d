/**
 * The import rules of `docs/architecture.md`, as a check over a module graph.
 *
 * @module
 */

/** One module of the project and what it imports, as paths relative to the repository root. */
export interface ModuleImports {
  readonly path: string;
  readonly imports: readonly string[];
  /** Those of {@link imports} that import types alone: gone at run time, so they may close a cycle. */
  readonly typeOnly?: readonly string[];
}

/** Which folders of `src/` a folder may import, beside itself, the leaf files in `src/` and the event stream. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  cli: ["node", "transfer", "dht", "monitor", "observe", "session", "wire", "crypto", "net", "config"],
  node: ["transfer", "dht", "monitor", "observe", "session", "wire", "crypto", "net", "config"],
  transfer: ["session", "wire", "crypto", "net", "config"],
  dht: ["session", "wire", "crypto", "net", "config"],
  monitor: ["session", "wire", "crypto", "net", "config"],
  observe: ["session", "wire", "crypto", "net", "config"],
  session: ["wire", "crypto", "net"],
  wire: [],
  crypto: ["config"],
  net: [],
  // The configuration names peers and addresses, so it needs to know how they are spelled.
  config: ["crypto", "net"],
};

/**
 * Plain types, the stream that carries them, and the error class of each: every layer reports events. And the
 * manifest, which says what version this is.
 */
const FOR_ALL: ReadonlySet<string> = new Set([
  "src/observe/events.ts",
  "src/observe/event_bus.ts",
  "src/observe/error_type.ts",
  "deno.json",
]);

/** Every import that points upwards or sideways, and every cycle; empty when the graph is as it should be. */
export function layeringViolations(modules: readonly ModuleImports[]): string[] {
  return [...modules.flatMap(upwardImports), ...cycles(modules)];
}

function upwardImports(module: ModuleImports): string[] {
  const from = layerOf(module.path);
  if (from === null) return [];
  if (from !== "" && !(from in MAY_IMPORT)) return [`${module.path}: no layer is declared for src/${from}`];
  return module.imports.flatMap((imported) => {
    if (FOR_ALL.has(imported)) return [];
    const to = layerOf(imported);
    if (to === null) return [`${module.path} imports ${imported}, which is outside src`];
    if (to === from || to === "") return [];
    // The event stream may be imported by all, so it stands on nothing but the spelling of a peer id.
    if (from !== "" && MAY_IMPORT[from].includes(to)) return [];
    return [`${module.path} imports ${imported}: ${from || "a leaf file"} may not import ${to}`];
  });
}

/** The folder under `src`, `""` for a file directly in it, null for anything else. */
function layerOf(path: string): string | null {
  const match = /^src\/(?:([^/]+)\/)?/.exec(path);
  return match ? match[1] ?? "" : null;
}

/** Each cycle of imports that exist at run time once, as the path around it. */
function cycles(modules: readonly ModuleImports[]): string[] {
  const importsOf = new Map(
    modules.map((module) => [
      module.path,
      module.imports.filter((imported) => !module.typeOnly?.includes(imported)),
    ]),
  );
  const found: string[] = [];
  const finished = new Set<string>();

  const visit = (path: string, trail: string[]) => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      found.push(`import cycle: ${[...trail.slice(start), path].join(" -> ")}`);
      return;
    }
    if (finished.has(path)) return;
    for (const next of importsOf.get(path) ?? []) visit(next, [...trail, path]);
    finished.add(path);
  };
  for (const module of modules) visit(module.path, []);
  return found;
}

/** The part of `deno info --json` that the check reads. */
interface DenoInfo {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
      readonly isDynamic?: boolean;
    }[];
  }[];
}

/** The project's own modules out of what `deno info --json` printed; `rootUrl` ends in a slash. */
export function modulesOf(info: DenoInfo, rootUrl: string): ModuleImports[] {
  const ours = (specifiers: readonly (string | undefined)[]) =>
    specifiers.filter((specifier) => specifier?.startsWith(rootUrl)).map((specifier) =>
      specifier!.slice(rootUrl.length)
    );
  return info.modules.filter((module) => module.specifier.startsWith(rootUrl)).map((module) => {
    const dependencies = module.dependencies ?? [];
    return {
      path: module.specifier.slice(rootUrl.length),
      imports: ours(dependencies.map(({ code, type }) => code?.specifier ?? type?.specifier)),
      typeOnly: ours(dependencies.filter(({ code }) => !code).map(({ type }) => type?.specifier)),
    };
  });
}

/** Asks the running Deno for the graph of `entry` (a path relative to `root`). */
export async function readModuleGraph(root: URL, entry: string): Promise<ModuleImports[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: root,
  }).output();
  if (!success) throw new Error(`deno info ${entry} failed: ${new TextDecoder().decode(stderr)}`);
  return modulesOf(JSON.parse(new TextDecoder().decode(stdout)), root.href);
}
