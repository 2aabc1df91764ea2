/** Runs CNI plugins as a container runtime does, and compares the pods and nodes with knet's prediction. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import { hostPortsOf } from "../../../server/src/cni/portmap.ts";
import type { Netns } from "../../../server/src/dataplane/model.ts";
import type { Analysis } from "../../../server/src/service/analysis.ts";
import type { Node, Pod } from "../../../server/src/topology/model.ts";
import {
  type Chains,
  FAMILIES,
  kernelChains,
  kernelRoutes,
  type Lines,
  linksOf,
  observedDevice,
  observedPod,
  predictedChains,
  predictedDevice,
  predictedPod,
  predictedRoutes,
  routeLine,
} from "../lines.ts";
import { bareNetwork, buildSpaces } from "../spaces.ts";
import { analysisOf, bag, type Comparison, differences, failed, type PlaceState, sizeOf } from "../suite.ts";
import type { CniCase, Plugin } from "./cases.ts";
import { EXCEPTIONS } from "./exceptions.ts";

interface PodRun {
  readonly pod: Pod;
  readonly node: Node;
  /** Names of the network namespaces. */
  readonly name: string;
  readonly nodeName: string;
}

/** `plugins`: the folder with the programs. */
export function compareCase(one: CniCase, plugins: string): Promise<Comparison> {
  return compared(one, plugins).catch((error: Error) => failed(one.name, error));
}

async function compared(one: CniCase, plugins: string): Promise<Comparison> {
  const { topology, network } = analysisOf(`cni ${one.name}`, one.text);
  const [cluster] = topology.clusters;
  if (!cluster) throw new Error("no cluster");
  const bare = bareNetwork(topology);
  const nodes = cluster.nodes.map(({ path }) => path);
  const spaces = await buildSpaces(bare, [...topology.routers.map(({ path }) => path), ...nodes], () => false);
  const pods: PodRun[] = [];
  try {
    for (const node of cluster.nodes) {
      for (const pod of cluster.pods.podsOn(node)) {
        const run: PodRun = {
          pod,
          node,
          name: `${spaces.names.get(node.path)}.${pod.name}`,
          nodeName: spaces.names.get(node.path) ?? "",
        };
        command("ip", ["netns", "add", run.name]);
        pods.push(run);
        command("ip", ["-n", run.name, "link", "set", "lo", "up"]);
        addPod(one, run, { plugins, folder: spaces.folder, topology });
      }
    }
    const knet = new Map<string, PlaceState>();
    const real = new Map<string, PlaceState>();
    const judge = (id: string, expected: Lines, seen: Lines): void => {
      knet.set(id, bag(expected));
      real.set(id, bag(seen));
    };
    for (const { pod, name } of pods) {
      const netns = network.netns(pod.path);
      if (!netns) throw new Error(`no ${pod.path}`);
      judge(pod.name, predictedPod(netns), observedPod(name));
    }
    for (const node of cluster.nodes) {
      const [netns, empty] = [network.netns(node.path), bare.netns(node.path)];
      if (!netns || !empty) throw new Error(`no ${node.path}`);
      const own = pods.filter((pod) => pod.node === node);
      judge(node.name, predictedNode(netns, empty, own), observedNode(spaces.names.get(node.path) ?? "", empty, own));
    }
    const used = new Map<string, number>();
    const found = differences(real, knet, EXCEPTIONS, used);
    return { name: one.name, entries: sizeOf(knet), differences: found, exceptions: [...used] };
  } finally {
    for (const { name } of pods) spawnSync("ip", ["netns", "del", name]);
    await spaces.down();
  }
}

/* ------------------------------------------------------------------- plugins */

interface Around {
  readonly plugins: string;
  readonly folder: string;
  readonly topology: Analysis["topology"];
}

/** ADD of each plugin of the list, with the result of the one before (CNI specification, section 4). */
function addPod(one: CniCase, run: PodRun, { plugins, folder, topology }: Around): void {
  const { pod, node } = run;
  const own = join(folder, `ipam-${node.name}`);
  mkdirSync(own, { recursive: true });
  const gateways = (topology.segments.get(node.interfaces[0]?.segment ?? "")?.gateways ?? []).map(formatIp);
  const conf = one.conf({ node, pod, folder: own, gateways });
  let prevResult: unknown;
  for (const plugin of conf.plugins) {
    const input = {
      cniVersion: "1.0.0",
      name: conf.name,
      ...plugin,
      ...(prevResult === undefined ? {} : { prevResult }),
      ...runtimeConfig(plugin, pod),
    };
    const env = {
      ...process.env,
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: createHash("sha256").update(pod.path).digest("hex"),
      CNI_NETNS: `/run/netns/${run.name}`,
      CNI_IFNAME: "eth0",
      CNI_PATH: plugins,
      PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`,
    };
    const { stdout, stderr, status } = spawnSync("ip", ["netns", "exec", run.nodeName, join(plugins, plugin.type)], {
      input: JSON.stringify(input),
      env,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${plugin.type} for ${pod.name}: ${stdout.trim()} ${stderr.trim()}`);
    if (stdout.trim() !== "") prevResult = JSON.parse(stdout);
  }
}

