/**
 * A running node: the parts together, reload, and the end.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { PeerAddress } from "../config/peer_address.ts";
import type { Monitor } from "../monitor/monitor.ts";
import { connectSystemd, type Systemd } from "../monitor/systemd.ts";
import type { TransferService } from "../transfer/mod.ts";
import { banRoutes } from "./control_bans.ts";
import { captureRoutes } from "./control_capture.ts";
import { dhtRoutes } from "./control_dht.ts";
import { logRoutes } from "./control_log.ts";
import { profileRoutes } from "./control_profile.ts";
import { sampleRoutes } from "./control_sample.ts";
import { statusRoutes } from "./control_status.ts";
import { shareRoutes } from "./control_shares.ts";
import { transferRoutes } from "./control_transfers.ts";
import { captureSource } from "./capture/source.ts";
import type { LiveNodeView } from "./live_node_view.ts";
import { fleetOf, type NodeParts, type PartsOptions, startParts } from "./node_parts.ts";
import { LiveConfig, type ReloadOutcome } from "./reload.ts";
import type { NodeShares } from "./share_part.ts";
import type { Session } from "./session.ts";

/** What a node is made of. */
export interface NodeOptions extends PartsOptions {
  /** Loads the configuration again. */
  readonly reload: () => LoadedConfig;
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

export class WraithNode {
  readonly transfers: TransferService;
  readonly shares: NodeShares;
  readonly view: LiveNodeView;
  readonly monitor: Monitor;
  /** Settles when the node has stopped and let go of everything. */
  readonly ended: Promise<void>;
  readonly #parts: NodeParts;
  readonly #clock: Clock;
  readonly #live: LiveConfig;
  readonly #systemd: Systemd | null;
  readonly #resources: AsyncDisposableStack;
  readonly #end = Promise.withResolvers<void>();

  /** @param resources undo the parts, the last one started first. */
  constructor(options: NodeOptions, parts: NodeParts, resources: AsyncDisposableStack) {
    const { bus, view, monitor, pulse, control } = parts;
    this.transfers = parts.transfers;
    this.shares = parts.shares;
    this.view = view;
    this.monitor = monitor;
    this.ended = this.#end.promise;
    this.#parts = parts;
    this.#clock = options.clock;
    this.#resources = resources;
    this.#live = new LiveConfig(options.config, options.reload, (config) => this.#apply(config), bus.emit);
    this.#systemd = options.role === "daemon"
      ? connectSystemd(
        options.env,
        () => monitor.health.live().ok,
        (message) => bus.emit({ type: "node.notice", severity: "warn", component: "systemd", message }),
      )
      : null;
    control?.addRoutes([
      ...statusRoutes(this, bus.emit),
      ...transferRoutes(this, bus.emit),
      ...shareRoutes(parts.shares, bus.emit),
      ...dhtRoutes(parts.dht),
      ...banRoutes(parts.observers.detector, bus.emit),
      ...logRoutes(parts.observers.verbosity, bus.emit),
      ...sampleRoutes(pulse),
      ...profileRoutes(bus.emit),
      ...captureRoutes(captureSource(parts.network, parts.observers), options.clock, bus.emit),
    ]);
    this.#announce();
  }

  /** The configuration in force. */
  get config(): Config {
    return this.#live.current;
  }

  /** A session with that peer: the one there is, or a new one. */
  reach(peer: PeerAddress, signal: AbortSignal): Promise<Session> {
    return this.#parts.reach(peer, signal);
  }

  /** Takes what changed in the configuration and can change live; opens log and audit again. */
  async reload(): Promise<ReloadOutcome> {
    this.#systemd?.reloading();
    const outcome = this.#live.reload();
    await this.#parts.observers.reopen();
    this.#systemd?.ready(this.#statusLine);
    return outcome;
  }

  /** Begins to stop: tells peers, writes what waits, closes. Idempotent; {@link ended} tells when it is done. */
  stop(cause: string): void {
    if (this.view.phase === "stopping") return;
    this.view.phase = "stopping";
    const { bus } = this.#parts;
    bus.emit({ type: "node.stopping", cause });
    this.#systemd?.stopping();
    const late = setTimeout(() => {
      const message = `stopping took longer than ${STOP_LIMIT_MS / 1_000} s: what was left is cut off`;
      bus.emit({ type: "node.error", errorType: "internal", component: "node", message });
      this.#end.resolve();
    }, STOP_LIMIT_MS);
    this.#close().then(this.#end.resolve, this.#end.reject).finally(() => clearTimeout(late));
  }

  /** Something went wrong that nobody expected: says what and where, and stops, for whoever supervises to restart. */
  fail(error: unknown): void {
    const stack = error instanceof Error ? error.stack ?? error.message : String(error);
    const message = `internal error: ${stack.replace(/\s*\n\s*/g, " ")}`;
    this.#parts.bus.emit({ type: "node.error", errorType: "internal", component: "node", message });
    this.stop("internal error");
  }

  async #close(): Promise<void> {
    const { transfers, shares, dht, network, bus, view } = this.#parts;
    // What peers see first: probes and metrics stay up while transfers come to rest and sessions end.
    await transfers.stop();
    shares.stop();
    await dht?.stop();
    await network.close();
    bus.emit({ type: "node.stopped", uptimeMs: this.#clock.epochMs() - view.facts.startedAtMs });
    await this.#systemd?.close();
    await this.#resources.disposeAsync();
  }

  #apply(config: Config): void {
    this.#parts.observers.configure(config);
    this.transfers.updateSettings(config.transfer);
    this.monitor.setFleet(fleetOf(config));
    this.monitor.health.requireDhtPeers(config.monitoring.readyMinDhtPeers);
  }

  #announce(): void {
    const { peerId, listen, version, crypto, sockets } = this.view.facts;
    this.view.phase = "running";
    this.#parts.bus.emit({ type: "node.started", peerId, listen, version, crypto, sockets });
    this.#systemd?.ready(this.#statusLine);
  }

  get #statusLine(): string {
    return `Listening on udp ${this.view.facts.listen} as ${this.view.facts.peerId}`;
  }
}

/** Whoever stops a node is promised that it is gone within five seconds. */
const STOP_LIMIT_MS = 4_500;
