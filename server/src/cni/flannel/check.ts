/** Problems in a cluster's flannel settings, and nodes that do not match the settings. */

import { formatIp, formatPrefix, type Ip, ipKey, network, prefixEquals } from "../../addressing/ip.ts";
import { childOf } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import { perItem, repeats } from "../../memo/list.ts";
import { memo, valueAt } from "../../memo/memo.ts";
import { sameRecord } from "../../memo/same.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Node } from "../../topology/model.ts";
import { nodesAt } from "../../topology/node-queries.ts";
import { hexOf } from "../hash.ts";
import { familyOf, hasOwnRoutes, onLinkDevice } from "../host.ts";
import type { ClusterContext } from "../mode.ts";
import { CODES, type NetworkProblem, problem } from "../problems.ts";
import { pluginOf } from "../settings.ts";
import {
  type Absent,
  announcedIp,
  type FlannelCluster,
  flannelCluster,
  type Ground,
  type Participant,
} from "./cluster.ts";
import { backendError } from "./secrets.ts";
import type { BackendSettings, FlannelSettings } from "./settings.ts";
import { etcdPlan } from "./subnets.ts";
import { vxlanDeviceName, vxlanMtu } from "./vxlan.ts";

/** IFNAMSIZ without the terminating zero. */
const MAX_DEVICE_NAME = 15;

export function checkFlannel(context: ClusterContext): readonly NetworkProblem[] {
  const flannel = flannelCluster(context);
  const kinds = distinct(settingsOfNodes(context.cluster.nodes, flannel.ground));
  if (kinds.length === 0 && context.cluster.cni.plugin === "flannel") return [];
  const problems = kinds.flatMap((settings) => checkSettings(context, settings));
  const isHostGw = kinds.some(({ backend }) => backend.type === "host-gw");
  const nodes = nodesAt(context.cluster.nodes, notable(flannel));
  return [...problems, ...checkNodes(flannel, nodes), ...(isHostGw ? checkAdjacency(flannel) : [])];
}

const settingsOfNodes = perItem<Node, FlannelSettings | undefined, [Ground]>((node, ground) =>
  pluginOf(ground, node) === "flannel" ? ground.settings(node) : undefined,
);

const distinct = memo((all: readonly (FlannelSettings | undefined)[]): readonly FlannelSettings[] => [
  ...new Set(all.filter((one) => one !== undefined)),
]);

/** What `checkNodes` reads of a node, without its addresses. */
interface Trait {
  readonly absent: Absent | undefined;
  readonly settings: FlannelSettings | undefined;
  readonly isChosen: boolean;
  readonly size: number;
}

const traitOf = perItem<Participant | Absent, Trait>(
  (one) =>
    typeof one === "string"
      ? { absent: one, settings: undefined, isChosen: false, size: 0 }
      : { absent: undefined, settings: one.settings, isChosen: one.isChosen, size: sizeOf(one) },
  sameRecord,
);

/** The MTU that limits its tunnels, and their families, as a number. */
function sizeOf({ iface, v4, v6 }: Participant): number {
  return iface.mtu * 4 + (v4 ? 1 : 0) + (v6 ? 2 : 0);
}

function publicIpOf({ v4, v6 }: Participant): Ip | undefined {
  return (v4 ?? v6)?.publicIp;
}

/**
 * Indexes of the nodes that can have a problem: of participants with the same traits, the first; if a problem concerns
 * each node, all of them.
 */
const notableTraits = memo((traits: readonly Trait[]): readonly number[] => {
  const seen = new Map<FlannelSettings, Set<number>>();
  let backend: BackendSettings | undefined;
  return traits.flatMap(({ absent, settings, isChosen, size }, index) => {
    if (absent === "other-plugin") return [];
    if (settings === undefined) return [index];
    backend ??= settings.backend;
    const sizes = valueAt(seen, settings, () => new Set<number>());
    const key = isChosen ? size : -size;
    const isFirst = !sizes.has(key);
    sizes.add(key);
    return isFirst || settings.backend !== backend || settings.sources.has("public-ip") ? [index] : [];
  });
});

const publicIpTwice = repeats<Participant | Absent, number | string>((one) => {
  const ip = typeof one === "string" ? undefined : publicIpOf(one);
  return ip === undefined ? [] : [ipKey(ip)];
});

