/** Runs dockerd on each node of a topology and a container for each pod, and compares nodes and pods with knet's prediction. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import { hostPortsOf } from "../../../server/src/cni/portmap.ts";
import type { Netns, NfChain } from "../../../server/src/dataplane/model.ts";
import { ruleSections } from "../../../server/src/dataplane/rules.ts";
import type { Node, Pod } from "../../../server/src/topology/model.ts";
import {
  kernelRoutes,
  type Lines,
  linksOf,
  observedDevice,
  observedPod,
  predictedDevice,
  predictedPod,
  predictedRoutes,
  routeLine,
} from "../lines.ts";
import { bareNetwork, buildSpaces, inSpace } from "../spaces.ts";
import { analysisOf, bag, type Comparison, differences, failed, type PlaceState, sizeOf } from "../suite.ts";
import type { DockerCase } from "./cases.ts";
import { EXCEPTIONS } from "./exceptions.ts";

const PATIENCE = 120_000;
const BRIDGE = "docker0";

/** `root`: the folder with Docker's files. A string: why Docker does not run on this machine, such as missing cgroups. */
export function compareCase(one: DockerCase, root: string): Promise<Comparison | string> {
  return compared(one, root).catch((error: Error) =>
    error.name === NOT_RUNNING ? error.message : failed(one.name, error),
  );
}

const NOT_RUNNING = "NotRunning";

function notRunning(message: string): Error {
  const error = new Error(message);
  error.name = NOT_RUNNING;
  return error;
}

async function compared({ name, text }: DockerCase, root: string): Promise<Comparison> {
  const { topology, network } = analysisOf(`docker ${name.replaceAll("/", " ")}`, text);
  const cluster = topology.clusters.find(({ cni }) => cni.plugin === "docker");
  if (!cluster) throw new Error("no cluster with docker");
  const bare = bareNetwork(topology);
  const routers = topology.routers.map(({ path }) => path);
  const spaces = await buildSpaces(bare, [...routers, ...cluster.nodes.map(({ path }) => path)], () => false);
  const running: Daemon[] = [];
  const names: string[] = [];
  try {
    const real = new Map<string, PlaceState>();
    const knet = new Map<string, PlaceState>();
    for (const node of cluster.nodes) {
      const space = spaces.names.get(node.path) ?? "";
      const netns = network.netns(node.path);
      const empty = bare.netns(node.path);
      if (!netns || !empty) throw new Error(`no ${node.path}`);
      const daemon = await startDocker({ root, space, folder: join(spaces.folder, node.name), node, netns });
      running.push(daemon);
      for (const pod of cluster.pods.podsOn(node)) {
        const own = `${space}.${pod.name}`;
        runContainer(daemon, pod, own);
        names.push(own);
        const predicted = network.netns(pod.path);
        if (!predicted) throw new Error(`no ${pod.path}`);
        knet.set(pod.path, bag(predictedPod(predicted)));
        real.set(pod.path, bag(observedPod(own)));
      }
      knet.set(node.name, bag(predictedNode(netns, empty)));
      real.set(node.name, bag(observedNode(space, empty)));
      for (const [chain, lines] of chainsOf(inSpace(space, ["iptables-save"])))
        real.set(`${node.name}: ${chain}`, { lines, unordered: false });
      for (const [chain, lines] of chainsOf(loaded(netns, `${space}.knet`)))
        knet.set(`${node.name}: ${chain}`, { lines, unordered: false });
    }
    const used = new Map<string, number>();
    const found = differences(real, knet, EXCEPTIONS, used);
    return { name, entries: sizeOf(knet), differences: found, exceptions: [...used] };
  } finally {
    for (const daemon of running) await daemon.stop();
    for (const own of names) spawnSync("ip", ["netns", "del", own]);
    await spaces.down();
  }
}

/* -------------------------------------------------------------------- docker */

interface Daemon {
  docker(...argv: readonly string[]): string;
  stop(): Promise<void>;
}

interface Place {
  readonly root: string;
  readonly space: string;
  readonly folder: string;
  readonly node: Node;
  readonly netns: Netns;
}

