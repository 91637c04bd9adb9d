/**
 * Tells systemd what the node is doing: the sd_notify protocol over `NOTIFY_SOCKET`.
 *
 * @module
 */

import { monotonicMicroseconds } from "./linux_facts.ts";

/** Where notifications go; a test replaces it. */
export interface NotifySocket {
  send(message: string): Promise<void>;
  close(): void;
}

/** The environment variables that systemd sets. */
export interface SystemdEnvironment {
  get(name: string): string | undefined;
}

/** The service manager's end of one unit. */
export class Systemd {
  readonly #socket: NotifySocket;
  readonly #watchdogIntervalMs: number | null;
  readonly #isAlive: () => boolean;
  readonly #onFirstFailure: (reason: string) => void;
  #watchdog: ReturnType<typeof setInterval> | null = null;
  #lastSend: Promise<void> = Promise.resolve();
  #failures = 0;

  /** @param watchdogIntervalMs How often to send WATCHDOG=1 while `isAlive`; null for never. */
  constructor(
    socket: NotifySocket,
    watchdogIntervalMs: number | null,
    isAlive: () => boolean,
    onFirstFailure: (reason: string) => void,
  ) {
    this.#socket = socket;
    this.#onFirstFailure = onFirstFailure;
    this.#watchdogIntervalMs = watchdogIntervalMs;
    this.#isAlive = isAlive;
  }

  /** Notifications that could not be sent. */
  get failures(): number {
    return this.#failures;
  }

  /** The sockets are bound: units ordered after this one may start, and the watchdog begins. */
  ready(status: string): void {
    this.#notify(`READY=1\nSTATUS=${oneLine(status)}`);
    if (this.#watchdogIntervalMs === null || this.#watchdog !== null) return;
    // A stalled loop sends nothing by itself; a loop that only just turns again says nothing either.
    this.#watchdog = setInterval(
      () => this.#isAlive() && this.#notify("WATCHDOG=1"),
      this.#watchdogIntervalMs,
    );
  }

  /** One line for `systemctl status`. */
  status(text: string): void {
    this.#notify(`STATUS=${oneLine(text)}`);
  }

  /** The configuration is being read again; {@link ready} must follow. */
  reloading(): void {
    // Type=notify-reload ignores a RELOADING without the time it was sent (sd_notify(3)).
    const now = monotonicMicroseconds();
    this.#notify(now === null ? "RELOADING=1" : `RELOADING=1\nMONOTONIC_USEC=${now}`);
  }

  /** The node has begun to stop. */
  stopping(): void {
    this.#stopWatchdog();
    this.#notify("STOPPING=1\nSTATUS=Stopping");
  }

  /** Sends what is under way and lets the socket go. */
  async close(): Promise<void> {
    this.#stopWatchdog();
    await this.#lastSend;
    this.#socket.close();
  }

  #stopWatchdog(): void {
    if (this.#watchdog !== null) clearInterval(this.#watchdog);
    this.#watchdog = null;
  }

  #notify(message: string): void {
    // In order, and never failing its caller: a node that cannot notify still works.
    this.#lastSend = this.#lastSend.then(() => this.#socket.send(message)).catch((error) => {
      if (this.#failures++ === 0) {
        this.#onFirstFailure(error instanceof Error ? error.message : String(error));
      }
    });
  }
}

/**
 * Connects to the service manager that `env` names; null when none does or it cannot be reached. Whatever
 * fails, now or at the first notification, is told once to `warn`, for people.
 */
export function connectSystemd(
  env: SystemdEnvironment,
  isAlive: () => boolean,
  warn: (message: string) => void,
): Systemd | null {
  const address = env.get("NOTIFY_SOCKET");
  if (!address) return null;
  const warnAbout = (reason: string) => {
    const hint = address.startsWith("@") ? " (this build cannot reach abstract sockets)" : "";
    warn(`Cannot notify systemd at ${address}: ${reason}${hint}; set Type=exec in the unit to do without`);
  };
  try {
    return new Systemd(openSocket(address), watchdogIntervalMs(env), isAlive, warnAbout);
  } catch (error) {
    warnAbout(error instanceof Error ? error.message : String(error));
    return null;
  }
}

/** Half of the time that systemd waits (sd_watchdog_enabled(3)); null when it does not, or not for this process. */
export function watchdogIntervalMs(env: SystemdEnvironment): number | null {
  const timeoutMs = Number(env.get("WATCHDOG_USEC")) / 1000;
  const pid = env.get("WATCHDOG_PID");
  if (!(timeoutMs > 0) || (pid !== undefined && Number(pid) !== Deno.pid)) return null;
  return timeoutMs / 2;
}

function openSocket(address: string): NotifySocket {
  // An abstract name is spelled with @ in the environment and begins with a zero byte in the kernel.
  const path = address.startsWith("@") ? `\0${address.slice(1)}` : address;
  if (!address.startsWith("@") && !address.startsWith("/")) throw new TypeError("not a Unix socket");
  const folder = Deno.makeTempDirSync({ prefix: "wraith-notify-" });
  try {
    const socket = Deno.listenDatagram({ transport: "unixpacket", path: `${folder}/socket` });
    return {
      async send(message) {
        await socket.send(new TextEncoder().encode(message), { transport: "unixpacket", path });
      },
      close() {
        socket.close();
        Deno.removeSync(folder, { recursive: true });
      },
    };
  } catch (error) {
    Deno.removeSync(folder, { recursive: true });
    throw error;
  }
}

/** A line break would begin another assignment. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, " ");
}