function runtimeConfig({ capabilities }: Plugin, pod: Pod): object {
  if (capabilities === undefined) return {};
  const portMappings = hostPortsOf(pod).map(({ port, target, proto }) => ({
    hostPort: port,
    containerPort: target,
    protocol: proto,
  }));
  return { runtimeConfig: { portMappings } };
}

function command(program: string, argv: readonly string[]): void {
  const { status, stderr } = spawnSync(program, argv, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${argv.join(" ")}: ${stderr.trim()}`);
}

/** A folder in which the programs have the names that configurations use. */
export function pluginFolder(folder: string, paths: ReadonlyMap<string, string>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, path] of paths) symlinkSync(path, join(folder, name));
  return folder;
}

/* --------------------------------------------------------------------- nodes */

/** Names that plugins make up → the pod: of host ends, and of chains. */
type Names = ReadonlyMap<string, string>;

function predictedNode(netns: Netns, bare: Netns, pods: readonly PodRun[]): Lines {
  const names = new Map(
    [...netns.devices.values()].flatMap((device) =>
      device.kind === "veth" ? [[device.name, podName(pods, device.peer.netns)] as const] : [],
    ),
  );
  const before = new Set(predictedRoutes(bare).map(routeLine));
  const created = [...netns.devices.values()].filter(
    ({ name }) => !bare.devices.has(name) && !name.startsWith("flannel"),
  );
  return [
    ...created.flatMap(predictedDevice).map((line) => renamed(line, names)),
    ...predictedRoutes(netns)
      .map(routeLine)
      .filter((line) => !before.has(line) && created.some(({ name }) => line.includes(`dev ${name}`)))
      .map((line) => renamed(line, names)),
    ...FAMILIES.flatMap((family) => chainLines(family, predictedChains(netns, family), pods)),
  ];
}

function podName(pods: readonly PodRun[], path: string): string {
  return `host end of ${pods.find(({ pod }) => pod.path === path)?.pod.name ?? path}`;
}

function renamed(line: string, names: Names): string {
  return line.replaceAll(/\bveth[0-9a-f]+\b/g, (name) => names.get(name) ?? name);
}

function observedNode(name: string, bare: Netns, pods: readonly PodRun[]): Lines {
  const links = linksOf(name);
  const names = new Map(
    links
      .filter(({ ifname }) => ifname.startsWith("veth"))
      .map(({ ifname }) => [ifname, `host end of ${podBehind(name, ifname, pods)}`] as const),
  );
  const before = new Set(predictedRoutes(bare).map(routeLine));
  return [
    ...links
      .filter(({ ifname }) => !bare.devices.has(ifname))
      .flatMap((link) => observedDevice(link, link.ifname))
      .map((line) => renamed(line, names)),
    ...kernelRoutes(name)
      .filter((line) => !before.has(line))
      .map((line) => renamed(line, names)),
    ...FAMILIES.flatMap((family) => chainLines(family, kernelChains(name, family), pods)),
  ];
}

/** The pod whose eth0 has the interface index of the host end's peer. */
function podBehind(node: string, device: string, pods: readonly PodRun[]): string {
  const read = (name: string, path: string): string =>
    spawnSync("ip", ["netns", "exec", name, "cat", path], { encoding: "utf8" }).stdout.trim();
  const own = read(node, `/sys/class/net/${device}/ifindex`);
  const peer = read(node, `/sys/class/net/${device}/iflink`);
  const found = pods.find(
    ({ name }) =>
      read(name, "/sys/class/net/eth0/ifindex") === peer && read(name, "/sys/class/net/eth0/iflink") === own,
  );
  return found?.pod.name ?? device;
}

/**
 * A line for each chain of a plugin, with its rules in order. A chain of a pod is named after the pod, whose address is
 * in its rules or in those that lead to it.
 */
function chainLines(family: 4 | 6, chains: Chains, pods: readonly PodRun[]): Lines {
  const names = new Map<string, string>();
  const all = [...chains].flatMap(([chain, rules]) => rules.map((rule) => ({ chain, rule })));
  for (const { chain, rule } of all) {
    const target = /-j (CNI-(?:DN-)?[0-9a-f]{16,})$/.exec(rule)?.[1];
    const source = /-s (\S+?)(?:\/\d+)? /.exec(rule)?.[1];
    if (target !== undefined && !target.startsWith("CNI-DN-")) names.set(target, `CNI ${nameOf(pods, source)}`);
    const [, v6, v4] = /--to-destination (?:\[([^\]]+)\]|([\d.]+)):\d+/.exec(rule) ?? [];
    const translated = v6 ?? v4;
    if (chain.startsWith("CNI-DN-") && translated !== undefined) names.set(chain, `CNI-DN ${nameOf(pods, translated)}`);
  }
  return [...chains].flatMap(([chain, rules]) => {
    const own = /^CNI-/.test(chain) ? rules : rules.filter((rule) => /-j CNI-/.test(rule));
    if (own.length === 0) return [];
    const text = own.map((rule) => rule.replaceAll(/CNI-(?:DN-)?[0-9a-f]{16,}/g, (name) => names.get(name) ?? name));
    return [`chain ${family} ${names.get(chain) ?? chain}: ${text.join("; ")}`];
  });
}

function nameOf(pods: readonly PodRun[], address: string | undefined): string {
  return pods.find(({ pod }) => pod.addresses.some((ip) => formatIp(ip) === address))?.pod.name ?? address ?? "";
}
