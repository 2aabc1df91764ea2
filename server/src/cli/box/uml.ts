/**
 * User-Mode Linux: a complete kernel as a process, without privileges and without virtualization. Debian's package
 * `user-mode-linux` has the program and its modules; it has everything that knet models except WireGuard.
 */
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { t } from "../../text/l10n.ts";
import { LabError } from "../errors.ts";
import { guestScript } from "./guest.ts";
import { findProgram, type Requirement, requirePrograms } from "./packages.ts";

const MODULES = "/usr/lib/uml/modules";
const PROGRAMS: readonly Requirement[] = [{ program: "linux.uml", debian: "user-mode-linux" }];

/** The command line that boots the guest; `folder` is a temporary folder of this box. */
export function umlCommand(folder: string, memory: string, progress: (text: string) => void): readonly string[] {
  requirePrograms("uml", PROGRAMS, progress);
  const program = findProgram("linux.uml");
  if (program === undefined || !existsSync(MODULES))
    throw new LabError(t`linux.uml is installed without its modules in ${MODULES}`);
  const init = join(folder, "init");
  writeFileSync(init, `#!/bin/bash\n${guestScript(MODULES)}`);
  chmodSync(init, 0o755);
  return [
    program,
    `mem=${memory}`,
    "rootfstype=hostfs",
    "rw",
    `init=${init}`,
    // Standard input has to be given, or the console waits for an xterm.
    "con0=fd:0,fd:1",
    "con=null",
    "quiet",
    `uml_dir=${folder}`,
    "umid=box",
  ];
}
