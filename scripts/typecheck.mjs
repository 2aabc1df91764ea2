// Checks the types of both projects: Node (server, client, tests) and the panels (browser).
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const tsc = join(root, "node_modules/typescript/bin/tsc");
const projects = ["tsconfig.json"];
if (existsSync(join(root, "client/webview"))) projects.push("tsconfig.webview.json");

const codes = await Promise.all(
  projects.map(
    (project) =>
      new Promise((resolve) => {
        spawn(process.execPath, [tsc, "--pretty", String(process.stdout.isTTY ?? false), "-p", project], {
          cwd: root,
          stdio: "inherit",
        }).on("exit", (code) => resolve(code ?? 1));
      }),
  ),
);
process.exit(codes.every((code) => code === 0) ? 0 : 1);
