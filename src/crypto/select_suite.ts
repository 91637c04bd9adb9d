/**
 * The choice between portable and native cryptography, made once at start.
 *
 * @module
 */

import type { Backend } from "../config/config.ts";
import type { CipherSuite, NonceCipherSuite } from "./cipher_suite.ts";
import { loadNativeSuite } from "./native_suite.ts";
import { nobleSuite } from "./noble_suite.ts";
import { runtimeSuite } from "./runtime_suite.ts";
import { suiteFault } from "./suite_self_test.ts";

/** The suite a node runs on, and what to say about it. */
export interface SuiteChoice {
  readonly suite: CipherSuite;
  /** What is behind the suite, for `wraith doctor`: e.g. `OpenSSL 3.0.19 27 Jan 2026`. */
  readonly detail: string;
  /** One line for the log when a faster suite could not be used, else null. */
  readonly notice: string | null;
}

/** A suite that may turn out not to be there. */
export interface SuiteCandidate {
  readonly name: string;
  /** @throws {Error} with a message of one line when this machine has not what it takes. */
  load(): { readonly suite: NonceCipherSuite; readonly detail: string };
}

/**
 * The suite that `backend` asks for. `portable` is noble. `auto` is the fastest one that is there and proves
 * equal to noble; the worst case is noble, with a notice. `native` insists.
 *
 * @param candidates fastest first.
 * @throws {Error} when `native` is asked for and not to be had.
 */
export function selectSuite(
  backend: Backend,
  candidates: readonly SuiteCandidate[] = CANDIDATES,
): SuiteChoice {
  if (backend === "portable") return { suite: nobleSuite, detail: PORTABLE_DETAIL, notice: null };
  const refused: string[] = [];
  for (const candidate of candidates) {
    const attempt = proven(candidate);
    const notice = refused.length === 0 ? null : `${refused.join("; ")}: using the suite ${candidate.name}`;
    if ("suite" in attempt) return { ...attempt, notice };
    refused.push(`no ${candidate.name} cryptography: ${attempt.refusal}`);
    if (backend === "native") {
      throw new Error(
        `Cannot use native cryptography: ${attempt.refusal}; set crypto.backend to "auto" to do without it`,
      );
    }
  }
  return {
    suite: nobleSuite,
    detail: PORTABLE_DETAIL,
    notice: `${refused.join("; ")}: using the suite noble`,
  };
}

function proven(
  candidate: SuiteCandidate,
): { readonly suite: NonceCipherSuite; readonly detail: string } | { readonly refusal: string } {
  try {
    const loaded = candidate.load();
    const fault = suiteFault(loaded.suite);
    return fault === null ? loaded : { refusal: `its self-test failed: ${fault}` };
  } catch (error) {
    return { refusal: error instanceof Error ? error.message : String(error) };
  }
}

const PORTABLE_DETAIL = "noble (JavaScript)";

const CANDIDATES: readonly SuiteCandidate[] = [
  {
    name: "native",
    load() {
      const { suite, library } = loadNativeSuite();
      return { suite, detail: `${library}, Deno ${Deno.version.deno}` };
    },
  },
  { name: "runtime", load: () => ({ suite: runtimeSuite(), detail: `Deno ${Deno.version.deno}` }) },
];
