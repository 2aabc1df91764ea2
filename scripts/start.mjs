// `npm start`: builds knet and opens VS Code with the extension and the samples: the desktop application if `code` is on the PATH,
// otherwise a VS Code server whose address is printed. `npm start -- --check`: checks and traces samples in the terminal.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const samples = join(root, "samples");

/** Runs a program in the foreground; resolves to its exit code. @param {string} program @param {string[]} args */
function run(program, args) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
    child.on("error", () => resolve(1));
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/** @param {string} name */
function onPath(name) {
  const endings = process.platform === "win32" ? [".cmd", ".exe"] : [""];
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.some((folder) => endings.some((ending) => existsSync(join(folder, name + ending))));
}

async function check() {
  const knet = join(root, "dist/knet.cjs");
  const files = (await readdir(samples)).filter((name) => name.endsWith(".knet")).map((name) => join("samples", name));
  console.log(`$ knet check ${files.join(" ")}`);
  const checked = await run(process.execPath, [knet, "check", ...files]);
  const trace = ["trace", join("samples", "k1.knet"), "p1/c1.1", "10.1.2.1", "--port", "8080"];
  console.log(`\n$ knet ${trace.join(" ")}`);
  const traced = await run(process.execPath, [knet, ...trace]);
  return checked === 0 && traced === 0 ? 0 : 1;
}

async function serve() {
  const { startServer } = await import("../test/editor/host/server.ts");
  const { workbenchUrl } = await import("../test/editor/host/workbench.ts");
  console.log("VS Code (`code`) is not installed: starting the VS Code server, which is downloaded once.");
  const server = await startServer({ settings: { "workbench.startupEditor": "none" } });
  const url = workbenchUrl(server, {
    folder: samples,
    extensionDevelopmentPath: root,
    openFile: join(samples, "k1.knet"),
  });
  console.log(`\nVS Code with knet and its samples:\n\n  ${url}\n\nPress Ctrl-C to stop.`);
  const stop = async () => {
    await server.stop();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
  await server.ended;
  return 1;
}

const built = await run(process.execPath, [join(root, "scripts/build.mjs")]);
if (built !== 0) process.exit(built);
if (process.argv.includes("--check")) process.exit(await check());
if (onPath("code")) {
  process.exit(await run("code", [`--extensionDevelopmentPath=${root}`, samples, join(samples, "k1.knet")]));
}
process.exit(await serve());
