/**
 * The monitoring of one node: metrics fed by its event stream and its counters, health, and the listener
 * that shows both.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import type { MonitoringConfig } from "../config/config.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { EventBus } from "../observe/event_bus.ts";
import { EventMetrics, type ExemplarSource } from "./event_metrics.ts";
import { type ExpositionFormat, writeExposition } from "./exposition.ts";
import { Health } from "./health.ts";
import { healthResponse } from "./health_response.ts";
import type { MonitorRoute } from "./http_route.ts";
import { MonitorBindError, MonitorServer } from "./http_server.ts";
import { metricsRoute } from "./metrics_route.ts";
import type { NodeView } from "./node_view.ts";
import { type ProcessFacts, systemProcessFacts } from "./process_facts.ts";
import { type Family, MetricRegistry } from "./registry.ts";
import { runbooksRoute } from "./runbooks_route.ts";
import { Sampler } from "./sampler.ts";
import { serviceDiscoveryRoute } from "./service_discovery.ts";
import { readFacts, readSnapshot } from "./snapshot_metrics.ts";

export interface MonitorOptions {
  readonly view: NodeView;
  readonly bus: EventBus;
  readonly config: MonitoringConfig;
  readonly clock?: Clock;
  /** Ties observations to traces; none by default. */
  readonly exemplarOf?: ExemplarSource;
  readonly processFacts?: ProcessFacts;
}

/** What the node holds of its monitoring. */
export interface Monitor {
  readonly health: Health;
  /** Where the listener is; null while it is off or not bound. */
  readonly url: string | null;
  /** Adds a page to the listener. */
  addRoute(route: MonitorRoute): void;
  /**
   * Starts the heartbeat and the samples and, when `monitoring.enabled`, binds the listener.
   *
   * @throws {MonitorBindError} when the port cannot be bound and `monitoring.required`; otherwise binding
   * is tried again until it works or the monitor stops.
   */
  start(): Promise<void>;
  /** From now on `/sd` names these peers where it knows their address, besides nobody unless `sd_peers` is `all`. */
  setFleet(peers: Iterable<PeerId>): void;
  /** The exposition as it is now, for `wraith metrics` and tests. */
  render(format?: ExpositionFormat): Promise<string>;
  /** Every metric as it is now. */
  collect(): Promise<readonly Family[]>;
  /** Closes the listener and ends every timer. */
  stop(): Promise<void>;
}

/**
 * Builds the monitoring of a node. It counts events from now on; nothing is bound before `start`.
 *
 * @throws {Error} when the token or certificate files named in `config` cannot be used.
 */
export function createMonitor(options: MonitorOptions): Monitor {
  return new NodeMonitor(options);
}

class NodeMonitor implements Monitor {
  readonly health: Health;
  readonly #view: NodeView;
  readonly #bus: EventBus;
  readonly #config: MonitoringConfig;
  readonly #clock: Clock;
  readonly #registry = new MetricRegistry();
  readonly #sampler: Sampler;
  readonly #server: MonitorServer;
  readonly #unsubscribe: () => void;
  #sampleTimer: ReturnType<typeof setInterval> | null = null;
  #retryTimer: ReturnType<typeof setTimeout> | null = null;
  #hasStarted = false;
  #fleet: ReadonlySet<PeerId> = new Set();

