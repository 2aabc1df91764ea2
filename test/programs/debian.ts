// Programs from Debian packages that are unpacked into the cache, and never installed: an installed daemon would be started.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Built, CACHE } from "./build.ts";

/** The folder with the packages' files, or why there is none. */
export function unpacked(name: string, packages: readonly string[]): Built {
  const path = join(CACHE, name);
  if (existsSync(path)) return { path };
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, "unpack-"));
  try {
    execFileSync("apt-get", ["update", "-qq"], { stdio: "ignore" });
    execFileSync("apt-get", ["download", "-qq", ...packages], { cwd: work, stdio: "ignore" });
    for (const file of readdirSync(work))
      if (file.endsWith(".deb")) execFileSync("dpkg-deb", ["-x", join(work, file), join(work, "root")]);
    // Another process might have been faster.
    if (!existsSync(path)) renameSync(join(work, "root"), path);
    return { path };
  } catch {
    return { missing: `${packages.join(", ")} cannot be downloaded (requires Debian)` };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
