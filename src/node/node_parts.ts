/**
 * The parts of a node, started in the order in which they need each other.
 *
 * @module
 */

import { readBuildInfo } from "../build_info.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { PeerAddress } from "../config/peer_address.ts";
import { selectSuite } from "../crypto/select_suite.ts";
import type { DhtService } from "../dht/dht_service.ts";
import type { Entropy } from "../entropy.ts";
import { createMonitor, type Monitor } from "../monitor/monitor.ts";
import type { NodeFacts } from "../monitor/node_view.ts";
import { statusRoutes } from "../monitor/page/status_routes.ts";
import { Pulse } from "../monitor/pulse.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import { EventBus } from "../observe/event_bus.ts";
import { createLog, tracedSuite } from "../observe/log/mod.ts";
import { FileStorage, systemTimers, type TraceContext, TransferService } from "../transfer/mod.ts";
import { STREAM_TYPES } from "../wire/codes.ts";
import { type ControlServer, serveControl } from "./control_server.ts";
import { openDataDir } from "./data_dir.ts";
import { createDht } from "./dht_part.ts";
import { type Identity, openIdentity } from "./identity.ts";
import { LiveNodeView } from "./live_node_view.ts";
import { Meeting } from "./meeting.ts";
import { Network } from "./network.ts";
import { Observers } from "./observers.ts";
import { reachPeer } from "./reach.ts";
import type { Session } from "./session.ts";
import { SharedAttempts } from "./shared_attempts.ts";
import { SendWatch } from "./send_watch.ts";
import { createShares, type NodeShares } from "./share_part.ts";

export interface PartsOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly env: { get(name: string): string | undefined };
  /** A private node lives as long as one command: it has no control socket and claims no data directory. */
  readonly role: "daemon" | "private";
  /** Writes no log. */
  readonly isSilent?: boolean;
}

/** What {@link startParts} made, each part ready to use. */
export interface NodeParts {
  readonly bus: EventBus;
  readonly identity: Identity;
  readonly observers: Observers;
  readonly network: Network;
  readonly transfers: TransferService;
  readonly shares: NodeShares;
  readonly dht: DhtService | null;
  /** A session with that peer: the one there is, or a new one, which all share who ask meanwhile. */
  readonly reach: (peer: PeerAddress, signal: AbortSignal) => Promise<Session>;
  readonly view: LiveNodeView;
  readonly monitor: Monitor;
  readonly pulse: Pulse;
  /** Null for a private node, and where there are no Unix sockets. */
  readonly control: ControlServer | null;
}

/**
 * Starts all parts; `undo` learns how to undo each.
 *
 * @throws an error whose message is one line for people.
 */
export async function startParts(options: PartsOptions, undo: AsyncDisposableStack): Promise<NodeParts> {
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

  const { suite: chosenSuite, notice } = selectSuite(config.crypto.backend);
  const suite = tracedSuite(chosenSuite, log);
  if (notice) bus.emit({ type: "node.notice", severity: "info", component: "crypto", message: notice });
  const { identity, created } = await openIdentity(config.node.identityFile, suite, entropy);

  const datagramsDropped = () =>
    Object.values(network.counters.packetsDropped).reduce((sum, n) => sum + n, 0);
  const { version } = readBuildInfo();
  const observers = new Observers({
    config,
    bus,
    clock,
    entropy,
    log,
    identity,
    suite,
    isAuditor: options.role === "daemon",
    version,
    datagramsDropped,
  });
  undo.use(observers.verbosity);
  await observers.tracing.start();
  undo.defer(() => observers.tracing.stop());
  await observers.audit.start();
  undo.defer(() => observers.audit.stop());
  // Not before there is an audit trail to put it down.
  const path = config.node.identityFile;
  if (created) bus.emit({ type: "identity.created", peerId: identity.peerId, path });

  const network = await Network.open({
    config,
    identity,
    suite,
    clock,
    entropy,
    bus,
    agent: `wraith/${version}`,
    isBanned: (address) => observers.detector.bans.isBanned(address.text),
  });
  undo.defer(() => network.close());
  observers.dumpPackets(network.driver);

  const transfers = createTransfers(options, bus, network, observers.tracing);
  undo.defer(() => transfers.stop());
  const keepsContacts = options.role === "daemon";
  const meeting = new Meeting({ config, self: identity.peerId, clock, entropy, bus, network });
  undo.defer(() => meeting.stop());
  const dht = createDht({ config, identity, suite, clock, entropy, bus, network, meeting, keepsContacts });

  const attempts = new SharedAttempts<Session>();
  const reach: NodeParts["reach"] = (peer, signal) =>
    attempts.join(
      `${peer.peerId}@${peer.address}`,
      signal,
      (whileWanted) => reachPeer(network, dht, peer, whileWanted, meeting),
    );

  const shares = createShares({
    dataDir: config.node.dataDir,
    entropy,
    bus,
    network,
    transfers,
    dht,
    reach,
  });
  undo.defer(() => shares.stop());

  const facts = factsOf(options, identity, suite.name, network);
  const view = new LiveNodeView({ facts, network, transfers, dht, observers });
  const monitor = createMonitor({
    view,
    bus,
    config: config.monitoring,
    clock,
    exemplarOf: (event) => observers.tracing.spanOf(event) ?? null,
  });
  monitor.setFleet(fleetOf(config));
  undo.defer(() => monitor.stop());
  const pulse = new Pulse({ view, health: monitor.health, bus, clock });
  undo.defer(() => pulse.stop());
  pulse.start();
  for (const route of statusRoutes(pulse)) monitor.addRoute(route);
  await monitor.start();
  observers.detector.start();
  undo.defer(() => observers.detector.stop());

  const sendWatch = undo.use(new SendWatch(() => network.sendCounts, clock, bus.emit));
  sendWatch.start();
  network.start();
  if (options.role === "daemon") transfers.start();
  await dht?.start();
  undo.defer(() => dht?.stop());
  // What a command's own node shared would be gone with the command.
  if (options.role === "daemon") await shares.start();
  return {
    bus,
    identity,
    observers,
    network,
    transfers,
    shares,
    dht,
    reach,
    view,
    monitor,
    pulse,
    control,
  };
}

/** The peers that the operator has named: those whose files are taken, and those to join through. */
export function fleetOf({ transfer, dht }: Config): PeerId[] {
  return [...transfer.knownPeers, ...dht.bootstrap.map(({ peerId }) => peerId)];
}

function createTransfers(
  { config, clock, entropy }: PartsOptions,
  bus: EventBus,
  network: Network,
  trace: TraceContext,
): TransferService {
  const transfers = new TransferService({
    settings: config.transfer,
    storage: new FileStorage(),
    clock,
    timers: systemTimers,
    entropy,
    emit: bus.emit,
    trace,
  });
  network.onStream(
    STREAM_TYPES.transfer,
    (session, stream) => void transfers.handleIncoming(session, stream),
  );
  return transfers;
}

function factsOf(
  { config, clock }: PartsOptions,
  identity: Identity,
  crypto: string,
  network: Network,
): NodeFacts {
  return {
    ...readBuildInfo(),
    peerId: identity.peerId,
    nickname: config.node.nickname,
    listen: network.listen,
    runtime: `deno ${Deno.version.deno}`,
    crypto,
    sockets: network.sockets,
    startedAtMs: clock.epochMs(),
  };
}
