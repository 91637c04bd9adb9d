/**
 * Linux's `/proc` and monotonic clock through libc.
 *
 * Deno guards `/proc` by `--allow-all`, which a node does not have; the permission to call libc, which its
 * native sockets need anyway, covers the same ground. Without that permission every answer is null.
 *
 * @module
 */

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  opendir: { parameters: ["buffer"], result: "pointer" },
  readdir: { parameters: ["pointer"], result: "pointer" },
  closedir: { parameters: ["pointer"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The text of a file under `/proc` or `/sys`, at most 1 MiB of it; null when it cannot be read. */
export function readKernelFile(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return withLibc((libc) => readThrough(libc, path));
  }
}

/** How many file descriptors this process holds; null when the system does not tell. */
export function countFileDescriptors(): number | null {
  const entries = countEntries("/proc/self/fd");
  // The listing itself holds one.
  return entries === null ? null : entries - 1;
}

/** CLOCK_MONOTONIC in microseconds, the clock that systemd compares with; null when out of reach. */
export function monotonicMicroseconds(): bigint | null {
  return withLibc((libc) => {
    const time = new BigInt64Array(2);
    if (libc.clock_gettime(CLOCK_MONOTONIC, new Uint8Array(time.buffer)) !== 0) return null;
    return time[0] * 1_000_000n + time[1] / 1_000n;
  });
}

function countEntries(path: string): number | null {
  try {
    let entries = 0;
    for (const _entry of Deno.readDirSync(path)) entries++;
    return entries;
  } catch {
    return withLibc((libc) => countThrough(libc, path));
  }
}

function readThrough(libc: Libc, path: string): string | null {
  const file = libc.open(cString(path), O_RDONLY_CLOEXEC);
  if (file < 0) return null;
  const bytes = new Uint8Array(MAX_FILE_BYTES);
  let length = 0;
  while (length < bytes.length) {
    const got = Number(libc.read(file, bytes.subarray(length), BigInt(bytes.length - length)));
    if (got <= 0) break;
    length += got;
  }
  libc.close(file);
  return new TextDecoder().decode(bytes.subarray(0, length));
}

function countThrough(libc: Libc, path: string): number | null {
  const directory = libc.opendir(cString(path));
  if (directory === null) return null;
  let entries = 0;
  while (libc.readdir(directory) !== null) entries++;
  libc.closedir(directory);
  // "." and ".." are entries here, and are not for Deno.readDir.
  return entries - 2;
}

/** What `use` finds out, or null where libc cannot be called. A few calls a minute: nothing is kept open for them. */
function withLibc<T>(use: (libc: Libc) => T | null): T | null {
  const library = openLibc();
  if (library === null) return null;
  try {
    return use(library.symbols);
  } finally {
    library.close();
  }
}

function openLibc(): Deno.DynamicLibrary<typeof SYMBOLS> | null {
  if (Deno.build.os !== "linux") return null;
  try {
    // Asking would prompt on a terminal; opening without permission throws, which is the answer here.
    if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return null;
    return Deno.dlopen("libc.so.6", SYMBOLS);
  } catch {
    return null;
  }
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

const CLOCK_MONOTONIC = 1;
const O_RDONLY_CLOEXEC = 0x80000;
const MAX_FILE_BYTES = 1 << 20;
