/** Whether this machine can build labs. As root on Debian, installs missing programs. */
import { spawnSync } from "node:child_process";

const NEEDED: Readonly<Record<string, string>> = {
  ip: "iproute2",
  bridge: "iproute2",
  iptables: "iptables",
  nft: "nftables",
  ipset: "ipset",
  python3: "python3",
  ipvsadm: "ipvsadm",
  wg: "wireguard-tools",
};

function missing(): readonly string[] {
  const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  return Object.keys(NEEDED).filter(
    (tool) => spawnSync("sh", ["-c", `command -v ${tool}`], { env: { ...process.env, PATH: path } }).status !== 0,
  );
}

/** The reason why this machine cannot build labs, or undefined if it can. */
export async function whyNot(): Promise<string | undefined> {
  if (process.platform !== "linux") return "requires Linux";
  if (process.getuid?.() !== 0) return "network namespaces require root";
  const packages = [...new Set(missing().map((tool) => NEEDED[tool] ?? tool))];
  if (packages.length > 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    spawnSync("apt-get", ["update", "-qq"], { env, stdio: "ignore" });
    spawnSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { env, stdio: "ignore" });
    const left = missing();
    if (left.length > 0) return `${left.join(", ")} not installed (Debian: apt install ${packages.join(" ")})`;
  }
  const name = `knet-try-${process.pid}`;
  const made = spawnSync("ip", ["netns", "add", name], { encoding: "utf8" });
  spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  return made.status === 0 ? undefined : `cannot create network namespaces (${made.stderr.trim()})`;
}
