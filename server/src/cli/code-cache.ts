/**
 * Loads a CommonJS bundle like `require`, with the code that V8 compiled in an earlier run. Node's own compile cache (from 22.1)
 * stores a module right after compiling it (src/compile_cache.cc, MaybeSaveImpl), so it lacks the functions that V8 compiles on
 * their first call, which are most of a command. This cache is stored at the end of a run: of a command that takes 0.2 s without a
 * cache, Node's saves a third, this one more than half.
 */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";

/** A stored cache is replaced after this time, so the files of removed installations disappear. */
const MOST_DAYS = 30;
const DAY = 24 * 60 * 60 * 1000;

interface Cache {
  readonly folder: string;
  readonly path: string;
  /** Start of the stored file; the length is a multiple of 8, because V8 requires aligned data. V8 checks its own version and flags. */
  readonly head: Buffer;
}

/** Runs a bundle of ASCII text. `part`: the cache is stored per part of the bundle that a run needs, such as the command. */
export function requireCached(file: string, part: string): void {
  const source = readFileSync(file, "latin1");
  const cache = cacheOf(file, part);
  const stored = cache && read(cache);
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
  const script = new Script(wrapped, { filename: file, ...(stored ? { cachedData: stored } : {}) });
  const missing = stored === undefined || script.cachedDataRejected === true;
  if (cache && missing) process.on("exit", (code) => code <= 1 && write(cache, script));
  const module = { exports: {} };
  const run = script.runInThisContext() as (...args: readonly unknown[]) => void;
  run.call(module.exports, module.exports, createRequire(file), module, file, dirname(file));
}

/** Undefined if there is no folder for caches, or the user disabled Node's cache. */
function cacheOf(file: string, part: string): Cache | undefined {
  const { NODE_DISABLE_COMPILE_CACHE, NODE_OPTIONS, XDG_CACHE_HOME, HOME, USERPROFILE } = process.env;
  const base = XDG_CACHE_HOME || ((HOME || USERPROFILE) && join(HOME || USERPROFILE || "", ".cache"));
  if (NODE_DISABLE_COMPILE_CACHE || !base) return undefined;
  const { size, ctimeMs } = statSync(file);
  const place = JSON.stringify([file, process.version, process.arch, process.execArgv, NODE_OPTIONS ?? ""]);
  const head = Buffer.from(`${place} ${size} ${ctimeMs}\n`);
  const padding = Buffer.alloc(-head.length & 7, " ");
  const folder = join(base, "knet", "code");
  return { folder, path: join(folder, `${part}-${hashOf(place)}`), head: Buffer.concat([head, padding]) };
}

/** FNV-1a; two places with the same hash only replace each other's cache. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16);
}

/** Only a file of this user: a cache is code, and `sudo` can keep the home folder of another user. */
function read({ path, head }: Cache): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    if (!isOwn(fstatSync(descriptor))) return undefined;
    const bytes = readFileSync(descriptor);
    return bytes.subarray(0, head.length).equals(head) ? bytes.subarray(head.length) : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function isOwn({ uid, mode, mtimeMs }: Stats): boolean {
  const isOfUser = process.geteuid === undefined || (uid === process.geteuid() && (mode & 0o022) === 0);
  return isOfUser && Date.now() - mtimeMs < MOST_DAYS * DAY;
}

/** Renames a complete file, because another process can read the file meanwhile. A folder that cannot be written is not an error. */
function write({ folder, path, head }: Cache, script: Script): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, Buffer.concat([head, script.createCachedData()]), { mode: 0o600, flag: "wx" });
    renameSync(temporary, path);
    for (const name of readdirSync(folder)) {
      const other = join(folder, name);
      if (Date.now() - statSync(other).mtimeMs > MOST_DAYS * DAY) rmSync(other);
    }
  } catch {}
}
