/**
 * Where a buffer lies in memory, for calls that take addresses.
 *
 * @module
 */

/**
 * The address of `buffer`'s first byte. It holds as long as the caller keeps the buffer reachable and attached:
 * V8 keeps the bytes of an ArrayBuffer outside its moving heap, and a buffer that was detached has length 0,
 * which the length checks before every call refuse.
 *
 * Looked up once per buffer; slabs are reused, so the last answer serves nearly every packet.
 *
 * @throws {RangeError} when the address is not exact as a number (no platform that Deno runs on has one so high).
 */
export function addressOf(buffer: ArrayBufferLike): number {
  if (buffer === lastBuffer) return lastAddress;
  let address = known.get(buffer);
  if (address === undefined) {
    // Deno 2.6 declares this for ArrayBuffer alone; it has always taken shared memory too.
    const bytes = new Uint8Array(buffer as ArrayBuffer);
    address = Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
    if (!Number.isSafeInteger(address + buffer.byteLength)) {
      throw new RangeError("Cannot use the buffer: its address is above 2^53");
    }
    known.set(buffer, address);
  }
  lastBuffer = buffer;
  lastAddress = address;
  return address;
}

const known = new WeakMap<ArrayBufferLike, number>();
let lastBuffer: ArrayBufferLike = new ArrayBuffer(0);
let lastAddress = 0;
