/**
 * Where a datagram comes from or goes to.
 *
 * @module
 */

/**
 * One UDP address. Sockets intern the addresses they report: the same remote is the same object for as long
 * as the socket's bounded table remembers it, so comparing references is a fast path, {@link Address.text}
 * the truth.
 */
export interface Address {
  readonly family: 4 | 6;
  /** Canonical text: dotted quad, or RFC 5952 without brackets. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: number;
  /** `192.0.2.10:41641` or `[2001:db8::1]:41641`: canonical, equal exactly when the addresses are. */
  readonly text: string;
}
