/**
 * When an open connection wants to be woken, and for what: read off its parts, not kept beside them.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import type { ConnectionParts } from "./connection_parts.ts";
import { REJECT_AFTER_MS } from "./packet_keys.ts";
import { REKEY_AFTER_MS, REKEY_AFTER_PACKETS, RESPONDER_GRACE_MS } from "./rekey.ts";
import { Timer, type Timers } from "./timers.ts";

/** What the parts do not know. */
export interface ConnectionActivity {
  readonly isInitiator: boolean;
  readonly idleTimeoutMs: number;
  readonly keepaliveIntervalMs: number;
  /** Something asks for the session to stay up though no stream is open. */
  readonly keepaliveWanted: boolean;
  readonly pingDue: boolean;
  readonly lastReceivedAt: Instant;
  /** The last packet in either direction. */
  readonly lastActivityAt: Instant;
}

/** Arms every timer that follows from the parts' state. Closing, key discard and pacing are set where they begin. */
export function armDeadlines(timers: Timers, parts: ConnectionParts, activity: ConnectionActivity): void {
  const { recovery, received, path, mtu } = parts;
  timers.set(Timer.Recovery, recovery.deadline);
  timers.set(Timer.Ack, received.deadline);
  timers.set(Timer.PathValidation, path.deadline);
  timers.set(Timer.MtuSearch, mtu.deadline);
  timers.set(Timer.Idle, idleDeadline(parts, activity));
  timers.set(Timer.Keepalive, keepaliveDeadline(parts, activity));
  timers.set(Timer.KeyExpiry, parts.keys.ageDeadline(REJECT_AFTER_MS));
  timers.set(Timer.Rekey, rekeyDeadline(parts, activity.isInitiator));
}

/** Never below three probe timeouts, so that a lost packet or two do not end a session (RFC 9000 §10.1). */
function idleDeadline({ recovery }: ConnectionParts, activity: ConnectionActivity): Instant {
  const probesMs = 3 * recovery.rtt.probeTimeoutMs(recovery.peerMaxAckDelayMs);
  return later(activity.lastReceivedAt, Math.max(activity.idleTimeoutMs, probesMs));
}

function keepaliveDeadline({ streams }: ConnectionParts, activity: ConnectionActivity): Instant | null {
  const wanted = activity.keepaliveWanted || streams.openCount > 0;
  if (!wanted || activity.pingDue) return null;
  return later(activity.lastActivityAt, activity.keepaliveIntervalMs);
}

function rekeyDeadline({ keys, rekey }: ConnectionParts, isInitiator: boolean): Instant | null {
  if (rekey.isUnderWay) return null;
  if (keys.packetsSealed >= REKEY_AFTER_PACKETS) return keys.installedAt;
  return keys.ageDeadline(isInitiator ? REKEY_AFTER_MS : REKEY_AFTER_MS + RESPONDER_GRACE_MS);
}
