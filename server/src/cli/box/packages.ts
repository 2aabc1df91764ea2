/** Programs that a box requires: found on the machine, or installed with apt on Debian as root. */
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { LabError } from "../errors.ts";

/** A program and the Debian package that contains it. */
export interface Requirement {
  readonly program: string;
  readonly debian: string;
}

const FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** The path of a program, also of those for root that are not in a user's PATH. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether knet can install packages: Debian or a derivative, as root. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && findProgram("apt-get") !== undefined;
}

/** Installs missing programs. Throws LabError with the packages to install if knet cannot install them. */
export function requirePrograms(
  kernel: string,
  needed: readonly Requirement[],
  progress: (text: string) => void,
): void {
  const missing = needed.filter(({ program }) => findProgram(program) === undefined);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(({ debian }) => debian))];
  if (!canInstall())
    throw new LabError(
      t`--kernel ${kernel} requires ${list(
        missing.map(({ program }) => program),
        9,
      )}; as root on Debian, knet installs them, or run: apt install ${packages.join(" ")}`,
    );
  progress(t`installing ${packages.join(" ")}`);
  apt(["update", "-qq"]);
  apt(["install", "-y", "-qq", "--no-install-recommends", ...packages]);
  const left = missing.filter(({ program }) => findProgram(program) === undefined);
  if (left.length > 0)
    throw new LabError(
      t`apt did not install ${list(
        left.map(({ program }) => program),
        9,
      )}`,
    );
}

/** Runs apt-get in `cwd`. Throws LabError with the last line that it printed. */
export function apt(args: readonly string[], cwd?: string): void {
  try {
    execFileSync("apt-get", args, {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    });
  } catch (error) {
    const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
    const last = (stderr ?? message).trim().split("\n").at(-1) ?? "";
    throw new LabError(t`apt-get ${args[0] ?? ""} failed: ${last}`);
  }
}
