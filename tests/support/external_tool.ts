/**
 * Programs that are not ours, for tests that show our files to their real readers.
 *
 * @module
 */

/** Registers a test that needs `tool`; without it the test is skipped and says so. */
export function toolTest(tool: string, debianPackage: string, name: string, fn: () => Promise<void>): void {
  const available = isInstalled(tool);
  if (!available) {
    // deno-lint-ignore no-console
    console.log(`skipped: "${name}" needs ${tool} (apt-get install ${debianPackage})`);
  }
  Deno.test({ name, ignore: !available, fn });
}

/** Whether `tool` is on PATH. */
export function isInstalled(tool: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(`${folder}/${tool}`).isFile;
    } catch {
      return false;
    }
  });
}

export interface ToolResult {
  readonly success: boolean;
  /** Standard output and standard error, one after the other. */
  readonly output: string;
}

/** Runs `tool` to its end. */
export async function runTool(
  tool: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: string } = {},
): Promise<ToolResult> {
  const child = new Deno.Command(tool, {
    args: [...args],
    ...(options.cwd ? { cwd: options.cwd } : {}),
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (options.input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.input));
    await writer.close();
  }
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Runs `use` in a fresh folder that is gone afterwards. */
export async function inTemporaryFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "wraith-test-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
