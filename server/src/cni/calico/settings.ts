/** A `cni calico` block as Calico's resources: IPPool, IPAMConfig, BGPConfiguration, BGPPeer, FelixConfiguration, Node. */

import { bits, type Ip, type Prefix } from "../../addressing/ip.ts";
import { all, oneOf } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import { type Origin, sourceIn } from "../../declared/origin.ts";
import {
  addressIn,
  booleanIn,
  lengthIn,
  numberIn,
  prefixesIn,
  type Settings,
  statement,
  statements,
  wordIn,
} from "../../declared/settings.ts";
import type { CniSettings, PodCidr } from "../../topology/model.ts";
import { familyOf } from "../host.ts";
import { settingsOf } from "../settings.ts";
import { type Autodetection, autodetectionOf } from "./autodetection.ts";

export type Encapsulation = "always" | "cross-subnet" | "never";
export type Label = readonly [key: string, value: string];

export interface Pool {
  readonly name: string;
  readonly cidr: Prefix;
  readonly blockSize: number;
  readonly ipip: Encapsulation;
  readonly vxlan: Encapsulation;
  readonly natOutgoing: boolean;
  readonly nodeSelector: readonly Label[];
  readonly disabled: boolean;
  readonly disableBgpExport: boolean;
  /** The effective statement of each keyword in the file. */
  readonly sources: ReadonlyMap<string, Origin>;
  readonly source: Origin;
}

/** BGPPeer. */
export interface Peer {
  readonly name: string;
  readonly node: string | undefined;
  readonly nodeSelector: readonly Label[] | undefined;
  readonly peerIp: Ip | undefined;
  readonly peerSelector: readonly Label[] | undefined;
  readonly as: number | undefined;
  readonly allowAsIn: number;
  readonly source: Origin;
}

export interface CalicoSettings {
  readonly pools: readonly Pool[];
  readonly strictAffinity: boolean;
  readonly autoAllocateBlocks: boolean;
  readonly maxBlocksPerHost: number;
  readonly backend: "bird" | "vxlan" | "none";
  readonly as: number;
  readonly mesh: boolean;
  readonly peers: readonly Peer[];
  /** The program that creates the routes of IPIP pools. */
  readonly programRoutes: "felix" | "bird";
  readonly mtu: number | undefined;
  /** By address family. */
  readonly autodetection: Readonly<Record<4 | 6, Autodetection>>;
  readonly vxlanPort: number;
  readonly vxlanVni: number;
  readonly excludesHosts: boolean;
  readonly endpointToHost: "ACCEPT" | "RETURN" | "DROP";
  readonly sources: ReadonlyMap<string, Origin>;
  readonly source: Origin;
}

/** Settings of a node's own block. */
export interface NodeSettings {
  readonly as: number | undefined;
  readonly clusterId: Ip | undefined;
  readonly addresses: readonly Ip[];
  readonly sources: ReadonlyMap<string, Origin>;
}

/** Default of BGPConfiguration asNumber (libcalico-go). */
const DEFAULT_AS = 64512;
/** calico-node's default pool if neither CALICO_IPV4POOL_CIDR nor kubeadm sets one (node/pkg/lifecycle/startup). */
const DEFAULT_POOL: Prefix = { ip: 0xc0a80000, len: 16 };
/** FelixConfiguration vxlanPort and vxlanVNI: IANA's port, and the lowest VNI that Windows accepts. */
export const VXLAN_PORT = 4789;
export const VXLAN_VNI = 4096;
/** libcalico-go/lib/ipam: the limit if maxBlocksPerHost is 0. */
const MOST_BLOCKS = 20;

export const BLOCK_SIZES: Readonly<
  Record<4 | 6, { readonly min: number; readonly max: number; readonly usual: number }>
> = { 4: { min: 20, max: 32, usual: 26 }, 6: { min: 116, max: 128, usual: 122 } };

export function calicoSettings(cluster: CniSettings, podCidrs: readonly PodCidr[]): CalicoSettings {
  const settings = settingsOf(cluster, undefined);
  const yes = (keyword: string, otherwise: boolean) => booleanIn(statement(settings, keyword), otherwise);
  const word = (keyword: string) => wordIn(statement(settings, keyword));
  const backend = word("backend");
  const action = word("default-endpoint-to-host-action");
  return {
    pools: poolsOf(settings, cluster.source, podCidrs),
    strictAffinity: yes("strict-affinity", false),
    autoAllocateBlocks: yes("auto-allocate-blocks", true),
    maxBlocksPerHost: numberIn(statement(settings, "max-blocks-per-host")) || MOST_BLOCKS,
    backend: backend === "vxlan" || backend === "none" ? backend : "bird",
    as: numberIn(statement(settings, "as-number")) ?? DEFAULT_AS,
    mesh: yes("node-to-node-mesh", true),
    peers: statements(settings, "peer").map(peerOf),
    programRoutes: word("program-routes") === "bird" ? "bird" : "felix",
    mtu: numberIn(statement(settings, "mtu")) || undefined,
    autodetection: {
      4: autodetectionOf(statement(settings, "autodetection")?.decl),
      6: autodetectionOf(statement(settings, "autodetection-v6")?.decl),
    },
    vxlanPort: numberIn(statement(settings, "vxlan-port")) ?? VXLAN_PORT,
    vxlanVni: numberIn(statement(settings, "vxlan-vni")) ?? VXLAN_VNI,
    excludesHosts: word("nat-outgoing-exclusions") === "ip-pools-and-host-ips",
    endpointToHost: action === "drop" ? "DROP" : action === "return" ? "RETURN" : "ACCEPT",
    sources: sourcesOf(settings),
    source: cluster.source,
  };
}

