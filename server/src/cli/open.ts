/** The language service with the files of the command line. */
import { existsSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Netns } from "../dataplane/model.ts";
import type { TextFile } from "../frontends/containers/unpack.ts";
import type { Analysis } from "../service/analysis.ts";
import type { Provided } from "../service/files.ts";
import { CONFIG_FILE } from "../service/front-ends.ts";
import { pulling } from "../service/pull.ts";
import { createService, type Service } from "../service/service.ts";
import { t } from "../text/l10n.ts";
import type { ClusterDefaults } from "../topology/cluster.ts";
import { namespaceOf } from "../trace/endpoints.ts";
import { UnreadableError, UsageError } from "./errors.ts";
import {
  attempt,
  decoded,
  expandPaths,
  type Found,
  isReadTwice,
  readableFiles,
  readRegular,
  readText,
  STDIN,
} from "./files.ts";
import { readSource, unpacked } from "./manifests.ts";

/** Where `knet.json` can be: next to the file and in the folders above it, up to the working folder. */
function configFiles(file: string): string[] {
  const here = process.cwd();
  const places: string[] = [];
  for (let folder = file === STDIN ? here : dirname(resolve(file)); ; folder = dirname(folder)) {
    const path = relative(here, join(folder, CONFIG_FILE));
    places.push(path.startsWith(`..${sep}`) ? join(folder, CONFIG_FILE) : path);
    if (folder === here || folder === dirname(folder) || relative(here, folder).startsWith("..")) return places;
  }
}

/** A service that reads from disk. An import of one of the `named` files has that name; other imports are relative to the working folder. */
export function diskService(named: readonly string[] = [], defaults?: ClusterDefaults): Service {
  const names = new Map(named.filter((file) => file !== STDIN).map((file) => [resolve(file), file]));
  const service = createService({
    defaults,
    configFiles,
    resolveImport(from, path) {
      const base = from === STDIN ? process.cwd() : dirname(resolve(from));
      const target = resolve(base, path);
      const name = names.get(target);
      if (name !== undefined) return name;
      // A file outside the working folder has an absolute name.
      const short = relative(process.cwd(), target);
      return short === "" || short === STDIN || short.startsWith(`..${sep}`) ? target : short;
    },
  });
  const contents: Unpacked = new Map();
  return pulling(service, (file) => provided(file, contents));
}

/** The files of the archives that were read, by name; their names continue the archive's name. */
type Unpacked = Map<string, TextFile>;

function provided(file: string, contents: Unpacked): Provided {
  const inside = contents.get(file);
  if (inside) return inside.text;
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat?.isDirectory()) return { files: [...readableFiles(file)] };
    if (stat && !stat.isFile()) return { problem: t`not a regular file` };
    return isTopology(file) ? readRegular(file) : sourceAt(file, contents);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return existsSync(file) ? { problem: error.problem } : undefined;
  }
}

function sourceAt(file: string, contents: Unpacked): Provided {
  const found = unpacked(file, readSource(file));
  const [only] = found;
  const [failure] = only?.failures ?? [];
  if (failure?.code === "KN802" && found.length === 1) return { problem: failure.data.error };
  if (found.length === 1 && only?.file === file) return only.text;
  for (const one of found) contents.set(one.file, one);
  return { files: found.map((one) => one.file) };
}

export interface Opened extends Found {
  readonly service: Service;
}

/** Opens the readable ones of the given files and folders in one service. `input`: standard input, if it has been read. */
export function openAll(paths: readonly string[], defaults?: ClusterDefaults, input?: Uint8Array): Opened {
  const found = expandPaths(paths);
  const problems = [...found.problems];
  const service = diskService(found.files, defaults);
  const files = found.files.filter((file) => {
    const text = attempt(problems, () => (input && !isReadTwice(file) ? decoded(file, input) : readText(file)));
    if (text !== undefined) service.setText(file, text);
    return text !== undefined;
  });
  return { service, files, problems };
}

/** Options of commands that print a network namespace. */
export interface StateOptions {
  /** The folder with the state of real machines. */
  readonly state?: string | undefined;
  /** Print the real state instead of the derived one. */
  readonly real?: boolean | undefined;
}

/** The network namespace of a node, pod, router, or host, by path. Throws UsageError if the path has no network namespace. */
export function netnsAt(
  { topology, network, realNetwork }: Analysis,
  where: string,
  { real }: StateOptions = {},
): Netns {
  const found = namespaceOf(topology, where);
  if (!found.ok) throw new UsageError(found.error);
  if (real && !realNetwork) throw new UsageError(t`--real requires --state`);
  const netns = ((real && realNetwork) || network).netns(found.netns);
  if (real && netns !== undefined && netns === network.netns(found.netns))
    throw new UsageError(t`${where}: the state of this machine is not in the folder of --state`);
  if (!netns) throw new UsageError(t`${where}: has no network namespace (it runs on no node)`);
  return netns;
}

/** Other files belong to sources, which can be larger. */
function isTopology(file: string): boolean {
  return file.endsWith(".knet") || file.endsWith(CONFIG_FILE);
}