  constructor(options: MonitorOptions) {
    const { view, bus, config, clock = systemClock, exemplarOf = () => null } = options;
    const { metrics } = this.#registry;
    this.#view = view;
    this.#bus = bus;
    this.#config = config;
    this.#clock = clock;
    this.health = new Health(
      view,
      clock,
      config.readyMinDhtPeers,
      (lagMs) => metrics.eventLoopLag.observe({}, lagMs / 1000),
    );
    this.#sampler = new Sampler(view, metrics, options.processFacts ?? systemProcessFacts, clock);
    this.#server = new MonitorServer(config, this.health);
    this.#addOwnRoutes();
    const eventMetrics = new EventMetrics(metrics, exemplarOf);
    this.#unsubscribe = bus.subscribe((event) => {
      eventMetrics.count(event);
      if (event.type === "node.stopping") this.health.stopping();
    });
  }

  get url(): string | null {
    return this.#server.url;
  }

  addRoute(route: MonitorRoute): void {
    this.#server.addRoute(route);
  }

  setFleet(peers: Iterable<PeerId>): void {
    this.#fleet = new Set(peers);
  }

  start(): Promise<void> {
    readFacts(this.#view, this.#registry.metrics);
    this.#hasStarted = true;
    this.#sampler.sample();
    const expiresAtMs = this.#server.certificateExpiresAtMs;
    if (expiresAtMs !== null) this.#registry.metrics.certificateExpiry.set({}, expiresAtMs / 1000);
    try {
      if (this.#config.enabled) this.#bind(FIRST_RETRY_MS);
    } catch (error) {
      return Promise.reject(error);
    }
    this.health.heartbeat.start();
    this.#sampleTimer = setInterval(() => this.#sampler.sample(), this.#config.updateIntervalMs);
    return Promise.resolve();
  }

  async render(format: ExpositionFormat = "text"): Promise<string> {
    const startedAt = this.#clock.now();
    const text = writeExposition(await this.collect(), format);
    this.#registry.metrics.scrapeDuration.observe({}, (this.#clock.now() - startedAt) / 1000);
    return text;
  }

  async collect(): Promise<readonly Family[]> {
    const { metrics } = this.#registry;
    if (!this.#hasStarted) readFacts(this.#view, metrics);
    readSnapshot(this.#view, metrics);
    metrics.subscriberFailures.follow({}, this.#bus.subscriberFailures);
    const ready = this.health.ready();
    metrics.ready.set({}, ready.ok ? 1 : 0);
    for (const check of ready.checks) metrics.checkPassing.set({ check: check.name }, check.passing ? 1 : 0);
    for (const [family, series] of this.#registry.seriesCounts()) {
      metrics.metricsSeries.set({ family }, series);
    }
    return await this.#registry.families();
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.health.heartbeat.stop();
    if (this.#sampleTimer !== null) clearInterval(this.#sampleTimer);
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    await this.#server.close();
  }

  #addOwnRoutes(): void {
    const { metricsPath, prometheusPort } = this.#config;
    this.addRoute(metricsRoute(metricsPath, (format) => this.render(format)));
    const probes = {
      "/healthz": () => this.health.live(),
      "/livez": () => this.health.live(),
      "/-/healthy": () => this.health.live(),
      "/readyz": () => this.health.ready(),
      "/-/ready": () => this.health.ready(),
      "/startupz": () => this.health.started(),
    };
    for (const [path, judge] of Object.entries(probes)) {
      // The kubelet cannot authenticate, so probes stay open whatever the metrics need.
      this.addRoute({
        path,
        access: "open",
        handle: (request) => healthResponse(request, judge(), this.#view, this.#uptimeMs()),
      });
    }
    this.addRoute(runbooksRoute());
    const { sdPeers, sdPort, tlsCert } = this.#config;
    const ownPort = () => this.#server.port ?? prometheusPort;
    this.addRoute(serviceDiscoveryRoute({
      view: this.#view,
      metricsPath,
      scheme: tlsCert ? "https" : "http",
      ownPort,
      peerPort: () => sdPort === 0 ? ownPort() : sdPort,
      isOfFleet: (peerId) => sdPeers === "all" || this.#fleet.has(peerId),
    }));
  }

  #uptimeMs(): number {
    return this.#clock.epochMs() - this.#view.facts.startedAtMs;
  }

  #bind(retryInMs: number): void {
    try {
      this.#server.listen();
      const warning = this.#server.exposureWarning;
      if (warning) this.#notice("warn", warning);
    } catch (error) {
      if (this.#config.required || !(error instanceof MonitorBindError)) throw error;
      this.#registry.metrics.bindFailures.inc({});
      this.#notice("warn", `${error.message}; trying again in ${retryInMs / 1000} s`);
      this.#retryTimer = setTimeout(() => this.#bind(Math.min(2 * retryInMs, LAST_RETRY_MS)), retryInMs);
    }
  }

  #notice(severity: "info" | "warn", message: string): void {
    this.#bus.emit({ type: "node.notice", severity, component: "monitoring", message });
  }
}

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
