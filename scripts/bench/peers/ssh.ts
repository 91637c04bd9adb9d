/**
 * `scp` and `rsync` over ssh to localhost: a server of our own on loopback that lets only our throwaway key in.
 *
 * @module
 */

import { basename, join } from "node:path";
import { freePort, requireTool, runTool, startTool, untilListening } from "../external_tool.ts";
import type { Peer } from "./peer.ts";

/** A running server, and how to reach it. */
export interface SshServer extends AsyncDisposable {
  readonly port: number;
  /** Words that make ssh's programs take our key and the server's. */
  readonly client: readonly string[];
  readonly pid: number;
}

/** @param cipher OpenSSH's name, or null for what client and server agree on. */
export async function scpPeer(folder: string, cipher: string | null): Promise<Peer> {
  const scp = await requireTool("scp");
  const server = await startSshd(folder);
  const target = await targetIn(folder);
  const words = ["-P", `${server.port}`, ...server.client, ...cipher === null ? [] : ["-c", cipher]];
  return {
    name: cipher === null ? "scp" : `scp, ${cipher.replace(/@.*/, "")}`,
    servers: [server.pid],
    async copy(file) {
      await runTool(scp, [...words, file, `127.0.0.1:${target}/`]);
      return join(target, basename(file));
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

export async function rsyncPeer(folder: string): Promise<Peer> {
  const rsync = await requireTool("rsync");
  const server = await startSshd(folder);
  const target = await targetIn(folder);
  const shell = ["ssh", "-p", `${server.port}`, ...server.client].join(" ");
  return {
    name: "rsync over ssh",
    servers: [server.pid],
    async copy(file) {
      await runTool(rsync, ["-a", "--whole-file", "-e", shell, file, `127.0.0.1:${target}/`]);
      return join(target, basename(file));
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Starts one with its keys in `folder`. @throws {Unavailable} where OpenSSH is not installed. */
export async function startSshd(folder: string): Promise<SshServer> {
  const [sshd, keygen] = [await requireTool("sshd"), await requireTool("ssh-keygen")];
  const [hostKey, userKey] = [join(folder, "host-key"), join(folder, "user-key")];
  for (const key of [hostKey, userKey]) await runTool(keygen, ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  // sshd separates its privileges into this folder; a machine that never ran it has none.
  if (Deno.uid() === 0) await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const port = freePort();
  const options = [
    `Port=${port}`,
    "ListenAddress=127.0.0.1",
    `HostKey=${hostKey}`,
    `AuthorizedKeysFile=${userKey}.pub`,
    "StrictModes=no",
    "UsePAM=no",
    "PasswordAuthentication=no",
    `PidFile=${join(folder, "sshd.pid")}`,
    "Subsystem=sftp internal-sftp",
  ];
  const server = startTool(sshd, ["-D", "-f", "/dev/null", ...options.flatMap((option) => ["-o", option])]);
  await untilListening(port, "sshd");
  const client = [
    ...["-i", userKey, "-F", "/dev/null", "-q"],
    ...["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes"].flatMap((option) => [
      "-o",
      option,
    ]),
  ];
  return { port, client, pid: server.pid, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function targetIn(folder: string): Promise<string> {
  const target = join(folder, "target");
  await Deno.mkdir(target);
  return target;
}
