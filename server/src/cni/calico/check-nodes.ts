/** Nodes without blocks, without a route for their pods' next hop, or without a usable address. */

import { formatIp, formatPrefix, type Ip, prefixCovers } from "../../addressing/ip.ts";
import { childOf } from "../../declared/navigate.ts";
import { headText } from "../../declared/text.ts";
import { valueAt } from "../../memo/memo.ts";
import { t } from "../../text/l10n.ts";
import type { Node } from "../../topology/model.ts";
import { defaultInterface, familyOf } from "../host.ts";
import { CODES, type NetworkProblem, problem } from "../problems.ts";
import { type CalicoCluster, isLoopback, type Member, nodesOf } from "./cluster.ts";
import { blocksIn, isUsable, nodeSettings } from "./settings.ts";

export function checkNodes(calico: CalicoCluster): readonly NetworkProblem[] {
  const nodes = nodesOf(calico.context.cluster);
  return [
    ...withoutBlocks(calico, nodes),
    ...nodes.flatMap((node) => [...podCidrIgnored(node), ...blockOutside(calico, node), ...foreignAddress(node)]),
    ...undetected(calico),
    ...withoutDefaultRoute(calico),
    ...addressTwice(calico),
  ];
}

/** Nodes for which no free block remains. */
function withoutBlocks({ settings, context }: CalicoCluster, nodes: readonly Node[]): NetworkProblem[] {
  const { cluster } = context;
  // Reported elsewhere: Calico rejects this setting without strict affinity.
  if (!settings.autoAllocateBlocks && !settings.strictAffinity) return [];
  return ([4, 6] as const).flatMap((family): NetworkProblem[] => {
    const pools = settings.pools.filter((pool) => isUsable(pool) && familyOf(pool.cidr.ip) === family);
    const [first] = pools;
    if (!first) return [];
    const bits = family === 4 ? 32 : 128;
    const short = nodes.filter(
      ({ podCidrs }) =>
        !podCidrs.some(
          ({ prefix }) =>
            familyOf(prefix.ip) === family &&
            (prefix.len < bits || pools.some(({ blockSize }) => blockSize === bits)) &&
            pools.some(({ cidr }) => prefixCovers(cidr, prefix)),
        ),
    );
    const [node] = short;
    if (!node) return [];
    const data = {
      cluster: cluster.name,
      nodes: short.length,
      node: node.path,
      blocks: pools.reduce((sum, { cidr, blockSize }) => sum + 2 ** Math.min(blockSize - cidr.len, 40), 0),
      size: first.blockSize,
      allocates: settings.autoAllocateBlocks,
      pools: pools.map(({ cidr }) => cidr),
    };
    const related = [{ source: node.source, message: t`node \`${node.path}\`` }];
    return settings.strictAffinity
      ? [problem(CODES.calicoNoBlock, first.source, data, related)]
      : [problem(CODES.calicoFewBlocks, first.source, data, related)];
  });
}

function podCidrIgnored(node: Node): NetworkProblem[] {
  const source = childOf(node.source, "pod-cidr");
  if (source === node.source) return [];
  const data = { node: node.path, cidr: source.decl.values.map(({ text }) => text).join(" ") };
  return [problem(CODES.calicoPodCidrIgnored, source, data)];
}

function blockOutside({ settings }: CalicoCluster, node: Node): NetworkProblem[] {
  const given = node.cni ? blocksIn(node.cni) : [];
  return given.flatMap(({ prefix, source }) => {
    const pool = settings.pools.find(({ cidr }) => prefixCovers(cidr, prefix));
    if (pool?.blockSize === prefix.len) return [];
    const data = {
      node: node.path,
      block: formatPrefix(prefix),
      pools: settings.pools
        .map(({ name, cidr, blockSize }) => t`\`${name}\` ${formatPrefix(cidr)} with /${blockSize} blocks`)
        .join(", "),
    };
    return [problem(CODES.calicoBlockOutside, source, data)];
  });
}

function foreignAddress(node: Node): NetworkProblem[] {
  const { addresses, sources } = nodeSettings(node.cni);
  const own = node.interfaces.flatMap((iface) => iface.addresses.map(({ ip }) => ip));
  const source = sources.get("bgp-address");
  return addresses
    .filter((ip) => source && !own.includes(ip) && !isLoopback(node, ip))
    .map((ip) => problem(CODES.calicoBgpAddress, source ?? node.source, { node: node.path, address: formatIp(ip) }));
}

/** Nodes with an address of a family of the pools that the configured method does not find. */
function undetected({ candidates, settings }: CalicoCluster): NetworkProblem[] {
  return ([4, 6] as const).flatMap((family) => {
    const source = settings.sources.get(family === 4 ? "autodetection" : "autodetection-v6");
    if (!source || settings.pools.every(({ cidr }) => familyOf(cidr.ip) !== family)) return [];
    const missed = candidates.filter(
      (member) =>
        (family === 4 ? member.v4 : member.v6) === undefined &&
        member.node.interfaces.some(({ addresses }) => addresses.some(({ ip }) => familyOf(ip) === family)),
    );
    const [first] = missed;
    if (!first) return [];
    const method = headText(source.decl).split(" ").slice(1).join(" ");
    return [problem(CODES.calicoAutodetection, source, { method, node: first.node.path, nodes: missed.length })];
  });
}

/** arp_process checks that 169.254.1.1 is routed through another device before proxy_arp replies for it. */
function withoutDefaultRoute(calico: CalicoCluster): NetworkProblem[] {
  const lacking = calico.members.filter((member) => hasPods(calico, member) && !reachesNextHop(calico, member));
  const [first] = lacking;
  if (!first) return [];
  const data = { node: first.node.path, nodes: lacking.length };
  return [problem(CODES.calicoNoDefaultRoute, first.node.source, data)];
}

function hasPods({ context }: CalicoCluster, { node }: Member): boolean {
  return node.podCidrs.some(({ prefix }) => typeof prefix.ip === "number") && context.cluster.pods.countOn(node) > 0;
}

function reachesNextHop({ context }: CalicoCluster, { node }: Member): boolean {
  return defaultInterface(node, 4) !== undefined || context.host(node).lookup(0xa9fe0101) !== undefined;
}

/**
 * One address on several segments, such as the address of the first interface of every Vagrant machine. The same
 * address twice on one segment is reported elsewhere.
 */
function addressTwice({ candidates, settings, context }: CalicoCluster): NetworkProblem[] {
  const byAddress = new Map<Ip, Member[]>();
  for (const member of candidates) {
    const address = (member.v4 ?? member.v6)?.address;
    if (address === undefined) continue;
    valueAt(byAddress, address, (): Member[] => []).push(member);
  }
  return [...byAddress].flatMap(([address, [first, second, ...more]]) => {
    if (!first || !second || first.v4?.iface.segment === second.v4?.iface.segment) return [];
    const data = {
      cluster: context.cluster.name,
      node: first.node.path,
      peer: second.node.path,
      address: formatIp(address),
      nodes: more.length + 2,
    };
    return [
      problem(CODES.calicoAddressTwice, settings.source, data, [
        { source: second.node.source, message: t`node \`${second.node.path}\`` },
      ]),
    ];
  });
}
