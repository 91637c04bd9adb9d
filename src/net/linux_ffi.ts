/**
 * The part of Linux's C library that UDP needs, and the memory layouts it works on. Only LP64 little-endian
 * (x86-64 and AArch64), where these structures are the same with glibc and musl.
 *
 * Calls take numeric addresses of memory that their owner holds ({@link PinnedMemory}), so a call allocates
 * nothing. No call keeps an address beyond its return, except the two `…Blocking` ones, whose callers hold the
 * memory until the promise settles.
 *
 * @module
 */

/** What the socket asks of the system. Tests put a failing one in its place. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: number, length: number): number;
  getsockname(fd: number, address: number, lengthAddress: number): number;
  setsockopt(fd: number, level: number, option: number, value: number, length: number): number;
  sendmsg(fd: number, header: number, flags: number): number;
  sendmmsg(fd: number, headers: number, count: number, flags: number): number;
  recvmmsg(fd: number, headers: number, count: number, flags: number, timeout: number): number;
  ppoll(fds: number, count: number, timeout: number, signals: number): number;
  shutdown(fd: number, how: number): number;
  close(fd: number): number;
  /** On another thread. With no room and MSG_PEEK it returns once a datagram waits, and touches no memory. */
  recvBlocking(fd: number, buffer: number, length: number, flags: number): Promise<number>;
  /** On another thread: sleeps while the send buffer is full. Only reads memory. */
  sendmsgBlocking(fd: number, header: number, flags: number): Promise<number>;
  /** On another thread: sleeps for so many microseconds. */
  usleepBlocking(us: number): Promise<number>;
  /** The error of this thread's last failed call. */
  errno(): number;
}

/**
 * Opens the C library.
 *
 * @throws {Error} with one line saying why the native path is not to be had here.
 */
export function openLibc(): Libc {
  if (Deno.build.os !== "linux") throw new Error(`native sockets need Linux, this is ${Deno.build.os}`);
  const arch: string = Deno.build.arch;
  if (arch !== "x86_64" && arch !== "aarch64") throw new Error(`native sockets do not know ${arch}`);
  // Asking first: dlopen without the permission would prompt on a terminal.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    throw new Error("native sockets need --allow-ffi");
  }
  const { symbols } = openAny(["libc.so.6", `libc.musl-${arch}.so.1`]);
  const location = symbols.__errno_location();
  if (location === null) throw new Error("the C library has no errno");
  // errno lives as long as this thread, and so does this isolate.
  const errno = new Deno.UnsafePointerView(location);
  // The types know only bigint for a usize; a number does as well and is not allocated.
  const calls = symbols as unknown as Omit<Libc, "errno">;
  return { ...calls, errno: () => errno.getInt32() };
}

function openAny(names: readonly string[]): Deno.DynamicLibrary<typeof SYMBOLS> {
  const reasons: string[] = [];
  for (const name of names) {
    try {
      return Deno.dlopen(name, SYMBOLS);
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(`no usable C library: ${reasons.join("; ")}`);
}

/**
 * Memory whose address is handed to the kernel. It is a whole ArrayBuffer because small typed arrays may live in
 * the moving heap; it stays where it is as long as this object is reachable, so whoever passes
 * {@link PinnedMemory.address} to a call keeps the object in a field.
 */
export class PinnedMemory {
  readonly address: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;

  /** @param length in bytes, a multiple of 4. */
  constructor(length: number) {
    const buffer = new ArrayBuffer(length);
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.address = addressOfMemory(this.bytes);
  }

  /** Writes a 64-bit little-endian value below 2^53 at a byte offset that is a multiple of 4. */
  setUint64(offset: number, value: number): void {
    this.words[offset >> 2] = value % 0x1_0000_0000;
    this.words[(offset >> 2) + 1] = value / 0x1_0000_0000;
  }
}

/** Where `bytes` begin. User space ends at 2^47 (2^48 on AArch64), so a number holds it exactly. */
export function addressOfMemory(bytes: Uint8Array<ArrayBuffer>): number {
  return Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}

// Results are declared i32 even where C says ssize_t: all of them are below 2^31, and a 64-bit result would be
// a bigint per call.
const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "usize", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "usize", "usize"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "usize", "u32"], result: "i32" },
  sendmsg: { parameters: ["i32", "usize", "i32"], result: "i32" },
  sendmmsg: { parameters: ["i32", "usize", "u32", "i32"], result: "i32" },
  recvmmsg: { parameters: ["i32", "usize", "u32", "i32", "usize"], result: "i32" },
  ppoll: { parameters: ["usize", "usize", "usize", "usize"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  recvBlocking: {
    name: "recv",
    parameters: ["i32", "usize", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  sendmsgBlocking: { name: "sendmsg", parameters: ["i32", "usize", "i32"], result: "i32", nonblocking: true },
  usleepBlocking: { name: "usleep", parameters: ["u32"], result: "i32", nonblocking: true },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_CLOEXEC = 0x80000;

export const SOL_SOCKET = 1;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const IPPROTO_IP = 0;
export const IP_MTU_DISCOVER = 10;
export const IPPROTO_IPV6 = 41;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_V6ONLY = 26;
/** Set DF, never fragment, and ignore what the kernel believes about the path: the session probes it itself. */
export const PMTUDISC_PROBE = 3;
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;

export const MSG_PEEK = 0x2;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const POLLIN = 0x1;
export const SHUT_RDWR = 2;

export const EPERM = 1;
export const EINTR = 4;
export const EIO = 5;
export const EAGAIN = 11;
export const EACCES = 13;
export const EINVAL = 22;
export const EMSGSIZE = 90;
export const EAFNOSUPPORT = 97;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETUNREACH = 101;
export const ENOBUFS = 105;
export const ECONNREFUSED = 111;
export const EHOSTUNREACH = 113;

/** `struct msghdr`, 56 bytes. */
export const MSGHDR = {
  size: 56,
  name: 0,
  nameLength: 8,
  iov: 16,
  iovLength: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
} as const;

/** `struct mmsghdr`: a msghdr and the length that was sent or received. */
export const MMSGHDR = { size: 64, length: 56 } as const;

/** `struct iovec`. */
export const IOVEC = { size: 16, base: 0, length: 8 } as const;

/** `struct cmsghdr` and its data. */
export const CMSGHDR = { length: 0, level: 8, type: 12, data: 16 } as const;

/** Room for `struct sockaddr_in` (16 bytes) or `sockaddr_in6` (28 bytes). */
export const SOCKADDR_BYTES = 28;
