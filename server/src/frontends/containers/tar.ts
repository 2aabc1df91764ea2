/**
 * Tar archives: POSIX ustar with its name prefix, pax and GNU long names (POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual,
 * "Basic Tar Format"). Data is a view of the archive, not a copy. An archive that was cut off has the entries before the cut.
 */

export interface TarEntry {
  readonly name: string;
  readonly data: Uint8Array;
}

export interface TarEntries {
  readonly entries: readonly TarEntry[];
  /** `truncated`: the archive ends within an entry; `limit`: it has more entries. */
  readonly end: "complete" | "truncated" | "limit";
}

const BLOCK = 512;

/** Whether the bytes start with a header that has a valid checksum. */
export function isTar(bytes: Uint8Array): boolean {
  return bytes.length >= BLOCK && bytes[0] !== 0 && hasChecksum(bytes.subarray(0, BLOCK));
}

/** The regular files with a wanted name, in the order of the archive; `most`: the number of entries that are looked at. */
export function tarEntries(
  bytes: Uint8Array,
  wants: (name: string, size: number) => boolean,
  most: number,
): TarEntries {
  const entries: TarEntry[] = [];
  let long: string | undefined;
  let at = 0;
  for (let seen = 0; seen < most && at + BLOCK <= bytes.length; seen += 1) {
    const header = bytes.subarray(at, at + BLOCK);
    // Two blocks of zeros end the archive; other programs stop at one.
    if (header[0] === 0) return { entries, end: "complete" };
    if (!hasChecksum(header)) return { entries, end: "truncated" };
    const size = sizeOf(header);
    const start = at + BLOCK;
    if (!Number.isSafeInteger(size) || start + size > bytes.length) return { entries, end: "truncated" };
    at = start + Math.ceil(size / BLOCK) * BLOCK;
    const data = bytes.subarray(start, start + size);
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === "x") long = paxPath(data) ?? long;
    else if (type === "L") long = textOf(data);
    else if (type !== "g" && type !== "K") {
      const name = long ?? nameOf(header);
      long = undefined;
      if ((type === "0" || type === "\0" || type === "7") && wants(name, size)) entries.push({ name, data });
    }
  }
  // Without the final zeros, the archive was cut between two entries.
  return { entries, end: at + BLOCK <= bytes.length ? "limit" : "truncated" };
}

function nameOf(header: Uint8Array): string {
  const name = textOf(header.subarray(0, 100));
  const isUstar = textOf(header.subarray(257, 262)) === "ustar";
  // GNU's own format ("ustar  ") has other data there.
  const prefix = isUstar && header[262] === 0 ? textOf(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Octal digits; a set high bit starts a binary number. */
function sizeOf(header: Uint8Array): number {
  const field = header.subarray(124, 136);
  if (((field[0] ?? 0) & 0x80) === 0) return Number.parseInt(textOf(field).trim() || "0", 8);
  let size = (field[0] ?? 0) & 0x7f;
  for (const byte of field.subarray(1)) size = size * 256 + byte;
  return size;
}

/** The sum of the header's bytes, with spaces in its own field. */
function hasChecksum(header: Uint8Array): boolean {
  const stated = Number.parseInt(textOf(header.subarray(148, 156)).trim(), 8);
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  return sum === stated;
}

/** Records `LENGTH KEY=VALUE\n`, whose length includes itself. */
function paxPath(data: Uint8Array): string | undefined {
  let path: string | undefined;
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number.parseInt(textOf(data.subarray(at, space)), 10);
    if (!(length > space - at)) return path;
    const record = textOf(data.subarray(space + 1, at + length - 1));
    if (record.startsWith("path=")) path = record.slice("path=".length);
    at += length;
  }
  return path;
}

/** Up to the first NUL. */
function textOf(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  return new TextDecoder().decode(nul < 0 ? bytes : bytes.subarray(0, nul));
}
