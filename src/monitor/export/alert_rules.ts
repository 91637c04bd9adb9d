/**
 * The alerts beside the specification's, most urgent subject first.
 *
 * @module
 */

import type { AlertRule } from "./alert_rule.ts";
import { NETWORK_ALERTS } from "./network_alerts.ts";
import { NODE_ALERTS } from "./node_alerts.ts";
import { TRANSFER_ALERTS } from "./transfer_alerts.ts";
import { VIEW_ALERTS } from "./view_alerts.ts";

export { RECORDING_RULES } from "./transfer_alerts.ts";

export const ALERT_RULES: readonly AlertRule[] = [
  ...NODE_ALERTS,
  ...NETWORK_ALERTS,
  ...TRANSFER_ALERTS,
  ...VIEW_ALERTS,
];