function notable({ all }: FlannelCluster): readonly number[] {
  const alone = notableTraits(traitOf(all));
  const twice = publicIpTwice(all);
  if (twice.size === 0) return alone;
  const found = new Set(alone);
  for (const [index, one] of all.entries()) {
    const ip = typeof one === "string" ? undefined : publicIpOf(one);
    if (ip !== undefined && twice.has(ipKey(ip))) found.add(index);
  }
  return [...found].sort((a, b) => a - b);
}

function checkSettings({ cluster }: ClusterContext, settings: FlannelSettings): NetworkProblem[] {
  const problems: NetworkProblem[] = [];
  const at = (keyword: string): Origin => settings.sources.get(keyword) ?? settings.source;
  const { subnetMin: min, subnetMax: max } = settings;
  if (settings.manager === "etcd") {
    const { error } = etcdPlan(settings);
    if (error) problems.push(problem(CODES.flannelConfigRefused, at(error.setting), { error: error.text }));
    if (!error && min !== undefined && max !== undefined && typeof min === typeof max && min > max) {
      problems.push(problem(CODES.flannelSubnetOrder, at("subnet-min"), { min: formatIp(min), max: formatIp(max) }));
    }
  } else {
    for (const setting of ["subnet-len", "subnet-min", "subnet-max"]) {
      const source = settings.sources.get(setting);
      if (source) problems.push(problem(CODES.flannelSubnetIgnored, source, { setting }));
    }
  }
  for (const given of [settings.network4, settings.network6]) {
    const pods = cluster.podCidrs.find(({ prefix }) => given && familyOf(prefix.ip) === familyOf(given.ip));
    if (given && pods && !prefixEquals(given, pods.prefix)) {
      problems.push(
        problem(
          CODES.flannelNetworkDiffers,
          at("network"),
          { network: formatPrefix(given), pods: formatPrefix(pods.prefix) },
          [{ source: pods.source, message: t`pod CIDR ${formatPrefix(pods.prefix)} of the cluster` }],
        ),
      );
    }
  }
  if (!settings.sources.has("backend")) problems.push(problem(CODES.flannelBackendMissing, settings.source, {}));
  const { backend } = settings;
  if (backend.type === "vxlan") {
    for (const family of [4, 6] as const) {
      const device = vxlanDeviceName(backend.vni, family);
      if ((family === 4 ? settings.network4 : settings.network6) && device.length > MAX_DEVICE_NAME) {
        problems.push(problem(CODES.flannelDeviceName, backend.source, { device, vni: backend.vni }));
      }
    }
  }
  const refused = backendError(backend);
  if (refused) {
    const source = childOf(backend.source, refused.setting);
    problems.push(problem(CODES.flannelBackendRefused, source, { backend: backend.type, error: refused.text }));
  }
  if ((backend.type === "udp" || backend.type === "ipip" || backend.type === "ipsec") && settings.network6) {
    problems.push(
      problem(CODES.flannelNoIpv6, backend.source, { backend: backend.type, network: formatPrefix(settings.network6) }),
    );
  }
  return problems;
}

