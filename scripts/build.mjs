// Builds the bundles: the extension, the language server, the command line, and the panels.
//   node scripts/build.mjs [--watch] [--production]

import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { writeLicenses } from "./licenses.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const watch = process.argv.includes("--watch");
// `npm pack` and `npm publish` run the script `prepare`: their package has no source maps.
const production =
  process.argv.includes("--production") || ["pack", "publish"].includes(process.env["npm_command"] ?? "");

/** Modules that few inputs need and whose start takes milliseconds: loaded when one of their exports is used. */
const ON_FIRST_USE = ["ip-num", "yaml", "node:child_process"];

/** `knet lsp` loads the other bundle of the server instead of a second copy. @type {import("esbuild").Plugin} */
const serverBundle = {
  name: "server-bundle",
  setup(build) {
    build.onResolve({ filter: /^\.\.\/lsp\/main\.ts$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "./server.cjs", external: true } : undefined,
    );
  },
};

/** package.json contains 90 kB of the extension's settings; the code reads only the version. @type {import("esbuild").Plugin} */
const onlyVersion = {
  name: "only-version",
  setup(build) {
    build.onLoad({ filter: /package\.json$/ }, async ({ path }) => {
      if (path !== join(root, "package.json")) return undefined;
      const { version } = JSON.parse(await readFile(path, "utf8"));
      return { contents: JSON.stringify({ version }), loader: "json" };
    });
  },
};

/** @type {import("esbuild").Plugin} */
const onFirstUse = {
  name: "on-first-use",
  setup(build) {
    const namespace = "on-first-use";
    build.onResolve({ filter: /./ }, (args) => {
      const path = args.path === "child_process" ? "node:child_process" : args.path;
      return ON_FIRST_USE.includes(path) && args.namespace !== namespace ? { path, namespace } : undefined;
    });
    build.onLoad({ filter: /./, namespace }, async ({ path }) => {
      const names = Object.keys(await import(path)).filter((name) => /^\w+$/.test(name) && name !== "default");
      const constants = names.map((name) => `export const ${name} = /* @__PURE__ */ onFirstUse("${name}");`);
      // Every export is a function or a class: calls, constructions, and static members go to the real one.
      const contents = `
        const onFirstUse = (name) => {
          const real = () => require(${JSON.stringify(path)})[name];
          return new Proxy(function () {}, {
            get: (_, key) => real()[key],
            apply: (_, self, args) => Reflect.apply(real(), self, args),
            construct: (_, args) => Reflect.construct(real(), args),
          });
        };
        ${constants.join("\n")}`;
      return { contents, resolveDir: root, loader: "js" };
    });
  },
};

/**
 * Escapes the other characters of the bundle, so it can be read without decoding. esbuild escapes those of strings, but not of tagged
 * templates, whose raw text it keeps; `String.raw` is the only tag that uses it (test/cli/start.test.ts checks these templates).
 * @type {import("esbuild").Plugin}
 */
const onlyAscii = {
  name: "only-ascii",
  setup({ initialOptions, onEnd }) {
    onEnd(async ({ errors }) => {
      if (errors.length > 0 || initialOptions.outfile === undefined) return;
      const file = join(root, initialOptions.outfile);
      const text = await readFile(file, "utf8");
      const escaped = (/** @type {string} */ unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
      await writeFile(file, text.replace(/[^\0-\x7f]/g, escaped));
    });
  },
};

/** @type {import("esbuild").BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  sourcemap: production ? false : "linked",
  minify: production,
  legalComments: "none",
  logLevel: "warning",
  plugins: [onlyVersion],
  define: { "process.env.NODE_ENV": JSON.stringify(production ? "production" : "development") },
};

/** @type {import("esbuild").BuildOptions} */
const node = {
  ...common,
  platform: "node",
  target: "node20",
  format: "cjs",
  mainFields: ["module", "main"],
  plugins: [serverBundle, onlyVersion, onFirstUse],
  // `require` instead of `import()`: the loader for ES modules takes milliseconds to start.
  supported: { "dynamic-import": false },
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
    entryPoints: ["server/src/cli/start.ts"],
    outfile: "dist/knet.cjs",
    banner: { js: `#!/usr/bin/env node\n${node.banner?.js}` },
  },
  {
    ...node,
    plugins: [...(node.plugins ?? []), onlyAscii],
    entryPoints: ["server/src/cli/main.ts"],
    outfile: "dist/cli.cjs",
  },
  { ...browser, entryPoints: ["client/webview/main.ts"], outfile: "dist/webview.js" },
  { ...browser, entryPoints: ["client/webview/trace.css"], outfile: "dist/trace.css" },
  { ...browser, entryPoints: ["client/webview/topology/main.ts"], outfile: "dist/topology.js" },
  { ...browser, entryPoints: ["client/webview/topology/topology.css"], outfile: "dist/topology.css" },
  { ...browser, entryPoints: ["client/webview/diff/main.ts"], outfile: "dist/diff.js" },
  { ...browser, entryPoints: ["client/webview/diff/diff.css"], outfile: "dist/diff.css" },
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
    const results = await Promise.all(present.map((bundle) => esbuild.build({ ...bundle, metafile: production })));
    if (production) await writeLicenses(root, results);
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
