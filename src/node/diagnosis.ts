/**
 * What this machine offers a node, and what a node would choose: the facts behind `wraith doctor`.
 *
 * @module
 */

import type { Backend, Config } from "../config/config.ts";
import { selectSuite } from "../crypto/select_suite.ts";
import { nobleSuite } from "../crypto/noble_suite.ts";
import { readKernelFile } from "../monitor/linux_facts.ts";
import { probeNativeSockets } from "../net/open_socket.ts";
import { ControlClient, NodeNotRunningError } from "./control_client.ts";
import type { StatusDocument } from "./control_status.ts";
import { IdentityError, loadIdentity } from "./identity.ts";

/** One thing that was looked at. */
export interface Finding {
  readonly area: "program" | "node" | "crypto" | "sockets" | "limits";
  readonly item: string;
  /** `fail`: a node would not start, or not as configured. `warn`: it would run worse than it could. */
  readonly state: "ok" | "warn" | "fail";
  readonly value: string;
  /** What to do about it, where there is something. */
  readonly advice: string | null;
}

/** Looks at everything. Changes nothing. */
export async function diagnose(config: Config, version: string): Promise<Finding[]> {
  return [
    finding("program", "version", version),
    finding("program", "platform", `${Deno.build.target}, ${navigator.hardwareConcurrency} processors`),
    await identityFinding(config),
    await dataDirFinding(config),
    await runningFinding(config),
    ...cryptoFindings(config.crypto.backend),
    ...await socketFindings(config.network.backend),
    ...limitFindings(config),
  ];
}

async function identityFinding({ node }: Config): Promise<Finding> {
  try {
    return finding("node", "identity", (await loadIdentity(node.identityFile, nobleSuite)).peerId);
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error;
    if (error.code === "missing") {
      return finding("node", "identity", `none yet; one is made at ${node.identityFile}`);
    }
    return { area: "node", item: "identity", state: "fail", value: error.code, advice: error.message };
  }
}

async function dataDirFinding({ node }: Config): Promise<Finding> {
  try {
    const { mode, isDirectory } = await Deno.stat(node.dataDir);
    if (!isDirectory) return problem("node", "data_dir", "fail", node.dataDir, "a file is in the way");
    if (Deno.build.os !== "windows" && ((mode ?? 0) & 0o002) !== 0) {
      return problem(
        "node",
        "data_dir",
        "warn",
        node.dataDir,
        `everybody may write there: chmod 700 ${node.dataDir}`,
      );
    }
    return finding("node", "data_dir", node.dataDir);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return finding("node", "data_dir", `${node.dataDir} (made at start)`);
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      return problem("node", "data_dir", "fail", node.dataDir, "permission denied: set node.data_dir");
    }
    throw error;
  }
}

async function runningFinding({ node }: Config): Promise<Finding> {
  using client = new ControlClient(node.dataDir);
  try {
    const { pid, crypto, sockets, listen } = await client.get<StatusDocument>("/v1/status");
    return finding("node", "running", `pid ${pid} on udp ${listen}, crypto ${crypto}, sockets ${sockets}`);
  } catch (error) {
    if (error instanceof NodeNotRunningError) return finding("node", "running", "no");
    throw error;
  }
}

function cryptoFindings(backend: Backend): Finding[] {
  const findings: Finding[] = [finding("crypto", "portable", "noble (JavaScript)")];
  try {
    findings.push(finding("crypto", "native", selectSuite("native").detail));
  } catch (error) {
    const state = backend === "native" ? "fail" : "warn";
    findings.push(problem("crypto", "native", state, "not available", messageOf(error)));
    if (backend === "native") return findings;
  }
  const { suite, detail } = selectSuite(backend);
  return [
    ...findings,
    finding("crypto", "chosen", `${suite.name}: ${detail} (crypto.backend = "${backend}")`),
  ];
}

async function socketFindings(backend: Backend): Promise<Finding[]> {
  const native = await probeNativeSockets();
  const isNative = "libc" in native;
  const findings = [
    finding("sockets", "portable", "Deno.listenDatagram"),
    isNative ? finding("sockets", "native", "segmentation offload, passed its self-test") : problem(
      "sockets",
      "native",
      backend === "native" ? "fail" : "warn",
      "not available",
      native.unavailable,
    ),
  ];
  const chosen = backend === "portable" || !isNative ? "portable" : "native";
  if (backend === "native" && !isNative) return findings;
  return [...findings, finding("sockets", "chosen", `${chosen} (network.backend = "${backend}")`)];
}

function limitFindings(config: Config): Finding[] {
  const findings: Finding[] = [];
  const openFiles = /^Max open files\s+(\d+)/m.exec(readKernelFile("/proc/self/limits") ?? "")?.[1];
  if (openFiles !== undefined) {
    const enough = Number(openFiles) >= MIN_OPEN_FILES;
    findings.push(
      enough ? finding("limits", "open files", openFiles) : problem(
        "limits",
        "open files",
        "warn",
        openFiles,
        `raise it to ${MIN_OPEN_FILES} (ulimit -n, LimitNOFILE=)`,
      ),
    );
  }
  for (const name of ["rmem_max", "wmem_max"]) {
    const bytes = Number(readKernelFile(`/proc/sys/net/core/${name}`)?.trim() ?? NaN);
    if (Number.isNaN(bytes)) continue;
    findings.push(
      bytes >= GOOD_SOCKET_BUFFER_BYTES ? finding("limits", `net.core.${name}`, `${bytes}`) : problem(
        "limits",
        `net.core.${name}`,
        "warn",
        `${bytes}`,
        `fast links lose packets: sysctl -w net.core.${name}=${GOOD_SOCKET_BUFFER_BYTES}`,
      ),
    );
  }
  findings.push(finding("limits", "sessions", `${config.network.maxSessions} (network.max_sessions)`));
  return findings;
}

function finding(area: Finding["area"], item: string, value: string): Finding {
  return { area, item, state: "ok", value, advice: null };
}

function problem(
  area: Finding["area"],
  item: string,
  state: "warn" | "fail",
  value: string,
  advice: string,
): Finding {
  return { area, item, state, value, advice };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A journal, a partial file and a stream each for the usual 16 parallel transfers, and room for HTTP. */
const MIN_OPEN_FILES = 1_024;
/** What a receive batch of a 10 Gbit/s link fills in about three milliseconds. */
const GOOD_SOCKET_BUFFER_BYTES = 4_194_304;
