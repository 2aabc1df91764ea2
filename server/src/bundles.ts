/** Translations on disk, for the shells: `l10n/bundle.l10n.<locale>.json` in the package, next to the folder of the program. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bundle, installBundle } from "./text/l10n.ts";

/** Installs the bundle of a BCP 47 tag, or of its language. Without either, texts are English. */
export function installLocale(locale: string | undefined): void {
  const tag = (locale ?? "en").toLowerCase();
  if (!/^[a-z0-9-]+$/.test(tag)) return;
  const folder = fileURLToPath(new URL("../l10n", import.meta.url));
  const names = [...new Set([tag, tag.split("-")[0]])].map((name) => join(folder, `bundle.l10n.${name}.json`));
  const found = names.find((name) => existsSync(name));
  if (found !== undefined) installBundle(JSON.parse(readFileSync(found, "utf8")) as Bundle, tag);
}

/** The locale of the environment in the order of POSIX: `zh_CN.UTF-8` → "zh-cn"; undefined for `C`, `POSIX`, and none. */
export function localeOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const value = env["LC_ALL"] || env["LC_MESSAGES"] || env["LANG"];
  const tag = value?.split(/[.@]/)[0]?.replaceAll("_", "-");
  return tag === undefined || tag === "" || tag === "C" || tag === "POSIX" ? undefined : tag;
}
