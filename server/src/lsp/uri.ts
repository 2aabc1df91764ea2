/** File identities. Clients write the URI of a file in several ways; the service uses one canonical form. */
import { fileURLToPath } from "node:url";

/** The canonical form of a URI in the service: `file:` paths are encoded character by character like in VS Code. */
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

/** The local path, or undefined for files that are not on this machine (untitled, remote file systems). */
export function diskPath(key: string): string | undefined {
  if (!key.startsWith("file://")) return undefined;
  try {
    return fileURLToPath(key);
  } catch {
    return undefined;
  }
}

/** Resolves `path` relative to the file `from`; undefined if that is not possible. */
export function beside(from: string, path: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(from) || path.includes("\0")) return undefined;
  // `path` is a path, not a URI: "#", "?", and "%" are ordinary characters. Windows separators are supported.
  const encoded = path.replace(/\\/g, "/").split("/").map(encode).join("/");
  try {
    return keyOf(new URL(encoded, from).href);
  } catch {
    return undefined;
  }
}

/** Whether the file is in the folder or below it. */
export function isInside(folder: string, file: string): boolean {
  return file.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

export function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/") + 1);
}

/** The relative path from the folder of one file to another file: "../fabric.knet". */
export function relativePath(from: string, to: string): string | undefined {
  const here = folderOf(from).split("/").slice(0, -1);
  const there = to.split("/");
  let common = 0;
  while (common < here.length && common < there.length - 1 && here[common] === there[common]) common++;
  // Different scheme or host.
  if (common < 3) return undefined;
  return [...here.slice(common).map(() => ".."), ...there.slice(common).map(decode)].join("/");
}
