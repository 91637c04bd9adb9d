/**
 * How a process ends: asked politely once, at once the second time.
 *
 * @module
 */

/** Someone asked the process to end. */
export class Interruption extends Error {
  override readonly name = "Interruption";

  /** @param signalName `SIGINT` or `SIGTERM`. */
  constructor(readonly signalName: string) {
    super(`interrupted by ${signalName}`);
  }
}

/** The signals that end the process, as an {@link AbortSignal}. */
export interface EndSignals extends Disposable {
  /** Aborts at the first signal; `reason` is an {@link Interruption}. */
  readonly signal: AbortSignal;
}

/**
 * Listens for SIGINT and SIGTERM (SIGINT and Ctrl-Break on Windows). A second one calls `exitAtOnce` with the
 * shell's exit code for that signal: whoever presses Ctrl-C twice wants the process gone.
 */
export function listenForEnd(exitAtOnce: (exitCode: number) => void): EndSignals {
  const controller = new AbortController();
  const listeners = Object.entries(END_SIGNALS).map(([name, exitCode]) => {
    const listener = () => {
      if (controller.signal.aborted) exitAtOnce(exitCode);
      else controller.abort(new Interruption(name));
    };
    return [name as Deno.Signal, listener] as const;
  });
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
    },
  };
}

/** Calls `reload` at every SIGHUP until disposed. Windows has none. */
export function listenForReload(reload: () => void): Disposable {
  if (Deno.build.os === "windows") return { [Symbol.dispose]: () => {} };
  Deno.addSignalListener("SIGHUP", reload);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", reload) };
}

/**
 * Hands errors that nobody caught to `onFault`, instead of the runtime's sudden end: peers should still be told, and
 * logs written.
 */
export function listenForFaults(onFault: (error: unknown) => void): Disposable {
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    onFault(event.reason);
  };
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    onFault(event.error ?? event.message);
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  return {
    [Symbol.dispose]: () => {
      globalThis.removeEventListener("unhandledrejection", onRejection);
      globalThis.removeEventListener("error", onError);
    },
  };
}

const END_SIGNALS: Readonly<Record<string, number>> = Deno.build.os === "windows"
  ? { SIGINT: 130, SIGBREAK: 130 }
  : { SIGINT: 130, SIGTERM: 143 };
