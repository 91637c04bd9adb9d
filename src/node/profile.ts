/**
 * Profiles of this process, taken while it works.
 *
 * @module
 */

import { Session } from "node:inspector/promises";

export type ProfileKind = "cpu" | "heap";

/** Another profile is being taken. */
export class ProfileBusyError extends Error {
  override readonly name = "ProfileBusyError";
}

/**
 * Watches the process for `ms` and returns what the inspector says: a `.cpuprofile` or `.heapprofile` document.
 * Ends early, with what there is, when `signal` aborts.
 *
 * @throws {ProfileBusyError} when another profile is being taken: they would disturb each other.
 */
export async function takeProfile(kind: ProfileKind, ms: number, signal: AbortSignal): Promise<unknown> {
  if (isTaking) throw new ProfileBusyError("another profile is being taken: try again when it is done");
  isTaking = true;
  const session = new Session();
  try {
    session.connect();
    return await RECORDERS[kind](session, ms, signal);
  } finally {
    session.disconnect();
    isTaking = false;
  }
}

let isTaking = false;

type Recorder = (session: Session, ms: number, signal: AbortSignal) => Promise<unknown>;

const RECORDERS: Readonly<Record<ProfileKind, Recorder>> = {
  async cpu(session, ms, signal) {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: CPU_INTERVAL_US });
    await session.post("Profiler.start");
    await passed(ms, signal);
    return (await session.post("Profiler.stop") as { profile: unknown }).profile;
  },
  async heap(session, ms, signal) {
    await session.post("HeapProfiler.enable");
    await session.post("HeapProfiler.startSampling", { samplingInterval: HEAP_INTERVAL_BYTES });
    await passed(ms, signal);
    return (await session.post("HeapProfiler.stopSampling") as { profile: unknown }).profile;
  },
};

function passed(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}

/** Fine enough for a packet's path, coarse enough for production. */
const CPU_INTERVAL_US = 1_000;
const HEAP_INTERVAL_BYTES = 32_768;
