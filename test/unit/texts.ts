/** The `.knet` files of the repository. In a browser, which has no file system, test/browser/run.ts provides this module. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface NamedText {
  readonly name: string;
  readonly text: string;
}

const root = join(import.meta.dirname, "../..");

/** The files in a folder of the repository, in order of their names; `deep`: also in the folders below it. */
export function textsIn(folder: string, deep = false): readonly NamedText[] {
  return readdirSync(join(root, folder), { recursive: deep, encoding: "utf8" })
    .filter((name) => name.endsWith(".knet"))
    .sort()
    .map((name) => ({ name: name.replaceAll("\\", "/"), text: readFileSync(join(root, folder, name), "utf8") }));
}
