/**
 * Files of git revisions: `HEAD~1:prod.knet`, `main:deploy/`. As in git, the path starts at the root of the repository, or with
 * `./` at the current folder. git reads the objects itself; nothing is checked out, and no server is contacted.
 */
import { execFileSync } from "node:child_process";
import { posix } from "node:path";
import type { Provided } from "../service/files.ts";
import { CONFIG_FILE } from "../service/front-ends.ts";
import { pulling } from "../service/pull.ts";
import { createService, type Service } from "../service/service.ts";
import { t } from "../text/l10n.ts";
import type { ClusterDefaults } from "../topology/cluster.ts";
import { errno, UnreadableError, UsageError } from "./errors.ts";
import { decoded, SKIPPED_FOLDERS } from "./files.ts";
import { decodedLarge, isManifestName, type TextFile } from "./manifests.ts";

/** A file or folder in a revision. */
export interface Revision {
  /** As the user wrote it, without the path: "HEAD~1:". */
  readonly prefix: string;
  /** The object id of the revision's tree. */
  readonly tree: string;
  /** From the root of the repository, without a slash at its end; "" is the root. */
  readonly path: string;
  readonly kind: "blob" | "tree";
}

/** Bytes of a file; more than knet reads. */
const MOST_BYTES = 1 << 30;

/** Undefined: the text has no revision. Throws UsageError if the revision, or the path in it, does not exist. */
export function revisionOf(argument: string): Revision | undefined {
  const colon = argument.indexOf(":");
  if (colon <= 0) return undefined;
  const [name, written] = [argument.slice(0, colon), argument.slice(colon + 1)];
  const prefix = git(argument, ["rev-parse", "--show-prefix"]);
  if (!prefix.ok) throw new UsageError(t`${argument}: no such file, and not in a git repository`);
  const tree = git(argument, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{tree}`]);
  if (!tree.ok) throw new UsageError(t`${argument}: no such file, and \`${name}\` is not a git revision`);
  const here = prefix.text.trim();
  const path = posix.normalize(/^\.\.?(?:\/|$)/.test(written) ? posix.join(here, written) : written).replace(/\/$/, "");
  if (path.startsWith("..") || path.startsWith("/"))
    throw new UsageError(t`${argument}: the path is outside the repository`);
  const revision = { prefix: `${name}:`, tree: tree.text.trim(), path: path === "." ? "" : path };
  const kind = git(argument, ["cat-file", "-t", objectOf(revision, revision.path)]);
  const type = kind.ok ? kind.text.trim() : "";
  if (type !== "blob" && type !== "tree") throw new UsageError(t`${argument}: does not exist in this revision`);
  return { ...revision, kind: type };
}

function objectOf({ tree }: Pick<Revision, "tree">, path: string): string {
  return `${tree}:${path}`;
}

type Output = { readonly ok: true; readonly text: string } | { readonly ok: false };

function git(argument: string, args: readonly string[]): Output {
  const bytes = gitBytes(argument, args);
  return bytes === undefined ? { ok: false } : { ok: true, text: bytes.toString("utf8") };
}

/** Undefined: git reports an error. Throws UsageError if there is no git. */
function gitBytes(argument: string, args: readonly string[]): Buffer | undefined {
  try {
    return execFileSync("git", [...args], {
      maxBuffer: MOST_BYTES,
      stdio: ["ignore", "pipe", "ignore"],
      // A partial clone fetches missing objects from its server, which knet never contacts.
      env: { ...process.env, GIT_NO_LAZY_FETCH: "1", GIT_OPTIONAL_LOCKS: "0" },
    });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      throw new UsageError(t`${argument}: no such file, and git is not installed`);
    if (error instanceof Error && "status" in error && typeof error.status === "number") return undefined;
    throw new UsageError(t`${argument}: git cannot be run (${errno(error)})`);
  }
}

/** A service that reads from the revision; imports are files of the same revision. The names of files start with the revision. */
export function revisionService(argument: string, revision: Revision, defaults?: ClusterDefaults): Service {
  const { prefix } = revision;
  const service = createService({
    defaults,
    configFiles(file) {
      const folders: string[] = [];
      for (let folder = posix.dirname(file.slice(prefix.length)); ; folder = posix.dirname(folder)) {
        folders.push(`${prefix}${posix.join(folder, CONFIG_FILE)}`);
        if (folder === ".") return folders;
      }
    },
    resolveImport(from, path) {
      const target = posix.join(posix.dirname(from.slice(prefix.length)), path);
      return target.startsWith("..") || posix.isAbsolute(path) ? undefined : `${prefix}${target}`;
    },
  });
  return pulling(service, (file): Provided => {
    const path = file.slice(prefix.length);
    const bytes = gitBytes(argument, ["cat-file", "blob", objectOf(revision, path)]);
    if (bytes === undefined) {
      const below = filesBelow(argument, { ...revision, path });
      return below.length === 0 ? undefined : { files: below.map((one) => `${prefix}${one}`) };
    }
    try {
      return file.endsWith(".knet") ? decoded(file, bytes) : decodedLarge(file, bytes);
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      return { problem: error.problem };
    }
  });
}

/** The manifests of a file or folder in a revision, in name order. */
export function manifestsIn(argument: string, revision: Revision): readonly TextFile[] {
  const { path, kind, prefix } = revision;
  const paths = kind === "blob" ? [path] : filesBelow(argument, revision);
  return paths.map((one) => {
    const bytes = gitBytes(argument, ["cat-file", "blob", objectOf(revision, one)]);
    const file = `${prefix}${one}`;
    if (bytes === undefined) throw new UsageError(t`${file}: cannot be read from git`);
    return { file, text: decodedLarge(file, bytes) };
  });
}

function filesBelow(argument: string, { tree, path }: Revision): readonly string[] {
  // `--full-tree`: otherwise `ls-tree` lists only files below the current folder.
  const listed = git(argument, [
    "ls-tree",
    "-r",
    "-z",
    "--full-tree",
    tree,
    ...(path === "" ? [] : ["--", `${path}/`]),
  ]);
  if (!listed.ok) throw new UsageError(t`${argument}: cannot be read from git`);
  return listed.text.split("\0").flatMap((entry) => {
    // Mode, type, object, and path; mode 120000 is a link, and a submodule is a commit.
    const [, mode = "", type, file = ""] = /^(\d+) (\w+) \w+\t(.*)$/s.exec(entry) ?? [];
    const isMeant = type === "blob" && mode !== "120000" && isManifestName(file);
    return isMeant && !file.split("/").some((part) => SKIPPED_FOLDERS.has(part)) ? [file] : [];
  });
}
