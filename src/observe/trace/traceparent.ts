/**
 * The W3C trace context header (Trace Context, level 1, section 3.2), as it travels inside an OFFER.
 *
 * @module
 */

/** A span somewhere, known by its numbers. */
export interface RemoteSpan {
  /** 32 hex digits, not all zero. */
  readonly traceId: string;
  /** 16 hex digits, not all zero. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** The span that `text` names; null when it is malformed: a peer may send anything. */
export function parseTraceparent(text: string): RemoteSpan | null {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(text);
  if (!match) return null;
  const [, version, traceId, spanId, flags, more] = match;
  // Version ff is forbidden; version 00 has exactly four parts, later ones may have more.
  if (version === "ff" || (version === "00" && more !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, isSampled: (parseInt(flags, 16) & 1) === 1 };
}

/** The header that names `span`. */
export function formatTraceparent(span: RemoteSpan): string {
  return `00-${span.traceId}-${span.spanId}-${span.isSampled ? "01" : "00"}`;
}
