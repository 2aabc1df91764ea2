// Builds a real program from its Go module, once, into a cache outside the repository.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export interface Program {
  readonly name: string;
  /** As in the Go module: "v1.37.2". */
  readonly version: string;
  /** The folder with `go.mod` and `go.sum`. */
  readonly folder: string;
  /** The Go package of the command: "k8s.io/kubernetes/cmd/kube-proxy". */
  readonly command: string;
}

/** The path of the program, or why it is missing. */
export type Built = { readonly path: string } | { readonly missing: string };

/** Programs and packages are kept here. */
export const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "knet/programs");
const run = promisify(execFile);
/** Milliseconds for all builds of this run; Go's cache keeps what an interrupted build has compiled. */
let left = Number(process.env["KNET_TEST_BUILD_SECONDS"] ?? 900) * 1000;

export async function built({ name, version, folder, command }: Program): Promise<Built> {
  const path = join(CACHE, `${name}-${version}`);
  if (existsSync(path)) return { path };
  mkdirSync(CACHE, { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  try {
    await run("go", ["version"]);
  } catch {
    return { missing: "Go is not installed" };
  }
  console.log(`  building ${name} ${version}`);
  const started = performance.now();
  try {
    // The versions are those in go.mod: -mod=mod only adds what go.sum lacks.
    const env = { ...process.env, GOFLAGS: "-mod=mod" };
    await run("go", ["build", "-trimpath", "-ldflags=-s -w", "-o", unfinished, command], {
      cwd: folder,
      env,
      timeout: Math.max(1, left),
      maxBuffer: 1 << 26,
    });
  } catch (error) {
    rmSync(unfinished, { force: true });
    if ((error as { readonly killed?: boolean }).killed)
      return { missing: `${name} ${version} is not built within the time limit (KNET_TEST_BUILD_SECONDS)` };
    const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
    const lines = (stderr ?? message).trim().split("\n");
    return { missing: `${name} ${version} does not build: ${lines.at(-1) ?? ""}` };
  } finally {
    left -= performance.now() - started;
  }
  renameSync(unfinished, path);
  return { path };
}

/** The version of a module in a folder's `go.mod`. */
export function requiredVersion(folder: string, module: string): string {
  const line = readFileSync(join(folder, "go.mod"), "utf8")
    .split("\n")
    .map((text) =>
      text
        .trim()
        .replace(/^require /, "")
        .split(" "),
    )
    .find(([name]) => name === module);
  if (line?.[1] === undefined) throw new Error(`${folder}/go.mod does not require ${module}`);
  return line[1];
}
