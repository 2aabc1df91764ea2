/**
 * QEMU without KVM: Debian's kernel with all modules, including WireGuard, emulated. It boots in about ten seconds and runs
 * several times slower than the host. The kernel package is unpacked into a cache, never installed.
 */
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { t } from "../../text/l10n.ts";
import { LabError } from "../errors.ts";
import { guestScript } from "./guest.ts";
import { apt, canInstall, findProgram, type Requirement, requirePrograms } from "./packages.ts";

const PROGRAMS: readonly Requirement[] = [
  { program: "qemu-system-x86_64", debian: "qemu-system-x86" },
  { program: "busybox", debian: "busybox-static" },
  { program: "cpio", debian: "cpio" },
  { program: "modprobe", debian: "kmod" },
];

/** An unpacked Debian kernel. */
interface Kernel {
  readonly release: string;
  readonly image: string;
  /** The folder above `lib/modules`. */
  readonly root: string;
}

/** The command line that boots the guest; `folder` is a temporary folder of this box. */
export function qemuCommand(folder: string, memory: string, progress: (text: string) => void): readonly string[] {
  requirePrograms("qemu", PROGRAMS, progress);
  const kernel = cachedKernel(progress);
  const script = join(folder, "guest.sh");
  writeFileSync(script, guestScript(join(kernel.root, "lib/modules")));
  const initrd = makeInitrd(kernel, folder, script);
  return [
    "qemu-system-x86_64",
    ...["-accel", "tcg,thread=multi", "-m", memory, "-smp", "2", "-nographic", "-no-reboot"],
    ...["-kernel", kernel.image, "-initrd", initrd],
    ...["-virtfs", "local,path=/,mount_tag=host,security_model=none,multidevs=remap"],
    ...["-append", "console=ttyS0 quiet loglevel=1 panic=-1"],
  ];
}

/** The unpacked kernel in the cache; downloads the current one if the cache is empty. */
function cachedKernel(progress: (text: string) => void): Kernel {
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "knet");
  const folder = join(cache, "linux");
  const found = kernelIn(folder);
  if (found) return found;
  if (!canInstall())
    throw new LabError(
      t`--kernel qemu requires a Debian kernel unpacked in ${folder}; as root on Debian, knet downloads it`,
    );
  progress(t`downloading the kernel package linux-image-amd64`);
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "unpack-"));
  try {
    apt(["update", "-qq"]);
    const depends = execFileSync("apt-cache", ["depends", "linux-image-amd64"], { encoding: "utf8" });
    const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
    if (name === undefined) throw new LabError(t`apt knows no package linux-image-amd64`);
    apt(["download", name], work);
    const archive = readdirSync(work).find((file) => file.endsWith(".deb")) ?? "";
    execFileSync("dpkg-deb", ["-x", join(work, archive), join(work, "linux")]);
    const release = readdirSync(join(work, "linux/lib/modules"))[0] ?? "";
    execFileSync(findProgram("depmod") ?? "depmod", ["-b", join(work, "linux"), release]);
    // Another process might have been faster.
    if (!existsSync(folder)) renameSync(join(work, "linux"), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const made = kernelIn(folder);
  if (!made) throw new LabError(t`the kernel package has no kernel image in ${folder}`);
  return made;
}

function kernelIn(root: string): Kernel | undefined {
  const modules = join(root, "lib/modules");
  const release = existsSync(modules) ? readdirSync(modules)[0] : undefined;
  if (release === undefined) return undefined;
  const image = join(root, `boot/vmlinuz-${release}`);
  return existsSync(image) && existsSync(join(modules, release, "modules.dep")) ? { release, image, root } : undefined;
}

/** Busybox and the modules that mount the host's file system over 9p; then the guest's script takes over. */
function makeInitrd({ release, root }: Kernel, folder: string, script: string): string {
  const tree = join(folder, "initrd");
  for (const name of ["bin", "modules", "host", "proc"]) mkdirSync(join(tree, name), { recursive: true });
  copyFileSync(findProgram("busybox") ?? "busybox", join(tree, "bin/busybox"));
  const order: string[] = [];
  for (const module of ["virtio_pci", "9pnet_virtio", "9p"]) {
    const lines = execFileSync(
      findProgram("modprobe") ?? "modprobe",
      ["-d", root, "-S", release, "--show-depends", module],
      { encoding: "utf8" },
    );
    for (const [, file = ""] of lines.matchAll(/^insmod (\S+)/gm)) {
      const name = basename(file);
      if (order.includes(name)) continue;
      order.push(name);
      copyFileSync(file, join(tree, "modules", name));
    }
  }
  const init = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
${order.map((name) => `insmod /modules/${name}`).join("\n")}
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose host /host
mount -t devtmpfs dev /host/dev
mkdir -p /host/dev/pts /host/dev/shm
stty -onlcr </dev/console
exec chroot /host /bin/bash ${script}
`;
  writeFileSync(join(tree, "init"), init, { mode: 0o755 });
  const image = join(folder, "initrd.gz");
  execFileSync("sh", ["-c", 'cd "$1" && find . | cpio -o -H newc --quiet | gzip -1 >"$2"', "sh", tree, image]);
  return image;
}
