/**
 * `wraith doctor`: what this machine offers, and what was chosen.
 *
 * @module
 */

import { readBuildInfo } from "../build_info.ts";
import { diagnose, type Finding } from "../node/diagnosis.ts";
import { type Command, EXIT, JSON_OPTION } from "./command.ts";

export const doctor: Command = {
  name: "doctor",
  summary: "Say what this machine offers a node, what would be chosen, and what could be better",
  details: "Exits 1 when something keeps a node from running as configured.",
  options: [JSON_OPTION],
  async run({ options, stdout, loadConfig }) {
    const { version, revision } = readBuildInfo();
    const findings = await diagnose(
      loadConfig().config,
      `${version} (${revision}, deno ${Deno.version.deno})`,
    );
    if (options.flag("json")) stdout.write(`${JSON.stringify({ findings })}\n`);
    else stdout.write(findings.map(describe).join(""));
    return findings.some((finding) => finding.state === "fail") ? EXIT.failure : EXIT.success;
  },
};

function describe({ area, item, state, value, advice }: Finding): string {
  const line = `${state.padEnd(5)}${area.padEnd(9)}${item.padEnd(18)}${value}\n`;
  return advice === null ? line : `${line}${" ".repeat(14)}-> ${advice}\n`;
}
