// The licenses of the packages whose code is in the bundles: dist/LICENSES.txt, part of the npm package and of the VSIX.
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * @param {string} root
 * @param {readonly import("esbuild").BuildResult[]} results of builds with a metafile
 */
export async function writeLicenses(root, results) {
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile?.inputs ?? {}));
  const folders = new Set(inputs.flatMap((path) => packageOf(path) ?? []));
  const texts = await Promise.all([...folders].sort().map((folder) => licenseOf(join(root, folder))));
  const head = "knet contains code of the following packages, under their own licenses.\n";
  await writeFile(join(root, "dist/LICENSES.txt"), [head, ...texts].join(`\n${"-".repeat(78)}\n\n`));
}

/** `node_modules/@a/b` of a file in it. @param {string} path */
function packageOf(path) {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path.replace(/^[\w-]+:/, ""))?.[0];
}

/** @param {string} folder */
async function licenseOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((one) => /^(licen[sc]e|copying)(\.|$)/i.test(one));
  const text = file && existsSync(join(folder, file)) ? await readFile(join(folder, file), "utf8") : "";
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}
