// Builds the bundles: the extension, the language server, the command line, and the panels.
//   node scripts/build.mjs [--watch] [--production]

import { existsSync } from "node:fs";
import { chmod, mkdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const watch = process.argv.includes("--watch");
const production = process.argv.includes("--production");

/** @type {import("esbuild").BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  sourcemap: production ? false : "linked",
  minify: production,
  legalComments: "none",
  logLevel: "warning",
  define: { "process.env.NODE_ENV": JSON.stringify(production ? "production" : "development") },
};

/** @type {import("esbuild").BuildOptions} */
const node = {
  ...common,
  platform: "node",
  target: "node20",
  format: "cjs",
  mainFields: ["module", "main"],
  // The sources are ES modules, but the bundles are CommonJS, which has no `import.meta.url`: define it.
  define: { ...common.define, "import.meta.url": "__knetModuleUrl" },
  banner: { js: 'const __knetModuleUrl = require("node:url").pathToFileURL(__filename).href;' },
};

/** @type {import("esbuild").BuildOptions} */
const browser = { ...common, platform: "browser", target: "es2022", format: "iife" };

/** @type {(import("esbuild").BuildOptions & { entryPoints: [string], outfile: string })[]} */
const bundles = [
  { ...node, entryPoints: ["client/src/extension.ts"], outfile: "dist/extension.cjs", external: ["vscode"] },
  { ...node, entryPoints: ["server/src/lsp/main.ts"], outfile: "dist/server.cjs" },
  {
    ...node,
    entryPoints: ["server/src/cli/main.ts"],
    outfile: "dist/knet.cjs",
    banner: { js: `#!/usr/bin/env node\n${node.banner?.js}` },
  },
  { ...browser, entryPoints: ["client/webview/main.ts"], outfile: "dist/webview.js" },
  { ...browser, entryPoints: ["client/webview/trace.css"], outfile: "dist/trace.css" },
  { ...browser, entryPoints: ["client/webview/topology/main.ts"], outfile: "dist/topology.js" },
  { ...browser, entryPoints: ["client/webview/topology/topology.css"], outfile: "dist/topology.css" },
  { ...browser, entryPoints: ["client/webview/matrix/main.ts"], outfile: "dist/matrix.js" },
  { ...browser, entryPoints: ["client/webview/matrix/matrix.css"], outfile: "dist/matrix.css" },
];

const present = bundles.filter((bundle) => existsSync(join(root, bundle.entryPoints[0])));
for (const bundle of bundles) {
  if (!present.includes(bundle)) console.log(`skipped ${bundle.outfile}: ${bundle.entryPoints[0]} does not exist`);
}

if (watch) {
  for (const bundle of present) await (await esbuild.context({ ...bundle, logLevel: "info" })).watch();
} else {
  try {
    await Promise.all(present.map((bundle) => esbuild.build(bundle)));
  } catch {
    process.exit(1); // esbuild has printed the error
  }
  await linkCommand();
}

/** Links the command for `npx knet` in the checkout: npm only links the commands of dependencies. */
async function linkCommand() {
  const command = join(root, "dist/knet.cjs");
  const bin = join(root, "node_modules/.bin");
  if (!existsSync(command)) return;
  await chmod(command, 0o755);
  if (process.platform === "win32" || !existsSync(bin)) return;
  await mkdir(bin, { recursive: true });
  await rm(join(bin, "knet"), { force: true });
  await symlink("../../dist/knet.cjs", join(bin, "knet"));
}