function checkNodes(flannel: FlannelCluster, nodes: readonly Node[]): NetworkProblem[] {
  const problems: NetworkProblem[] = [];
  const announced = new Map<Ip, Participant>();
  const twice = new Map<Ip, Participant[]>();
  let first: Participant | undefined;
  const clamped = new Set<string>();
  const sizes = new Map<BackendSettings, Set<number>>();
  const withoutDefault = new Set<FlannelSettings>();
  for (const node of nodes) {
    const standing = flannel.standing(node);
    if (typeof standing === "string") {
      problems.push(...absence(node, flannel.ground.settings(node), standing));
      continue;
    }
    const { settings, iface } = standing;
    const { backend } = settings;
    if (!standing.isChosen && !withoutDefault.has(settings)) {
      // One problem for settings that all nodes share.
      withoutDefault.add(settings);
      problems.push(problem(CODES.flannelNoDefaultRoute, node.source, { node: node.path }));
    }
    const publicIp = publicIpOf(standing);
    const other = publicIp === undefined ? undefined : announced.get(publicIp);
    if (publicIp !== undefined && other === undefined) announced.set(publicIp, standing);
    else if (publicIp !== undefined && other !== undefined) valueAt(twice, publicIp, () => [other]).push(standing);
    if (first) problems.push(...difference(first, standing));
    first ??= standing;
    if (backend.type !== "vxlan") continue;
    problems.push(...foreignSource(standing));
    const mtus = valueAt(sizes, backend, () => new Set<number>());
    const size = sizeOf(standing);
    if (mtus.has(size)) continue;
    mtus.add(size);
    for (const family of [4, 6] as const) {
      if (!(family === 4 ? standing.v4 : standing.v6)) continue;
      const { asked, given } = vxlanMtu(backend, iface.mtu, family);
      const key = `${family} ${asked} ${given}`;
      if (asked === given || clamped.has(key)) continue;
      clamped.add(key);
      const device = vxlanDeviceName(backend.vni, family);
      const written = backend.mtu !== undefined;
      // The setting that requests what the kernel assigns.
      const fits = (backend.mtu ?? iface.mtu) - (asked - given);
      problems.push(
        problem(CODES.flannelMtuClamped, backend.source, { node: node.path, device, asked, given, fits, written }),
      );
    }
  }
  return [...problems, ...announcedTwice(flannel, twice)];
}

/** One problem per address, regardless of the number of nodes: 10.0.2.15 of every Vagrant machine. */
function announcedTwice(flannel: FlannelCluster, twice: ReadonlyMap<Ip, readonly Participant[]>): NetworkProblem[] {
  const problems: NetworkProblem[] = [];
  for (const [ip, [first, second, ...more]] of twice) {
    if (!first || !second) continue;
    const { node } = second;
    const address = formatIp(ip);
    const data = { node: node.path, peer: first.node.path, address, more: more.length };
    const settings = flannel.ground.settings(node);
    const source = settings.sources.get("public-ip") ?? settings.sources.get("iface") ?? settings.source;
    const related = [first, second, ...more].map((other) => ({
      source: other.node.source,
      message: t`node \`${other.node.path}\` also announces ${address}`,
    }));
    problems.push(problem(CODES.flannelPublicIpTwice, source, data, related.slice(0, 10)));
  }
  return problems;
}

function absence(node: Node, settings: FlannelSettings, reason: string): NetworkProblem[] {
  switch (reason) {
    case "lease-outside": {
      const outside = node.podCidrs[0];
      const net = settings.network4 ?? settings.network6;
      if (!outside || !net) return [];
      const data = { node: node.path, cidr: formatPrefix(outside.prefix), network: formatPrefix(net) };
      const network = settings.sources.get("network");
      // Without a `network` statement, it is the cluster's pod CIDR, and the node's range is outside of that: reported
      // as KN123.
      if (!network) return [];
      // The kube subnet manager compares with existing ranges: in that case, the error is in `network`.
      const [source, other, message] = outside.allocated
        ? [
            network,
            outside.source,
            t`node pod CIDRs are allocated from this range; node \`${node.path}\` has ${data.cidr}`,
          ]
        : [outside.source, network, t`flannel's network is ${data.network}`];
      return [problem(CODES.flannelLeaseOutside, source, data, [{ source: other, message }])];
    }
    case "no-interface": {
      const source = settings.sources.get("iface");
      if (!source || settings.iface === undefined) return [];
      const iface = typeof settings.iface === "string" ? settings.iface : formatIp(settings.iface);
      return [problem(CODES.flannelIface, source, { node: node.path, iface })];
    }
    case "public-ip": {
      const source = settings.sources.get("public-ip") ?? settings.sources.get("external-ip");
      const announced = announcedIp(node, settings, settings.network4 ? 4 : 6);
      if (!source || announced === undefined) return [];
      const address = node.interfaces[0]?.addresses[0]?.ip;
      return [
        problem(CODES.flannelPublicIp, source, {
          node: node.path,
          publicIp: formatIp(announced),
          address: address === undefined ? undefined : formatIp(address),
        }),
      ];
    }
    // Nodes without a range or an address are reported elsewhere.
    default:
      return [];
  }
}

