/**
 * The dashboards: one to begin with, one for each subsystem.
 *
 * @module
 */

import { DHT } from "./dashboards/dht.ts";
import { NODE } from "./dashboards/node.ts";
import { OVERVIEW } from "./dashboards/overview.ts";
import { SECURITY } from "./dashboards/security.ts";
import { TRANSFERS } from "./dashboards/transfers.ts";
import { TRANSPORT } from "./dashboards/transport.ts";
import type { DashboardSpec } from "./grafana_panel.ts";

export const DASHBOARDS: readonly DashboardSpec[] = [OVERVIEW, TRANSPORT, TRANSFERS, DHT, SECURITY, NODE];
