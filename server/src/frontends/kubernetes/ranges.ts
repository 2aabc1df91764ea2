/** The pod and service CIDRs of a cluster, by the places that state them in the order of trust. */
import {
  formatPrefix,
  type Ip,
  type Prefix,
  parseIp,
  parsePrefix,
  prefixContains,
  prefixCovers,
  prefixEquals,
  prefixOf,
} from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import { isRecord, type Json, listAt, type Path, textAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import type { Installer } from "../config/installer.ts";
import {
  configMap,
  type Evidence,
  inside,
  parsed,
  rangesIn,
  resources,
  shown,
  textIn,
  textOf,
  textsOf,
} from "./evidence.ts";
import { disagree, note, type Reading } from "./inference.ts";
import { internalIps, type KubeObject } from "./object.ts";
import { distributionOf } from "./plugins/distribution.ts";
import { nodeRangesOf } from "./plugins/index.ts";
import type { Plugin } from "./plugins/plugin.ts";
import { controlPlane, flag } from "./programs.ts";
import { proxyConfig, proxyFlag } from "./proxy.ts";

type Range = Evidence<Prefix>;

/** Values of the cluster that several places state. */
export interface RangeSources {
  readonly reading: Reading;
  readonly plugin: Plugin | undefined;
  readonly installers: readonly Installer[];
  /** Where values without evidence are located: the input as a whole. */
  readonly origin: KubeObject;
  /** The keywords that a `.knet` file states around the objects. */
  readonly stated: ReadonlySet<string>;
}

const DEFAULT_PODS = "10.244.0.0/16";
const DEFAULT_SERVICES = "10.96.0.0/12";

/* ------------------------------------------------------------------ pods */

/** A range that a place states, and whether it may be wider than the pod CIDR. */
interface Stated extends Range {
  readonly mayCover: boolean;
}

function statedPods({ reading, plugin, installers }: RangeSources): readonly Stated[] {
  const { dump } = reading;
  const server = distributionOf(dump);
  const kubeadm = kubeadmConfig(reading);
  const exact = [
    ...rangesIn(flag(controlPlane(dump, "kube-controller-manager"), "cluster-cidr")),
    ...rangesIn(textIn(kubeadm, "networking", "podSubnet")),
    ...openShift(reading, "clusterNetwork", "cidr"),
    ...rangesIn(server?.flag("cluster-cidr")),
    ...installers.flatMap(({ pods }) => pods),
  ];
  const covering = [
    ...(plugin?.ownRanges ? [] : (plugin?.ranges ?? [])),
    ...rangesIn(textIn(proxyConfig(reading), "clusterCIDR"), proxyFlag(reading, "cluster-cidr")),
  ];
  const usual = exact.length + covering.length + (plugin?.ranges.length ?? 0) === 0 ? server : undefined;
  return [
    ...exact.map((one) => ({ ...one, mayCover: plugin?.ownRanges === true })),
    ...covering.map((one) => ({ ...one, mayCover: true })),
    // The default of k3s and RKE2.
    ...rangesIn(usual && { ...usual, value: "10.42.0.0/16" }).map((one) => ({ ...one, mayCover: true })),
  ];
}

/** The `pods` statements, and the ranges that they declare. */
export interface PodRanges {
  readonly drafts: readonly Draft[];
  readonly prefixes: readonly Prefix[];
}

export function podRanges(sources: RangeSources): PodRanges {
  const { reading, plugin } = sources;
  const stated = statedPods(sources);
  const nodes = plugin?.ownRanges ? [] : reading.dump.nodes.flatMap((node) => nodeRangesOf(plugin, node));
  const used = (["number", "bigint"] as const).flatMap((kind): readonly Range[] => {
    const is = ({ value }: Range): boolean => typeof value.ip === kind;
    const own = plugin?.ownRanges ? plugin.ranges.filter(is) : [];
    if (own.length > 0) return ownRanges(reading, own, stated.filter(is));
    return commonRange(reading, stated.filter(is), nodes.filter(is));
  });
  // Calico's pods are in pools; a plugin with addresses of the nodes' network has no pod CIDR.
  const needsNone = plugin?.ownRanges === true && plugin.ranges.length === 0 && plugin.defaultPods === undefined;
  if (needsNone) return { drafts: [], prefixes: [] };
  if (used.length === 0) {
    const place = defaultRange(sources, "pods", plugin?.defaultPods ?? DEFAULT_PODS);
    const { value } = place;
    if (!sources.stated.has("pods")) note(reading, place, t`no pod CIDR was found: ${value} is used`);
    return {
      drafts: [shown(place, "pods", { prefix: value })],
      prefixes: rangesIn(place).map((one) => one.value),
    };
  }
  return {
    drafts: used.map((one) =>
      shown(one, "pods", { prefix: formatPrefix(one.value), ...perNode(sources, one.value, nodes) }),
    ),
    prefixes: used.map(({ value }) => value),
  };
}

/** Of an installer, else the usual one. */
function defaultRange({ installers, origin }: RangeSources, of: "pods" | "services", usual: string): Evidence<string> {
  for (const { object, defaults } of installers) {
    const value = defaults?.[of];
    if (value !== undefined) return { value, object, path: [] };
  }
  return { value: usual, object: origin, path: [] };
}

/** Pools can be parts of the pod CIDR that other places state. */
function ownRanges(reading: Reading, pools: readonly Range[], stated: readonly Stated[]): readonly Range[] {
  const [first] = pools;
  for (const one of stated) {
    const isKnown = pools.some(({ value }) => prefixCovers(one.value, value) || prefixEquals(one.value, value));
    if (!isKnown && first) disagree(reading, t`pod CIDR`, texted(one), texted(first));
  }
  // kube-controller-manager has one range per family: the stated one around the pools, else the first pool.
  const outer = stated.find((one) => pools.every(({ value }) => prefixCovers(one.value, value)));
  return pools.length > 1 ? [outer ?? first!] : pools;
}

/** The first stated range with nodes' ranges in it; the others must be equal. */
function commonRange(reading: Reading, stated: readonly Stated[], nodes: readonly Range[]): readonly Range[] {
  const holds = (range: Range): boolean => nodes.some(({ value }) => prefixCovers(range.value, value));
  const used = nodes.length === 0 ? stated[0] : (stated.find(holds) ?? around(nodes, nodeIps(reading)));
  if (!used) return [];
  for (const one of stated) {
    const isIntended = one.mayCover ? prefixCovers(one.value, used.value) : prefixEquals(one.value, used.value);
    if (!isIntended) disagree(reading, t`pod CIDR`, texted(one), texted(used));
  }
  for (const one of nodes)
    if (!prefixCovers(used.value, one.value)) disagree(reading, t`pod CIDR`, texted(one), texted(used));
  return [used];
}

function nodeIps({ dump }: Reading): readonly Ip[] {
  return dump.nodes.flatMap((node) => internalIps(node).flatMap((text) => parseIp(text) ?? []));
}

function texted(range: Range): Evidence<string> {
  return { ...range, value: formatPrefix(range.value) };
}

/** The smallest of the usual range sizes that contains all ranges and no node; else the smallest prefix around all ranges. */
function around(ranges: readonly Range[], nodes: readonly Ip[]): Range | undefined {
  const [first] = ranges;
  if (!first) return undefined;
  for (const len of typeof first.value.ip === "number" ? [16, 12, 8, 4, 0] : [56, 48, 32, 16, 0]) {
    if (len > first.value.len) continue;
    const value = prefixOf(first.value.ip, len);
    if (!ranges.every((one) => prefixCovers(value, one.value))) continue;
    if (nodes.every((ip) => !prefixContains(value, ip))) return { ...first, value };
    break;
  }
  for (let { len } = first.value; len >= 0; len -= 1) {
    const value = prefixOf(first.value.ip, len);
    if (ranges.every((one) => prefixCovers(value, one.value))) return { ...first, value };
  }
  return undefined;
}

/** The length of the nodes' ranges, if it is not the default of kube-controller-manager: 24 and 64. */
function perNode(
  { reading, installers }: RangeSources,
  range: Prefix,
  nodes: readonly Range[],
): { "per-node"?: string } {
  const isIpv4 = typeof range.ip === "number";
  const usual = isIpv4 ? 24 : 64;
  const own = nodes.filter(({ value }) => typeof value.ip === typeof range.ip).map(({ value }) => value.len);
  const manager = controlPlane(reading.dump, "kube-controller-manager");
  const stated =
    flag(manager, `node-cidr-mask-size-ipv${isIpv4 ? 4 : 6}`) ??
    (isIpv4 ? flag(manager, "node-cidr-mask-size") : undefined) ??
    distributionOf(reading.dump)?.flagOf("kube-controller-manager", "node-cidr-mask-size") ??
    (isIpv4 ? (hostPrefix(reading) ?? installers.find((one) => one.perNode)?.perNode) : undefined);
  const length = new Set(own).size === 1 ? own[0] : Number(stated?.value ?? usual);
  return length === undefined || !Number.isInteger(length) || length === usual ? {} : { "per-node": `/${length}` };
}

/* ------------------------------------------------------------------ services */

export function serviceRanges(sources: RangeSources): readonly Draft[] {
  const { reading, installers, origin } = sources;
  const { dump } = reading;
  const server = distributionOf(dump);
  const objects = resources(dump, "ServiceCIDR", "networking.k8s.io").flatMap((object) =>
    rangesIn(...textsOf(object, "spec", "cidrs")),
  );
  const stated = [
    ...rangesIn(flag(controlPlane(dump, "kube-apiserver"), "service-cluster-ip-range")),
    ...rangesIn(flag(controlPlane(dump, "kube-controller-manager"), "service-cluster-ip-range")),
    ...rangesIn(textIn(kubeadmConfig(reading), "networking", "serviceSubnet")),
    ...openShift(reading, "serviceNetwork"),
    ...rangesIn(server?.flag("service-cidr")),
    ...installers.flatMap(({ services }) => services),
  ];
  // The default of k3s and RKE2.
  if (stated.length === 0) stated.push(...rangesIn(server && { ...server, value: "10.43.0.0/16" }));
  const used = (["number", "bigint"] as const).flatMap((kind): readonly Range[] => {
    const is = ({ value }: Range): boolean => typeof value.ip === kind;
    const own = objects.filter(is);
    const others = stated.filter(is);
    // Several ServiceCIDRs are one range together.
    const chosen = own.length > 0 ? own : others.slice(0, 1);
    const [first] = chosen;
    for (const one of others)
      if (first && !chosen.some(({ value }) => prefixEquals(value, one.value)))
        disagree(reading, t`service CIDR`, texted(one), texted(first));
    return chosen;
  });
  const six = used.some(({ value }) => typeof value.ip === "bigint") ? [] : guessedIpv6(reading);
  if (used.length > 0)
    return [...used, ...six].map((one) => shown(one, "services", { prefix: formatPrefix(one.value) }));
  const hasIpv4 = dump.ofKind("Service").some((one) => clusterIps(one).some(({ ip }) => typeof ip === "number"));
  if (six.length > 0 && !hasIpv4) return six.map((one) => shown(one, "services", { prefix: formatPrefix(one.value) }));
  const own = installers.some(({ defaults }) => defaults?.services !== undefined);
  const guessed = own ? defaultRange(sources, "services", DEFAULT_SERVICES) : guessedServices(reading, origin);
  if (own || dump.ofKind("Service").length > 0)
    note(reading, guessed, t`no service CIDR was found: ${guessed.value} is used`);
  return [
    shown(guessed, "services", { prefix: guessed.value }),
    ...six.map((one) => shown(one, "services", { prefix: formatPrefix(one.value) })),
  ];
}

/** The length of kubeadm's documentation for IPv6; kube-apiserver accepts at most 2^20 addresses. */
const IPV6_SERVICES = 112;

/** Without evidence: around the first IPv6 ClusterIP. */
function guessedIpv6(reading: Reading): readonly Range[] {
  for (const object of reading.dump.ofKind("Service")) {
    for (const { ip, path } of clusterIps(object)) {
      if (typeof ip === "number") continue;
      const value = prefixOf(ip, IPV6_SERVICES);
      const place = { value, object, path };
      note(reading, place, t`no IPv6 service CIDR was found: ${formatPrefix(value)} is used`);
      return [place];
    }
  }
  return [];
}

function clusterIps(object: KubeObject): readonly { readonly ip: Ip; readonly path: Path }[] {
  const all = listAt(object.value, "spec", "clusterIPs").map((one, index) => {
    return { text: typeof one === "string" ? one : "", path: ["spec", "clusterIPs", index] };
  });
  const first = { text: textAt(object.value, "spec", "clusterIP") ?? "", path: ["spec", "clusterIP"] };
  return (all.length > 0 ? all : [first]).flatMap(({ text, path }) => {
    const ip = parseIp(text);
    return ip === undefined ? [] : [{ ip, path }];
  });
}

/** Without evidence: the first of the usual ranges that contains the ClusterIPs. */
function guessedServices(reading: Reading, origin: KubeObject): Evidence<string> {
  const services = reading.dump.ofKind("Service");
  const ips = services.flatMap(({ value }): readonly Ip[] => {
    const ip = parseIp(textAt(value, "spec", "clusterIP") ?? "");
    return typeof ip === "number" ? [ip] : [];
  });
  // An assumed range must not overlap what the dump shows.
  const nodes = nodeIps(reading);
  const pods = reading.dump.nodes.flatMap((node) => nodeRangesOf(undefined, node));
  const contains = (text: string): boolean => {
    const prefix = parsePrefix(text)?.prefix;
    if (prefix === undefined) return false;
    const isFree = ips.length > 0 || !nodes.some((ip) => prefixContains(prefix, ip));
    const overlaps = ips.length === 0 && pods.some(({ value }) => prefixCovers(prefix, value));
    return isFree && !overlaps && ips.every((ip) => prefixContains(prefix, ip));
  };
  return { value: USUAL_SERVICES.find(contains) ?? DEFAULT_SERVICES, object: origin, path: [] };
}

/** kubeadm, k3s, EKS (two), kops, AKS, GKE. */
const USUAL_SERVICES = [
  DEFAULT_SERVICES,
  "10.43.0.0/16",
  "172.20.0.0/16",
  "10.100.0.0/16",
  "100.64.0.0/13",
  "10.0.0.0/16",
  "34.118.224.0/20",
];

/* ------------------------------------------------------------------ sources */

export function kubeadmConfig({ dump }: Reading) {
  return parsed(configMap(dump, ["kubeadm-config"], "ClusterConfiguration"));
}

/** A flag of a program in ClusterConfiguration: a map up to v1beta3, a list of names and values in v1beta4. */
export function extraArgument(
  config: Evidence<Json> | undefined,
  component: string,
  name: string,
): Evidence<string> | undefined {
  const path: Path = [component, "extraArgs"];
  if (isRecord(inside(config, ...path)?.value)) return textIn(config, ...path, name);
  const index = listAt(config?.value, ...path).findIndex((one) => textAt(one, "name") === name);
  return index < 0 ? undefined : textIn(config, ...path, index, "value");
}

/** config.openshift.io/v1 Network `cluster`: `status` is in use, `spec` is wished for. */
function openShift({ dump }: Reading, list: string, field?: string): readonly Range[] {
  return resources(dump, "Network", "config.openshift.io").flatMap((object) => {
    const part = listAt(object.value, "status", list).length > 0 ? "status" : "spec";
    if (field === undefined) return rangesIn(...textsOf(object, part, list));
    return listAt(object.value, part, list).flatMap((_, index) => rangesIn(textOf(object, part, list, index, field)));
  });
}

function hostPrefix({ dump }: Reading): Evidence<string> | undefined {
  const [object] = resources(dump, "Network", "config.openshift.io");
  const path = ["clusterNetwork", 0, "hostPrefix"];
  return textOf(object, "status", ...path) ?? textOf(object, "spec", ...path);
}