async function startDocker({ root, space, folder, netns }: Place): Promise<Daemon> {
  mkdirSync(folder);
  const socket = join(folder, "docker.sock");
  const env = {
    ...process.env,
    PATH: `${join(root, "usr/bin")}:${join(root, "usr/sbin")}:${process.env["PATH"]}:/usr/sbin:/sbin`,
    LD_LIBRARY_PATH: ["lib", "usr/lib"].map((one) => join(root, one, "x86_64-linux-gnu")).join(":"),
  };
  // dockerd sets the policy of FORWARD only if it enables forwarding itself (setupIPForwarding, setup_ip_forwarding.go).
  const drops = chainsIn(netns).some(({ name, policy }) => name === "FORWARD" && policy === "DROP");
  inSpace(space, ["sysctl", "-qw", `net.ipv4.ip_forward=${drops ? 0 : 1}`]);
  // Not `ip netns exec`, which hides the cgroups.
  const start = 'mount -t tmpfs run /run && exec "$@"';
  const files = ["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec"), "-p", join(folder, "pid")];
  const child = spawn(
    "nsenter",
    [
      ...[`--net=/run/netns/${space}`, "unshare", "-m", "sh", "-c", start, "sh"],
      ...["dockerd", ...files, "-H", `unix://${socket}`, "--storage-driver", "vfs", ...flagsOf(netns)],
    ],
    { env, stdio: ["ignore", "ignore", "pipe"] },
  );
  const log: Buffer[] = [];
  child.stderr.on("data", (data: Buffer) => log.push(data));
  const docker = (...argv: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync("docker", ["-H", `unix://${socket}`, ...argv], {
      env,
      encoding: "utf8",
    });
    if (status !== 0) throw notRunning(`docker ${argv.join(" ")}: ${stderr.trim()}`);
    return stdout.trim();
  };
  const daemon = { docker, stop: () => stop(child, docker) };
  const started = performance.now();
  while (!existsSync(socket) || !answers(daemon)) {
    if (child.exitCode !== null || performance.now() - started > PATIENCE) {
      await daemon.stop();
      throw notRunning(`dockerd: ${Buffer.concat(log).toString().trim().split("\n").at(-1)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  docker("import", imageIn(root, folder), "image");
  return daemon;
}

/** The options that produce this docker0. */
function flagsOf(netns: Netns): readonly string[] {
  const bridge = netns.devices.get(BRIDGE);
  const [address] = bridge?.addresses ?? [];
  if (!bridge || !address) throw new Error("no docker0");
  const masquerades = chainsIn(netns).some(
    ({ name, rules }) =>
      name === "POSTROUTING" &&
      rules.some(({ matches }) => matches.some((one) => one.kind === "out" && one.is === BRIDGE)),
  );
  const bip = `${formatIp(address.ip)}/${address.len}`;
  return [
    ...(bip === "172.17.0.1/16" ? [] : ["--bip", bip]),
    ...(bridge.mtu === 1500 ? [] : ["--mtu", String(bridge.mtu)]),
    ...(masquerades ? [] : ["--ip-masq=false"]),
  ];
}

function chainsIn({ netfilter }: Netns): readonly NfChain[] {
  return [...netfilter.chains(4)].map(({ chain }) => chain);
}

function answers({ docker }: Daemon): boolean {
  try {
    docker("info");
    return true;
  } catch {
    return false;
  }
}

/** An image with busybox. */
function imageIn(root: string, folder: string): string {
  const content = join(folder, "image");
  mkdirSync(content);
  copyFileSync(join(root, "bin/busybox"), join(content, "busybox"));
  const archive = join(folder, "image.tar");
  const { status, stderr } = spawnSync("tar", ["-C", content, "-cf", archive, "busybox"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`tar: ${stderr.trim()}`);
  return archive;
}

/** `name`: under which the container's network namespace can be entered. */
function runContainer({ docker }: Daemon, pod: Pod, name: string): void {
  const ports = hostPortsOf(pod).flatMap(({ port, target, proto }) => ["-p", `${port}:${target}/${proto}`]);
  const id = docker("run", "-d", ...ports, "image", "/busybox", "sleep", "100000");
  const pid = docker("inspect", "-f", "{{.State.Pid}}", id);
  const { status, stderr } = spawnSync("ip", ["netns", "attach", name, pid], { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip netns attach: ${stderr.trim()}`);
}

async function stop(child: ChildProcess, docker: Daemon["docker"]): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  try {
    for (const id of docker("ps", "-q").split("\n")) if (id !== "") docker("rm", "-f", id);
  } catch {
    // It does not respond; its containers end with it.
  }
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await ended;
  clearTimeout(late);
}

/* --------------------------------------------------------------------- nodes */

function predictedNode(netns: Netns, bare: Netns): Lines {
  const before = new Set(predictedRoutes(bare).map(routeLine));
  return [
    ...[...netns.devices.values()].filter(({ name }) => !bare.devices.has(name)).flatMap(predictedDevice),
    ...predictedRoutes(netns)
      .map(routeLine)
      .filter((line) => !before.has(line)),
  ].map(withoutNames);
}

function observedNode(space: string, bare: Netns): Lines {
  const before = new Set(predictedRoutes(bare).map(routeLine));
  return [
    ...linksOf(space)
      .filter(({ ifname }) => !bare.devices.has(ifname))
      .flatMap((link) => observedDevice(link, link.ifname)),
    ...kernelRoutes(space).filter((line) => !before.has(line)),
  ].map(withoutNames);
}

/** The names of host ends are random. */
function withoutNames(line: string): string {
  return line.replaceAll(/\bveth[0-9a-f]{7}\b/g, "veth…");
}

/** knet's rules as the same tool prints them. */
function loaded(netns: Netns, name: string): string {
  const section = ruleSections(netns).find(({ command }) => command === "iptables-save");
  spawnSync("ip", ["netns", "add", name]);
  try {
    const input = `${(section?.lines ?? []).map(({ text }) => text).join("\n")}\n`;
    const argv = ["netns", "exec", name, "iptables-restore"];
    const { status, stderr } = spawnSync("ip", argv, { input, encoding: "utf8" });
    if (status !== 0) throw new Error(`iptables-restore: ${stderr.trim()}`);
    return inSpace(name, ["iptables-save"]);
  } finally {
    spawnSync("ip", ["netns", "del", name]);
  }
}

/** "filter FORWARD" → its policy and its rules; without empty chains of the kernel. */
function chainsOf(saved: string): ReadonlyMap<string, Lines> {
  const chains = new Map<string, string[]>();
  let table = "";
  for (const line of saved.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1);
    const [, declared = "", policy = ""] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (declared !== "") chains.set(`${table} ${declared}`, policy === "ACCEPT" ? [] : [`policy ${policy}`]);
    const [, chain = "", rule = ""] = /^-A (\S+) (.*)$/.exec(line) ?? [];
    if (chain !== "") chains.get(`${table} ${chain}`)?.push(rule);
  }
  return chains;
}

export function dockerVersion(root: string): string {
  const { stdout } = spawnSync(join(root, "usr/bin/docker"), ["--version"], { encoding: "utf8" });
  return /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? "";
}
