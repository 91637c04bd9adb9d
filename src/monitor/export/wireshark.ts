/**
 * What makes Wireshark understand the node's packets.
 *
 * @module
 */

import type { ExportTopic } from "./artifact.ts";

export const wiresharkTopic: ExportTopic = {
  what: "wireshark",
  summary: "Wireshark: a dissector that names the parts of packets, and decrypts with a key log",
  artifacts: () => [{
    file: "wraith.lua",
    about: "goes into Wireshark's folder of personal Lua plugins",
    // In the executable it is embedded.
    text: Deno.readTextFileSync(new URL("wireshark.lua", import.meta.url)),
  }],
};
