/**
 * The blocks of a packet capture file: draft-ietf-opsawg-pcapng ("PCAP Next Generation Capture File Format").
 * Little-endian throughout; times in microseconds since the Unix epoch.
 *
 * @module
 */

/** A place where packets were seen. Its index in the order of description is its id. */
export interface CaptureInterface {
  readonly name: string;
  readonly description: string;
}

/** What a capture saw of one interface by its end. */
export interface InterfaceStatistics {
  readonly startUs: number;
  readonly endUs: number;
  /** Packets that crossed the interface. */
  readonly seen: number;
  /** Of those, the ones that could not be kept. */
  readonly dropped: number;
}

/** One packet's facts beside its bytes. */
export interface PacketFacts {
  readonly interfaceId: number;
  readonly timeUs: number;
  readonly direction: "in" | "out";
  /** Packets lost on the interface since the packet before this one. */
  readonly lostBefore: number;
  /** Length on the wire, at least that of the bytes kept. */
  readonly originalLength: number;
}

export const BLOCK = {
  section: 0x0a0d0d0a,
  interface: 1,
  statistics: 5,
  packet: 6,
  secrets: 10,
} as const;

/** LINKTYPE_RAW of the tcpdump registry: a packet begins with its IPv4 or IPv6 header. */
const LINKTYPE_RAW = 101;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION = {
  end: 0,
  name: 2,
  description: 3,
  application: 4,
  flags: 2,
  dropCount: 4,
  startTime: 2,
  endTime: 3,
  received: 4,
  dropped: 5,
} as const;
const DIRECTION_FLAGS = { in: 1, out: 2 } as const;

/** The head of a file: the section, and every interface that its packets will name. */
export function encodeHead(
  application: string,
  interfaces: readonly CaptureInterface[],
  snapLength: number,
): Uint8Array<ArrayBuffer> {
  const writer = new BlockWriter(1_024 + interfaces.length * 1_024);
  writer.begin(BLOCK.section);
  writer.uint32(BYTE_ORDER_MAGIC);
  writer.uint16(1); // major version
  writer.uint16(0);
  writer.uint32(0xffff_ffff); // section length, 64 bits: unknown
  writer.uint32(0xffff_ffff);
  writer.textOption(OPTION.application, application);
  writer.endOptions();
  writer.finish();
  for (const { name, description } of interfaces) {
    writer.begin(BLOCK.interface);
    writer.uint16(LINKTYPE_RAW);
    writer.uint16(0);
    writer.uint32(snapLength);
    writer.textOption(OPTION.name, name);
    writer.textOption(OPTION.description, description);
    writer.endOptions();
    writer.finish();
  }
  return writer.written();
}

/** What is known of interface `interfaceId` at the end. */
export function encodeStatistics(interfaceId: number, facts: InterfaceStatistics): Uint8Array<ArrayBuffer> {
  const writer = new BlockWriter(128);
  writer.begin(BLOCK.statistics);
  writer.uint32(interfaceId);
  writer.time(facts.endUs);
  writer.option(OPTION.startTime, 8);
  writer.time(facts.startUs);
  writer.option(OPTION.endTime, 8);
  writer.time(facts.endUs);
  writer.option(OPTION.received, 8);
  writer.uint64(facts.seen);
  writer.option(OPTION.dropped, 8);
  writer.uint64(facts.dropped);
  writer.endOptions();
  writer.finish();
  return writer.written();
}

/** Decryption secrets: `secrets` of the kind that `type` names. */
export function encodeSecrets(type: number, secrets: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new BlockWriter(secrets.length + 64);
  writer.begin(BLOCK.secrets);
  writer.uint32(type);
  writer.uint32(secrets.length);
  writer.bytes(secrets);
  writer.finish();
  return writer.written();
}

/** Room that the block of a packet of `keptLength` bytes takes at most. */
export function packetBlockLength(keptLength: number): number {
  return 60 + ((keptLength + 3) & ~3);
}

/** Writes blocks one behind the other into a buffer that never grows. */
export class BlockWriter {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;
  #blockStart = 0;

  /** @param capacity bytes; writing past them throws a RangeError. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#at;
  }

  get room(): number {
    return this.#bytes.length - this.#at;
  }

  /** The blocks so far; the buffer is the writer's. */
  written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Writes the block of a packet but for its bytes: those belong into what this returns. */
  packet(facts: PacketFacts, keptLength: number): Uint8Array<ArrayBuffer> {
    this.begin(BLOCK.packet);
    this.uint32(facts.interfaceId);
    this.time(facts.timeUs);
    this.uint32(keptLength);
    this.uint32(facts.originalLength);
    const start = this.#at;
    this.#at += keptLength;
    this.#pad(keptLength);
    this.option(OPTION.flags, 4);
    this.uint32(DIRECTION_FLAGS[facts.direction]);
    if (facts.lostBefore > 0) {
      this.option(OPTION.dropCount, 8);
      this.uint64(facts.lostBefore);
    }
    this.endOptions();
    this.finish();
    return this.#bytes.subarray(start, start + keptLength);
  }

  clear(): void {
    this.#at = 0;
  }

  begin(type: number): void {
    this.#blockStart = this.#at;
    this.uint32(type);
    this.#at += 4; // total length, see finish
  }

  finish(): void {
    const total = this.#at + 4 - this.#blockStart;
    this.uint32(total);
    this.#view.setUint32(this.#blockStart + 4, total, true);
  }

  option(code: number, length: number): void {
    this.uint16(code);
    this.uint16(length);
  }

  textOption(code: number, text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.option(code, bytes.length);
    this.bytes(bytes);
  }

  endOptions(): void {
    this.option(OPTION.end, 0);
  }

  uint16(value: number): void {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  uint64(value: number): void {
    this.#view.setBigUint64(this.#at, BigInt(value), true);
    this.#at += 8;
  }

  /** A time as blocks have it: the upper half first. */
  time(us: number): void {
    const whole = Math.floor(us);
    this.uint32(Math.floor(whole / 0x1_0000_0000));
    this.uint32(whole % 0x1_0000_0000);
  }

  bytes(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    this.#pad(bytes.length);
  }

  /** To the next multiple of four. */
  #pad(length: number): void {
    const end = this.#at + ((4 - length % 4) & 3);
    this.#bytes.fill(0, this.#at, end);
    this.#at = end;
  }
}
