/**
 * The composition root: a running node out of a configuration.
 *
 * @module
 */

import { type BuildInfo, readBuildInfo } from "../build_info.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { LoadedConfig } from "../config/load.ts";
import { selectSuite } from "../crypto/select_suite.ts";
import type { Entropy } from "../entropy.ts";
import { createMonitor, type Monitor } from "../monitor/monitor.ts";
import { connectSystemd, type Systemd } from "../monitor/systemd.ts";
import { EventBus } from "../observe/event_bus.ts";
import { createLog, type Log } from "../observe/log/mod.ts";
import { type ControlServer, serveControl } from "./control_server.ts";
import { statusRoutes } from "./control_status.ts";
import { openDataDir } from "./data_dir.ts";
import { type Endpoint, openEndpoint } from "./endpoint.ts";
import { type Identity, openIdentity } from "./identity.ts";
import { LiveNodeView } from "./live_node_view.ts";
import { LiveConfig, type ReloadOutcome } from "./reload.ts";

/** What a node is made of. */
export interface NodeOptions {
  readonly config: Config;
  /** Loads the configuration again. */
  readonly reload: () => LoadedConfig;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly env: { get(name: string): string | undefined };
  /** A private node lives as long as one command: it has no control socket and claims no data directory. */
  readonly role: "daemon" | "private";
  /** Writes no log. */
  readonly isSilent?: boolean;
}

/**
 * Starts a node. When a part of it cannot start, what had started is undone.
 *
 * @throws an error whose message is one line for people.
 */
export async function startNode(options: NodeOptions): Promise<WraithNode> {
  await using undo = new AsyncDisposableStack();
  const parts = await startParts(options, undo);
  return new WraithNode(options, parts, undo.move());
}

/** What {@link startParts} made, each part ready to use. */
interface Parts {
  readonly bus: EventBus;
  readonly log: Log;
  readonly identity: Identity;
  readonly endpoint: Endpoint;
  readonly view: LiveNodeView;
  readonly monitor: Monitor;
  readonly control: ControlServer | null;
}

/** Starts the parts in the order in which they need each other; `undo` learns how to undo each. */
async function startParts(options: NodeOptions, undo: AsyncDisposableStack): Promise<Parts> {
  const { config, clock, entropy, env } = options;
  await openDataDir(config.node.dataDir);
  // Before anything is written there: two nodes in one folder would spoil each other's files.
  const control = options.role === "daemon" && Deno.build.os !== "windows"
    ? await serveControl(config.node.dataDir)
    : null;
  if (control) undo.defer(() => control.close());

  const bus = new EventBus(clock);
  const log = createLog({ config: config.logging, bus, clock, environment: (name) => env.get(name) });
  if (!options.isSilent) await log.start();
  undo.defer(() => log.stop());

  const { suite, notice } = selectSuite(config.crypto.backend);
  if (notice) bus.emit({ type: "node.notice", severity: "info", component: "crypto", message: notice });
  const { identity, created } = await openIdentity(config.node.identityFile, suite, entropy);
  const path = config.node.identityFile;
  if (created) bus.emit({ type: "identity.created", peerId: identity.peerId, path });

  const endpoint = await openEndpoint(config, bus);
  undo.defer(() => endpoint.close());
  const view = new LiveNodeView(factsOf(options, identity, suite.name, endpoint), endpoint);
  const monitor = createMonitor({ view, bus, config: config.monitoring, clock });
  undo.defer(() => monitor.stop());
  await monitor.start();
  return { bus, log, identity, endpoint, view, monitor, control };
}

function factsOf({ config, clock }: NodeOptions, identity: Identity, crypto: string, endpoint: Endpoint) {
  const { version, revision }: BuildInfo = readBuildInfo();
  return {
    peerId: identity.peerId,
    nickname: config.node.nickname,
    listen: endpoint.listen,
    version,
    revision,
    runtime: `deno ${Deno.version.deno}`,
    crypto,
    sockets: endpoint.sockets,
    startedAtMs: clock.epochMs(),
  };
}

/** A running node. */
export class WraithNode {
  readonly identity: Identity;
  readonly view: LiveNodeView;
  readonly endpoint: Endpoint;
  readonly bus: EventBus;
  readonly monitor: Monitor;
  /** Settles when the node has stopped and let go of everything. */
  readonly ended: Promise<void>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #live: LiveConfig;
  readonly #systemd: Systemd | null;
  readonly #resources: AsyncDisposableStack;
  readonly #end = Promise.withResolvers<void>();

  /** @param resources undo the parts, the last one started first. */
  constructor(options: NodeOptions, parts: Parts, resources: AsyncDisposableStack) {
    const { bus, view, monitor, control } = parts;
    this.identity = parts.identity;
    this.view = view;
    this.endpoint = parts.endpoint;
    this.bus = bus;
    this.monitor = monitor;
    this.ended = this.#end.promise;
    this.#clock = options.clock;
    this.#log = parts.log;
    this.#resources = resources;
    this.#live = new LiveConfig(options.config, options.reload, (config) => this.#apply(config), bus.emit);
    this.#systemd = connectSystemd(
      options.env,
      () => monitor.health.live().ok,
      (message) => bus.emit({ type: "node.notice", severity: "warn", component: "systemd", message }),
    );
    control?.addRoutes(statusRoutes(this));
    this.#announce();
  }

  /** The configuration in force. */
  get config(): Config {
    return this.#live.current;
  }

  /** Takes what changed in the configuration and can change live; opens the log's file again. */
  async reload(): Promise<ReloadOutcome> {
    this.#systemd?.reloading();
    const outcome = this.#live.reload();
    await this.#log.reopen();
    this.#systemd?.ready(this.#statusLine);
    return outcome;
  }

  /** Begins to stop: tells peers, writes what waits, closes. Idempotent; {@link ended} tells when it is done. */
  stop(cause: string): void {
    if (this.view.phase === "stopping") return;
    this.view.phase = "stopping";
    this.bus.emit({ type: "node.stopping", cause });
    this.#systemd?.stopping();
    const late = setTimeout(() => {
      const message = `stopping took longer than ${STOP_LIMIT_MS / 1_000} s: what was left is cut off`;
      this.bus.emit({ type: "node.error", errorType: "internal", component: "node", message });
      this.#end.resolve();
    }, STOP_LIMIT_MS);
    this.#close().then(this.#end.resolve, this.#end.reject).finally(() => clearTimeout(late));
  }

  async #close(): Promise<void> {
    // Peers first: probes and metrics stay up while sessions end.
    await this.endpoint.close();
    this.bus.emit({ type: "node.stopped", uptimeMs: this.#clock.epochMs() - this.view.facts.startedAtMs });
    await this.#systemd?.close();
    await this.#resources.disposeAsync();
  }

  #apply(config: Config): void {
    this.#log.setLevel(config.logging.level);
  }

  #announce(): void {
    const { peerId, listen, version, crypto, sockets } = this.view.facts;
    this.view.phase = "running";
    this.bus.emit({ type: "node.started", peerId, listen, version, crypto, sockets });
    this.#systemd?.ready(this.#statusLine);
  }

  get #statusLine(): string {
    return `Listening on udp ${this.view.facts.listen} as ${this.view.facts.peerId}`;
  }
}

/** Whoever stops a node is promised that it is gone within five seconds. */
const STOP_LIMIT_MS = 4_500;