/** A VXLAN device sends from `local`; ip_route_output rejects a source that is not an address of the host. */
function foreignSource({ node, settings, v4, v6 }: Participant): NetworkProblem[] {
  const source = settings.sources.get("public-ip") ?? settings.sources.get("external-ip");
  if (!source) return [];
  return [v4, v6].flatMap((part) => {
    if (!part || part.publicIp === part.address) return [];
    if (node.interfaces.some((iface) => iface.addresses.some(({ ip }) => ip === part.publicIp))) return [];
    const data = { node: node.path, publicIp: formatIp(part.publicIp), address: formatIp(part.address) };
    return [problem(CODES.flannelPublicIpNotLocal, source, data)];
  });
}

/** Backends, VNIs, and ports that differ from the first node's. */
function difference(first: Participant, self: Participant): NetworkProblem[] {
  const mine = self.settings.backend;
  const theirs = first.settings.backend;
  if (mine === theirs) return [];
  const related = [{ source: theirs.source, message: t`node \`${first.node.path}\` uses ${describe(theirs)}` }];
  if (mine.type !== theirs.type) {
    const data = { node: self.node.path, backend: mine.type, peer: first.node.path, peerBackend: theirs.type };
    return [problem(CODES.flannelBackendsDiffer, mine.source, data, related)];
  }
  if (describe(mine) === describe(theirs)) return [];
  const data = { node: self.node.path, value: describe(mine), peer: first.node.path, peerValue: describe(theirs) };
  return [problem(CODES.flannelTunnelDiffers, mine.source, data, related)];
}

function describe(backend: BackendSettings): string {
  switch (backend.type) {
    case "vxlan":
      return t`vxlan (VNI ${backend.vni}, port ${backend.port})`;
    case "udp":
      return t`udp (port ${backend.port})`;
    case "wireguard": {
      const ports =
        backend.mode === "separate" ? list([String(backend.port), String(backend.portV6)]) : String(backend.port);
      return backend.psk === undefined
        ? t`wireguard (mode ${backend.mode}, port ${ports}, no preshared key)`
        : t`wireguard (mode ${backend.mode}, port ${ports}, preshared key ${fingerprint(backend.psk)})`;
    }
    case "ipsec":
      return t`ipsec (key ${fingerprint(backend.psk)}, ${backend.espProposal})`;
    case "host-gw":
    case "ipip":
      return backend.type;
  }
}

/** Distinguishes secrets without printing them. */
function fingerprint(secret: string): string {
  return `#${hexOf(secret, 6)}`;
}

/**
 * host-gw between nodes that are not on-link. Nodes with the same link and without static routes are one group, so only
 * pairs of racks are compared.
 */
function checkAdjacency(flannel: FlannelCluster): NetworkProblem[] {
  const groups = new Map<string, { first: Participant; count: number; host: ReturnType<ClusterContext["host"]> }>();
  for (const one of flannel.peers("host-gw").list) {
    const key = linkKey(one);
    const group = groups.get(key);
    if (group) group.count++;
    else groups.set(key, { first: one, count: 1, host: flannel.context.host(one.node) });
  }
  let pairs = 0;
  let example: { self: Participant; peer: Participant; publicIp: Ip } | undefined;
  for (const [key, group] of groups) {
    for (const [otherKey, other] of groups) {
      if (key === otherKey) continue;
      const publicIp = publicIpOf(other.first);
      if (publicIp === undefined || onLinkDevice(group.host, publicIp, group.first.iface.device) !== undefined)
        continue;
      pairs += group.count * other.count;
      example ??= { self: group.first, peer: other.first, publicIp };
    }
  }
  if (!example) return [];
  const { self, peer, publicIp } = example;
  const data = { backend: "host-gw", node: self.node.path, peer: peer.node.path, address: formatIp(publicIp), pairs };
  return [
    problem(CODES.peersOffLink, self.settings.backend.source, data, [
      { source: self.iface.source, message: t`node \`${self.node.path}\` is on segment \`${self.iface.segment}\`` },
      { source: peer.iface.source, message: t`node \`${peer.node.path}\` is on segment \`${peer.iface.segment}\`` },
    ]),
  ];
}

function linkKey({ node, iface }: Participant): string {
  if (hasOwnRoutes(node)) return node.path;
  return node.interfaces
    .map(
      (one) =>
        `${one === iface ? "*" : ""}${one.device} ${one.segment} ${one.addresses.map(({ ip, len }) => `${network(ip, len)}/${len}`).join()}`,
    )
    .join("|");
}
