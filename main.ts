import process from "node:process";
import { processEnvironment, standardOutput } from "./src/cli/outputs.ts";
import { runProgram } from "./src/cli/program.ts";
import { wordsFor, wraith } from "./src/cli/wraith.ts";
import { systemClock } from "./src/clock.ts";
import { listenForEnd } from "./src/node/lifecycle.ts";

const { signal } = listenForEnd((exitCode) => Deno.exit(exitCode));
const words = wordsFor(process.argv0, Deno.args);
const exitCode = await runProgram(await wraith(words), words, {
  stdout: standardOutput(Deno.stdout),
  stderr: standardOutput(Deno.stderr),
  env: processEnvironment,
  clock: systemClock,
  signal,
  workingDir: Deno.cwd(),
});
Deno.exit(exitCode);
