/**
 * Taking a changed configuration while the node runs.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { diffConfigs, withLiveKeys } from "../config/diff.ts";
import { ConfigError, type LoadedConfig } from "../config/load.ts";
import type { EmitEvent } from "../observe/events.ts";

/** What a reload did. */
export interface ReloadOutcome {
  /** Keys that changed and are in force. */
  readonly applied: readonly string[];
  /** Keys that changed and wait for a restart. */
  readonly needRestart: readonly string[];
  /** Why nothing was taken, or null. */
  readonly error: string | null;
}

/** The configuration that a node runs under, and how it changes. */
export class LiveConfig {
  readonly #read: () => LoadedConfig;
  readonly #apply: (config: Config) => void;
  readonly #emit: EmitEvent;
  #current: Config;

  /**
   * @param read loads the configuration again, from the same sources. May throw {@link ConfigError}.
   * @param apply hands the new values to what reads them live.
   */
  constructor(current: Config, read: () => LoadedConfig, apply: (config: Config) => void, emit: EmitEvent) {
    this.#current = current;
    this.#read = read;
    this.#apply = apply;
    this.#emit = emit;
  }

  get current(): Config {
    return this.#current;
  }

  /** Takes what can change live. A configuration with a mistake changes nothing. */
  reload(): ReloadOutcome {
    let after: Config;
    try {
      after = this.#read().config;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#emit({ type: "config.reload_failed", message: error.message });
      return { applied: [], needRestart: [], error: error.message };
    }
    const { live: applied, needRestart } = diffConfigs(this.#current, after);
    this.#current = withLiveKeys(this.#current, after);
    this.#apply(this.#current);
    this.#emit({ type: "config.reloaded", applied, needRestart });
    return { applied, needRestart, error: null };
  }
}
