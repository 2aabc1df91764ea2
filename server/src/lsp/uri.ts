/** File identities. Clients write one file's URI in several ways; the service knows it by one. */
import { fileURLToPath } from "node:url";

/** The one way in which the service writes a URI: `file:` paths encoded character by character as VS Code does. */
export function keyOf(uri: string): string {
  const match = /^file:\/\/([^/]*)(\/[^?#]*)/i.exec(uri);
  if (!match) return uri;
  const [, authority = "", path = ""] = match;
  const segments = path.split("/").map((segment) => encode(decode(segment)));
  // "C:" and "c%3A" are the same drive.
  const drive = segments[1];
  if (drive !== undefined && /^[A-Za-z]%3A$/.test(drive)) segments[1] = drive.charAt(0).toLowerCase() + drive.slice(1);
  return `file://${authority.toLowerCase() === "localhost" ? "" : authority}${segments.join("/")}`;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function encode(segment: string): string {
  return encodeURIComponent(segment).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The path on this machine's disk, or undefined for what is not there (untitled, another machine's file system). */
export function diskPath(key: string): string | undefined {
  if (!key.startsWith("file://")) return undefined;
  try {
    return fileURLToPath(key);
  } catch {
    return undefined;
  }
}

/** What `path` means beside the file `from`; undefined where that is no place. */
export function beside(from: string, path: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(from) || path.includes("\0")) return undefined;
  // `path` is a path and no URI: "#" and "?" and "%" are characters of it. Windows' separators are understood.
  const encoded = path.replace(/\\/g, "/").split("/").map(encode).join("/");
  try {
    return keyOf(new URL(encoded, from).href);
  } catch {
    return undefined;
  }
}

/** Is the file in the folder or below? */
export function isInside(folder: string, file: string): boolean {
  return file.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

export function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/") + 1);
}

/** The way from one file's folder to another file: "../fabric.knet". */
export function relativePath(from: string, to: string): string | undefined {
  const here = folderOf(from).split("/").slice(0, -1);
  const there = to.split("/");
  let common = 0;
  while (common < here.length && common < there.length - 1 && here[common] === there[common]) common++;
  // Another scheme or machine.
  if (common < 3) return undefined;
  return [...here.slice(common).map(() => ".."), ...there.slice(common).map(decode)].join("/");
}
