import assert from "node:assert/strict";
import { join } from "node:path";
import { generateFile, hashFile } from "../../scripts/loopback_transfer.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { NodeProcess, programUnderTest, type ProgramWords } from "../support/wraith_process.ts";

/**
 * Real nodes behind real NATs: a namespace for each host and each router, joined by a bridge that plays the internet
 * with addresses of 198.18.0.0/15 (RFC 2544), which this machine routes nowhere else.
 */
const PROGRAM = programUnderTest();
const PORT = 41641;

type Nat = "full_cone" | "port_restricted" | "symmetric";

async function command(words: readonly string[], input?: string): Promise<{ ok: boolean; said: string }> {
  const child = new Deno.Command(words[0], {
    args: words.slice(1),
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  }
  const { success, stdout, stderr } = await child.output();
  return { ok: success, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

async function must(...words: string[]): Promise<void> {
  const { ok, said } = await command(words);
  if (!ok) throw new Error(`${words.join(" ")}: ${said}`);
}

/** Why this machine cannot play: null when it can. */
async function forbidden(): Promise<string | null> {
  const probe = `wn${Deno.pid}probe`;
  try {
    const made = await command(["ip", "netns", "add", probe]);
    if (!made.ok) return `network namespaces are forbidden here: ${made.said.trim()}`;
    const rules =
      "add table ip t; add chain ip t c { type nat hook postrouting priority 100; }; add rule ip t c masquerade";
    const nat = await command(["ip", "netns", "exec", probe, "nft", rules]);
    await command(["ip", "netns", "del", probe]);
    return nat.ok ? null : `nftables cannot masquerade here: ${nat.said.trim()}`;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return `ip (iproute2) or nft (nftables) is not installed`;
  }
}

/** A small internet. Disposing removes every namespace of it. */
class Topology implements AsyncDisposable {
  readonly #prefix = `wn${Deno.pid}`;
  readonly #namespaces: string[] = [];
  #links = 0;

  async internet(): Promise<void> {
    const net = await this.#namespace("net");
    await must("ip", "-n", net, "link", "add", "br0", "type", "bridge");
    await must("ip", "-n", net, "link", "set", "br0", "up");
  }

  /** A host with a public address. */
  async host(n: number): Promise<string> {
    const name = await this.#namespace(`h${n}`);
    await this.#plug(name, `198.18.${n}.1/15`);
    return name;
  }

  /** A host behind a NAT of its own whose outer address is 198.19.n.1. */
  async behind(nat: Nat, n: number): Promise<string> {
    const router = await this.#namespace(`r${n}`);
    await this.#plug(router, `198.19.${n}.1/15`);
    const host = await this.#namespace(`p${n}`);
    await must(
      "ip",
      "-n",
      router,
      "link",
      "add",
      "lan",
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      host,
    );
    await must("ip", "-n", router, "addr", "add", "192.168.7.1/24", "dev", "lan");
    await must("ip", "-n", host, "addr", "add", "192.168.7.2/24", "dev", "eth0");
    await must("ip", "-n", router, "link", "set", "lan", "up");
    await must("ip", "-n", host, "link", "set", "eth0", "up");
    await must("ip", "-n", host, "route", "add", "default", "via", "192.168.7.1");
    await must("ip", "netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1");
    const how = nat === "symmetric" ? "masquerade fully-random" : "masquerade";
    const forward = nat === "full_cone" ? `iifname wan udp dport ${PORT} dnat to 192.168.7.2` : "";
    const rules = `
      table ip nat {
        chain pre { type nat hook prerouting priority -100; ${forward}; }
        chain post { type nat hook postrouting priority 100; oifname wan ${how}; }
      }
      table ip filter {
        chain input { type filter hook input priority 0; iifname wan ip protocol udp drop; }
      }`.replace("; ;", ";");
    const { ok, said } = await command(["ip", "netns", "exec", router, "nft", "-f", "-"], rules);
    if (!ok) throw new Error(`nft: ${said}`);
    return host;
  }

  /** The program, run in a namespace. */
  program(namespace: string): ProgramWords {
    return ["ip", "netns", "exec", namespace, ...PROGRAM];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#namespaces) await command(["ip", "netns", "del", name]);
  }

  async #namespace(name: string): Promise<string> {
    const full = `${this.#prefix}${name}`;
    await must("ip", "netns", "add", full);
    this.#namespaces.push(full);
    await must("ip", "-n", full, "link", "set", "lo", "up");
    return full;
  }

  async #plug(namespace: string, address: string): Promise<void> {
    const net = `${this.#prefix}net`;
    const end = `e${++this.#links}`;
    await must(
      "ip",
      "-n",
      net,
      "link",
      "add",
      end,
      "type",
      "veth",
      "peer",
      "name",
      "wan",
      "netns",
      namespace,
    );
    await must("ip", "-n", net, "link", "set", end, "master", "br0", "up");
    await must("ip", "-n", namespace, "addr", "add", address, "dev", "wan");
    await must("ip", "-n", namespace, "link", "set", "wan", "up");
  }
}

const cannot = await forbidden();

/** Which pairs meet directly; the others go through the relay. */
const PAIRS: readonly {
  readonly sender: Nat;
  readonly receiver: Nat;
  readonly path: "direct" | "relayed";
}[] = [
  { sender: "full_cone", receiver: "full_cone", path: "direct" },
  { sender: "port_restricted", receiver: "port_restricted", path: "direct" },
  { sender: "symmetric", receiver: "full_cone", path: "direct" },
  { sender: "symmetric", receiver: "symmetric", path: "relayed" },
];

for (const { sender, receiver, path } of PAIRS) {
  Deno.test({
    name: `A file goes from behind a ${sender} NAT to behind a ${receiver} one, ${path}` +
      (cannot === null ? "" : ` (skipped: ${cannot})`),
    ignore: cannot !== null,
    async fn() {
      await using folder = await temporaryFolder();
      await using topology = new Topology();
      await topology.internet();
      await using nodes = new AsyncDisposableStack();
      const start = async (name: string, namespace: string, bootstrap: readonly NodeProcess[]) => {
        const settings = [
          `network.listen=0.0.0.0:${PORT}`,
          "dht.relay=true",
          "transfer.accept=all",
          `transfer.output_dir=${join(folder.path, name)}`,
          ...(bootstrap.length === 0 ? [] : [`dht.bootstrap=${bootstrap.map(publicAddressOf).join(",")}`]),
        ];
        const surroundings = { program: topology.program(namespace), workingDir: folder.path };
        return nodes.use(await NodeProcess.start(join(folder.path, `${name}-state`), settings, surroundings));
      };
      const publicNodes: NodeProcess[] = [];
      for (const n of [1, 2, 3]) {
        publicNodes.push(await start(`public${n}`, await topology.host(n), publicNodes));
      }
      const from = await start("sender", await topology.behind(sender, 11), publicNodes);
      const to = await start("receiver", await topology.behind(receiver, 12), publicNodes);
      for (const node of [from, to]) {
        await node.waitForLog((line) => /is behind a (symmetric )?NAT/.test(JSON.stringify(line)));
      }
      // Its record with introducers has gone out.
      await eventually(async () => {
        const { stdout } = await publicNodes[0].run("dht", "lookup", to.status.peer_id);
        return stdout.includes(" via ");
      });
      const file = join(folder.path, "letter.bin");
      const hash = await generateFile(file, 200_000);
      const { code, stderr } = await from.run("send", file, "--to", to.status.peer_id);
      assert.equal(code, 0, stderr);
      assert.equal(await hashFile(join(folder.path, "receiver", "letter.bin")), hash);
      const { sessions } = JSON.parse((await from.run("sessions", "--json")).stdout);
      const paths = sessions.filter((session: { peer_id: string }) => session.peer_id === to.status.peer_id)
        .map((session: { path: string }) => session.path);
      assert.ok(paths.includes(path), `${paths}`);
    },
  });
}

/** The node does not know its public address; its namespace does. */
function publicAddressOf(node: NodeProcess): string {
  const n = Number(/public(\d)-state$/.exec(node.dataDir)![1]);
  return `${node.status.peer_id}@198.18.${n}.1:${PORT}`;
}

async function eventually(isTrue: () => Promise<boolean>): Promise<void> {
  const startedAt = performance.now();
  while (!await isTrue()) {
    if (performance.now() - startedAt > 60_000) throw new Error("Not within a minute");
  }
}