export function nodeSettings(own: CniSettings | undefined): NodeSettings {
  if (own?.plugin !== "calico" || !own.decl) return NO_NODE_SETTINGS;
  const settings: Settings = [{ file: own.file, decl: own.decl, part: "whole" }];
  const bgpAddress = addressIn(statement(settings, "bgp-address"));
  return {
    as: numberIn(statement(settings, "as-number")),
    clusterId: addressIn(statement(settings, "route-reflector-cluster-id")),
    addresses: bgpAddress === undefined ? [] : [bgpAddress],
    sources: sourcesOf(settings),
  };
}
const NO_NODE_SETTINGS: NodeSettings = { as: undefined, clusterId: undefined, addresses: [], sources: new Map() };

/** The statement that names the blocks of a node. */
export const BLOCK = "block";

/** The blocks in a node's own settings. */
export function blocksIn(own: CniSettings): readonly { readonly prefix: Prefix; readonly source: Origin }[] {
  if (own.plugin !== "calico" || !own.decl) return [];
  const found = statement([{ file: own.file, decl: own.decl, part: "whole" }], BLOCK);
  return found ? prefixesIn(found).map((prefix) => ({ prefix, source: found })) : [];
}

function sourcesOf(settings: Settings): ReadonlyMap<string, Origin> {
  const sources = new Map<string, Origin>();
  for (const block of settings) {
    for (const child of block.decl.children) {
      const keyword = child.spec?.keyword;
      if (keyword !== undefined && !sources.has(keyword)) sources.set(keyword, sourceIn(block, child));
    }
  }
  return sources;
}

/* ------------------------------------------------------------------- pools */

function poolsOf(settings: Settings, source: Origin, podCidrs: readonly PodCidr[]): readonly Pool[] {
  const written = statements(settings, "pool");
  if (written.length > 0) {
    const first = podCidrs.find(({ prefix }) => familyOf(prefix.ip) === 4) ?? podCidrs[0];
    return written.map((setting) => poolOf(setting, first?.prefix ?? DEFAULT_POOL));
  }
  const ranges = podCidrs.length > 0 ? podCidrs : [{ prefix: DEFAULT_POOL, source }];
  // The settings of calico.yaml: CALICO_IPV4POOL_IPIP=Always, CALICO_IPV4POOL_NAT_OUTGOING true by default, false for
  // IPv6.
  return ranges.map(({ prefix, source: place }): Pool => {
    const family = familyOf(prefix.ip);
    return {
      name: `default-ipv${family}-ippool`,
      cidr: prefix,
      blockSize: BLOCK_SIZES[family].usual,
      ipip: family === 4 ? "always" : "never",
      vxlan: "never",
      natOutgoing: family === 4,
      nodeSelector: [],
      disabled: false,
      disableBgpExport: false,
      sources: new Map(),
      source: place,
    };
  });
}

function poolOf(setting: Origin, otherwise: Prefix): Pool {
  const { decl } = setting;
  const inside: Settings = [setting];
  const cidr = oneOf(decl, "cidr", "prefix")?.prefix ?? otherwise;
  const mode = (keyword: string): Encapsulation => {
    const word = wordIn(statement(inside, keyword));
    return word === "always" || word === "cross-subnet" ? word : "never";
  };
  const yes = (keyword: string) => booleanIn(statement(inside, keyword), false);
  return {
    name: nameIn(decl),
    cidr,
    blockSize: lengthIn(statement(inside, "block-size")) ?? BLOCK_SIZES[familyOf(cidr.ip)].usual,
    ipip: mode("ipip"),
    vxlan: mode("vxlan"),
    natOutgoing: yes("nat-outgoing"),
    nodeSelector: labelsIn(inside, "node-selector") ?? [],
    disabled: yes("disabled"),
    disableBgpExport: yes("disable-bgp-export"),
    sources: sourcesOf(inside),
    source: setting,
  };
}

/** Whether blocks of the pool can be claimed: it is enabled and Calico accepts its block size. */
export function isUsable({ cidr, blockSize, disabled }: Pool): boolean {
  const { min, max } = BLOCK_SIZES[familyOf(cidr.ip)];
  return !disabled && blockSize >= min && blockSize <= max && blockSize >= cidr.len && blockSize <= bits(cidr.ip);
}

export function selects(wanted: readonly Label[], labels: ReadonlyMap<string, string>): boolean {
  return wanted.every(([key, value]) => labels.get(key) === value);
}

/* ------------------------------------------------------------------- peers */

function peerOf(setting: Origin): Peer {
  const inside: Settings = [setting];
  const node = statement(inside, "node");
  return {
    name: nameIn(setting.decl),
    node: oneOf(node?.decl, "name", "ref")?.text,
    nodeSelector: labelsIn(inside, "node-selector"),
    peerIp: addressIn(statement(inside, "peer-ip")),
    peerSelector: labelsIn(inside, "peer-selector"),
    as: numberIn(statement(inside, "as-number")),
    allowAsIn: numberIn(statement(inside, "num-allowed-local-as-numbers")) ?? 0,
    source: setting,
  };
}

function nameIn(decl: Decl): string {
  return oneOf(decl, "name", "name")?.text ?? "";
}

function labelsIn(settings: Settings, keyword: string): readonly Label[] | undefined {
  const found = statement(settings, keyword);
  if (!found) return undefined;
  return all(found.decl, "labels").flatMap(({ value }): Label[] =>
    value.kind === "label" ? [[value.key, value.value]] : [],
  );
}
