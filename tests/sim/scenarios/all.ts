import type { Scenario } from "../scenario.ts";
import { CONGESTION } from "./congestion.ts";
import { HANDSHAKES } from "./handshakes.ts";
import { TRANSFERS } from "./transfers.ts";

/** Every named scenario, in the order of the table in docs/transport_scenarios.md. */
export const SCENARIOS: readonly Scenario[] = [...HANDSHAKES, ...TRANSFERS, ...CONGESTION];
