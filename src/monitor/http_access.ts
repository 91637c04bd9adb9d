/**
 * The bearer token and the certificate of the monitoring listener, read from their files.
 *
 * @module
 */

import { createHash, X509Certificate } from "node:crypto";
import { equalBytes } from "../bytes.ts";
import type { MonitoringConfig } from "../config/config.ts";

/** A token that can be compared without telling how much of it was right. */
export class BearerToken {
  readonly #digest: Uint8Array;

  constructor(token: string) {
    this.#digest = digestOf(token);
  }

  /** Whether `authorization` carries this token (RFC 6750 §2.1). Takes the same time for every wrong one. */
  matches(authorization: string | null): boolean {
    const given = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization ?? "");
    return given !== null && equalBytes(digestOf(given[1]), this.#digest);
  }
}

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAtMs: number;
}

/** The access rules that a configuration asks for. @throws {Error} naming the key and the file. */
export function readAccess(config: MonitoringConfig): { token: BearerToken | null; tls: TlsFiles | null } {
  return { token: config.tokenFile ? readToken(config.tokenFile) : null, tls: readTls(config) };
}

function readToken(path: string): BearerToken {
  const token = readFile("monitoring.token_file", path).trim();
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token)) {
    throw new Error(
      `monitoring.token_file ${path}: expected one line of letters, digits and -._~+/ (for example from "openssl rand -hex 32")`,
    );
  }
  return new BearerToken(token);
}

function readTls(config: MonitoringConfig): TlsFiles | null {
  if (!config.tlsCert && !config.tlsKey) return null;
  if (!config.tlsCert || !config.tlsKey) {
    const missing = config.tlsCert ? "tls_key" : "tls_cert";
    throw new Error(`monitoring.${missing}: set both tls_cert and tls_key, or neither`);
  }
  const cert = readFile("monitoring.tls_cert", config.tlsCert);
  const key = readFile("monitoring.tls_key", config.tlsKey);
  try {
    return { cert, key, expiresAtMs: Date.parse(new X509Certificate(cert).validTo) };
  } catch {
    throw new Error(`monitoring.tls_cert ${config.tlsCert}: expected a certificate in PEM form`);
  }
}

function readFile(key: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "no such file" : (error as Error).message;
    throw new Error(`${key} ${path}: cannot read it: ${why}`);
  }
}

function digestOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
