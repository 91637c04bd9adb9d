/**
 * Syncthing: two of them on loopback that share a folder and nothing else.
 *
 * @module
 */

import { basename, join } from "node:path";
import { freePort, requireTool, runTool, startTool, until } from "../external_tool.ts";
import type { Peer } from "./peer.ts";

/** One Syncthing: its state, and where it listens. */
interface Instance {
  readonly home: string;
  readonly folder: string;
  readonly id: string;
  readonly port: number;
  readonly apiPort: number;
}

/** Copying begins with the scan of the source's folder and ends when the other one has and has checked all. */
export async function syncthingPeer(folder: string): Promise<Peer> {
  const program = await requireTool("syncthing");
  const [source, target] = [
    await generate(program, join(folder, "syncthing-source")),
    await generate(program, join(folder, "syncthing-target")),
  ];
  await using undo = new AsyncDisposableStack();
  const processes: number[] = [];
  for (const [self, other] of [[source, target], [target, source]]) {
    await Deno.writeTextFile(join(self.home, "config.xml"), configuration(self, other));
    const child = startTool(program, ["serve", "--no-browser", "--no-restart", `--home=${self.home}`], {
      STNOUPGRADE: "1",
      STNODEFAULTFOLDER: "1",
      HOME: self.home,
    });
    processes.push(undo.use(child).pid);
  }
  for (const instance of [source, target]) {
    await until("the two Syncthings to connect", async () => {
      const { connections } = await ask(instance, "GET", "system/connections");
      return Object.values<{ connected: boolean }>(connections).some(({ connected }) => connected);
    });
  }
  const resources = undo.move();
  let copies = 0;
  return {
    name: "Syncthing",
    servers: processes,
    async copy(file) {
      // A name of its own for each copy: Syncthing remembers those it has had.
      const name = `${++copies}-${basename(file)}`;
      const [from, to] = [join(source.folder, name), join(target.folder, name)];
      await Deno.rename(file, from);
      try {
        const { size } = await Deno.stat(from);
        await ask(source, "POST", `db/scan?folder=${FOLDER}`);
        // It gets its name when all of it is there.
        await until("Syncthing to have copied the file", async () => {
          const { state } = await ask(target, "GET", `db/status?folder=${FOLDER}`);
          const copy = await Deno.stat(to).catch(() => null);
          return state === "idle" && copy?.size === size;
        }, 600_000);
      } finally {
        await Deno.rename(from, file);
      }
      return to;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function generate(program: string, home: string): Promise<Instance> {
  await runTool(program, ["generate", `--home=${home}`, "--no-default-folder"], { HOME: home });
  const folder = join(home, "shared");
  await Deno.mkdir(join(folder, ".stfolder"), { recursive: true });
  const id = (await runTool(program, ["--device-id", `--home=${home}`], { HOME: home })).trim();
  return { home, folder, id, port: freePort(), apiPort: freePort() };
}

function configuration(self: Instance, other: Instance): string {
  return `<configuration version="36">
  <folder id="${FOLDER}" path="${self.folder}" type="sendreceive" rescanIntervalS="0" fsWatcherEnabled="false">
    <device id="${self.id}"/><device id="${other.id}"/>
    <minDiskFree unit="%">0</minDiskFree>
  </folder>
  <device id="${self.id}" name="self"><address>dynamic</address></device>
  <device id="${other.id}" name="other"><address>tcp://127.0.0.1:${other.port}</address></device>
  <gui enabled="true" tls="false"><address>127.0.0.1:${self.apiPort}</address><apikey>${API_KEY}</apikey></gui>
  <options>
    <listenAddress>tcp://127.0.0.1:${self.port}</listenAddress>
    <globalAnnounceEnabled>false</globalAnnounceEnabled>
    <localAnnounceEnabled>false</localAnnounceEnabled>
    <relaysEnabled>false</relaysEnabled>
    <natEnabled>false</natEnabled>
    <reconnectionIntervalS>1</reconnectionIntervalS>
    <startBrowser>false</startBrowser>
    <urAccepted>-1</urAccepted>
    <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
    <crashReportingEnabled>false</crashReportingEnabled>
    <announceLANAddresses>false</announceLANAddresses>
  </options>
</configuration>
`;
}

// deno-lint-ignore no-explicit-any -- three answers of someone else's API, a field or two of each
async function ask({ apiPort }: Instance, method: string, path: string): Promise<any> {
  const response = await fetch(`http://127.0.0.1:${apiPort}/rest/${path}`, {
    method,
    headers: { "x-api-key": API_KEY },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Syncthing answered ${response.status}: ${text}`);
  return text === "" ? {} : JSON.parse(text);
}

const FOLDER = "bench";
/** Of a server that lives for a minute and listens on loopback only. */
const API_KEY = "bench";
