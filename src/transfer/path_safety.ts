/**
 * Names that a peer chose, before they touch the disk. Everything here is pure: whether a path is acceptable
 * depends on its text and on the receiver's platform, never on what lies on the disk.
 *
 * @module
 */

import { TransferError } from "./transfer_error.ts";

/** Which additional rules the receiving file system brings. */
export type NamePlatform = "posix" | "windows";

/** All files of the node's own making beside received ones begin with this. No peer may use it. */
export const RESERVED_PREFIX = ".wraith-";

/** Bytes of one name: what ext4, XFS, APFS and NTFS (in UTF-16 units) take. */
export const MAX_NAME_BYTES = 255;
/** Bytes of a whole relative path, well below PATH_MAX (4096) so that an output directory fits in front. */
export const MAX_PATH_BYTES = 3_072;
/** Names in one path: deeper trees cost more to check than they are worth. */
export const MAX_PATH_DEPTH = 128;

/** Why a relative path is refused, as words that complete "its name ..."; null when it is acceptable. */
export function pathFault(path: string, platform: NamePlatform): string | null {
  if (path.length === 0) return "is empty";
  if (path.startsWith("/")) return "is an absolute path";
  if (UTF8.encode(path).length > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  const names = path.split("/");
  if (names.length > MAX_PATH_DEPTH) return `lies deeper than ${MAX_PATH_DEPTH} directories`;
  for (const name of names) {
    const fault = nameFault(name, platform);
    if (fault !== null) return fault;
  }
  return null;
}

/** Why a single name is refused; null when it is acceptable. */
export function nameFault(name: string, platform: NamePlatform): string | null {
  if (name.length === 0) return "has an empty part";
  if (name === "." || name === "..") return `contains "${name}"`;
  if (name.includes("/")) return "contains a slash";
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(name)) return "contains a control character";
  if (!name.isWellFormed()) return "is not valid Unicode";
  if (name.includes("\ufeff")) return "contains a byte-order mark";
  if (UTF8.encode(name).length > MAX_NAME_BYTES) return `has a part longer than ${MAX_NAME_BYTES} bytes`;
  // Folded, because a case-insensitive file system would open the same file.
  if (isReserved(name)) return `begins with the reserved "${RESERVED_PREFIX}"`;
  if (DEVICE_NAME.test(name)) return "is a device name";
  return platform === "windows" ? windowsFault(name) : null;
}

/** Whether the node makes files of such names itself. */
export function isReserved(name: string): boolean {
  return foldName(name).startsWith(RESERVED_PREFIX);
}

/** What only Windows gives a meaning: streams, wildcards, drive letters, devices with any extension. */
function windowsFault(name: string): string | null {
  const character = /[<>:"|?*\\]/.exec(name);
  if (character !== null) return `contains ${character[0]}`;
  if (/[. ]$/.test(name)) return "ends in a dot or a space";
  if (DEVICE_NAME.test(name.replace(/[ ]*\..*$/s, ""))) return "is a device name";
  return null;
}

/**
 * `path` as file systems that ignore case and Unicode composition see it. Two paths that fold alike may be one
 * file there.
 */
export function foldName(path: string): string {
  return path.normalize("NFD").toLowerCase().toUpperCase().toLowerCase().normalize("NFC");
}

/** The path of an entry of an offer, and whether it is a directory. */
export interface OfferedPath {
  readonly path: string;
  readonly isDirectory: boolean;
}

/** The paths of one offer, checked one by one as they arrive and against each other. */
export class OfferedPaths {
  readonly #platform: NamePlatform;
  readonly #kinds = new Map<string, "file" | "directory" | "implied">();
  readonly #folded = new Map<string, string>();
  readonly #colliding = new Set<string>();

  constructor(platform: NamePlatform) {
    this.#platform = platform;
  }

  /**
   * Takes one more path.
   *
   * @throws {TransferError} `refused_name` when the path is unacceptable, or cannot lie beside an earlier one.
   */
  add({ path, isDirectory }: OfferedPath): void {
    const fault = pathFault(path, this.#platform);
    if (fault !== null) throw refusal(path, `its name ${fault}`);
    for (let slash = path.indexOf("/"); slash > 0; slash = path.indexOf("/", slash + 1)) {
      this.#addParent(path.slice(0, slash), path);
    }
    const known = this.#kinds.get(path);
    if (known !== undefined && !(known === "implied" && isDirectory)) {
      throw refusal(path, known === "implied" ? "other files lie inside it" : "it is offered twice");
    }
    this.#kinds.set(path, isDirectory ? "directory" : "file");
    this.#fold(path);
  }

  /** Whether another path of the offer is the same file to a file system that ignores case or composition. */
  collides(path: string): boolean {
    return this.#colliding.has(foldName(path));
  }

  #addParent(parent: string, path: string): void {
    const known = this.#kinds.get(parent);
    if (known === "file") throw refusal(path, `"${printableName(parent)}" is offered as a file`);
    if (known !== undefined) return;
    this.#kinds.set(parent, "implied");
    this.#fold(parent);
  }

  #fold(path: string): void {
    const folded = foldName(path);
    const first = this.#folded.get(folded);
    if (first === undefined) this.#folded.set(folded, path);
    else if (first !== path) this.#colliding.add(folded);
  }
}

/** `name` fit for a message: control characters and invisible direction marks escaped, length bounded. */
export function printableName(name: string, maxLength = 120): string {
  const escaped = name.toWellFormed().replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
  return escaped.length <= maxLength ? escaped : `${escaped.slice(0, maxLength - 1).toWellFormed()}…`;
}

function refusal(path: string, why: string): TransferError {
  return new TransferError("refused_name", `Refused "${printableName(path)}": ${why}`);
}

// Bare device names are refused on every platform; with an extension they are devices on Windows only.
const DEVICE_NAME = /^(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9¹²³])$/i;
const UTF8 = new TextEncoder();
