/** Calico's settings of nodes: annotations, Node resources of calicoctl, and the blocks that nodes have. */
import {
  compareIp,
  formatIp,
  formatPrefix,
  type Ip,
  type Prefix,
  parseInterfaceAddress,
  parseIp,
  parsePrefix,
  prefixContains,
  prefixOf,
} from "../../../addressing/ip.ts";
import type { Draft } from "../../../declared/build.ts";
import { at, textAt } from "../../../text/json.ts";
import { annotationOf, type Dump, type Evidence, resources, setting, shown, textOf, unless } from "../evidence.ts";
import type { Reading } from "../inference.ts";
import { internalIps, type KubeObject, podCidrTexts } from "../object.ts";
import { podIps } from "../workloads.ts";
import type { CalicoPools } from "./calico-pools.ts";

const PREFIX = "projectcalico.org";

/** The statements of a node's `cni calico` block. */
export function calicoNodes({ dump }: Reading, pools: CalicoPools): (node: KubeObject) => readonly Draft[] {
  const blocks = pools.byPodCidr ? undefined : blocksOf(dump, pools);
  const calicoNode = new Map(resources(dump, "Node", PREFIX).map((object) => [nameIn(object), object]));
  return (node) => {
    const own = calicoNode.get(node.name);
    const found = (annotation: string, field: string): Evidence<string> | undefined =>
      annotationOf(node, `${PREFIX}/${annotation}`) ?? textOf(own, "spec", "bgp", field);
    const addresses = ["4", "6"].flatMap((of) => found(`IPv${of}Address`, `ipv${of}Address`) ?? []);
    const ranges = blocks ? (blocks.get(node.name) ?? []) : podCidrBlocks(node);
    const [first] = ranges;
    return [
      ...setting("route-reflector-cluster-id", unless(found("RouteReflectorClusterID", "routeReflectorClusterID"), "")),
      ...setting("as-number", unless(found("ASNumber", "asNumber"), "", "0")),
      ...addresses.flatMap((one) => addressDrafts(node, one)),
      ...(first ? [shown(first, "block", { prefixes: ranges.map(({ value }) => formatPrefix(value)) })] : []),
    ];
  };
}

/** The name in Kubernetes. */
function nameIn(object: KubeObject): string {
  return textAt(object.value, "spec", "orchRefs", 0, "nodeName") ?? object.name;
}

/** Only an address that differs from the node's InternalIPs. */
function addressDrafts(node: KubeObject, stated: Evidence<string>): readonly Draft[] {
  const ip = parseInterfaceAddress(stated.value)?.ip;
  if (ip === undefined || internalIps(node).some((one) => parseIp(one) === ip)) return [];
  return setting("bgp-address", { ...stated, value: formatIp(ip) });
}

/** With host-local, the podCIDR of a node is its block. */
function podCidrBlocks(node: KubeObject): readonly Evidence<Prefix>[] {
  return podCidrTexts(node).flatMap(({ text, path }) => {
    const prefix = parsePrefix(text)?.prefix;
    return prefix ? [{ value: prefix, object: node, path }] : [];
  });
}

type Blocks = ReadonlyMap<string, readonly Evidence<Prefix>[]>;

/** By node: IPAMBlocks and BlockAffinities; else the blocks around the addresses of the node's pods. */
function blocksOf({ ofKind, pods }: Dump, { blockSizes }: CalicoPools): Blocks {
  const blocks = new Map<string, Map<string, Evidence<Prefix>>>();
  const add = (node: string, found: Evidence<Prefix>): void => {
    const own = blocks.get(node) ?? new Map<string, Evidence<Prefix>>();
    const key = formatPrefix(found.value);
    blocks.set(node, own);
    if (!own.has(key)) own.set(key, found);
  };
  for (const object of [...ofKind("IPAMBlock"), ...ofKind("BlockAffinity")]) {
    const affinity = textAt(object.value, "spec", "affinity");
    const node =
      textAt(object.value, "spec", "node") ??
      (affinity?.startsWith("host:") ? affinity.slice("host:".length) : undefined);
    const prefix = parsePrefix(textAt(object.value, "spec", "cidr") ?? "")?.prefix;
    const isDeleted = ["true", true].includes(at(object.value, "spec", "deleted") as string | boolean);
    if (node !== undefined && prefix && !isDeleted) add(node, { value: prefix, object, path: ["spec", "cidr"] });
  }
  const stated = [...blocks.values()].flatMap((own) => [...own.values()]);
  for (const pod of pods) {
    const node = textAt(pod.value, "spec", "nodeName");
    if (node === undefined || at(pod.value, "spec", "hostNetwork") === true) continue;
    for (const ip of podIps(pod.value).flatMap((text) => parseIp(text) ?? [])) {
      const size = sizeAt(blockSizes, ip);
      if (size === undefined || stated.some(({ value }) => prefixContains(value, ip))) continue;
      add(node, { value: prefixOf(ip, size), object: pod, path: ["status", "podIP"] });
    }
  }
  return new Map(
    [...blocks].map(([node, own]) => [node, [...own.values()].sort((a, b) => compare(a.value.ip, b.value.ip))]),
  );
}

/** The block size of the pool with the address. Undefined: it is in none of the pools. */
function sizeAt(pools: CalicoPools["blockSizes"], ip: Ip): number | undefined {
  if (pools.length === 0) return typeof ip === "number" ? 26 : 122;
  return pools.find(({ cidr }) => prefixContains(cidr, ip))?.size;
}

function compare(a: Ip, b: Ip): number {
  return typeof a === typeof b ? compareIp(a, b) : typeof a === "number" ? -1 : 1;
}
