/** Topologies built without parsing, with the address plan of the golden vectors: two segments, a router, three nodes. */

import {
  addIp,
  formatPrefix,
  type InterfaceAddress,
  type Ip,
  network,
  type Prefix,
  parseIp,
  parsePrefix,
  prefixContains,
} from "../../../server/src/addressing/ip.ts";
import { modeOf } from "../../../server/src/cni/modes.ts";
import type { Decl } from "../../../server/src/declared/decl.ts";
import type { Handle } from "../../../server/src/declared/handle.ts";
import type { Origin } from "../../../server/src/declared/origin.ts";
import type { KeywordSpec } from "../../../server/src/declared/schema/types.ts";
import type { Value } from "../../../server/src/declared/values.ts";
import type {
  AclRule,
  Cluster,
  CniSettings,
  ExternalHost,
  Interface,
  Node,
  Pod,
  PodIndex,
  ProcessSpec,
  Router,
  Segment,
  ServiceIndex,
  StaticRoute,
  Topology,
  Workload,
} from "../../../server/src/topology/model.ts";

export const FILE = "test.knet";

export function ip(text: string): Ip {
  const read = parseIp(text);
  if (read === undefined) throw new Error(`no address: ${text}`);
  return read;
}
export function prefix(text: string): Prefix {
  const [address = "", len = ""] = text.split("/");
  const value = ip(address);
  return { ip: network(value, Number(len)), len: Number(len) };
}
export function address(text: string): InterfaceAddress {
  const [host = "", len = ""] = text.split("/");
  return { ip: ip(host), len: Number(len) };
}

function specOf(keyword: string): KeywordSpec {
  return { keyword, in: [], args: [], repeat: "many", summary: "", documentation: "", example: "" };
}
export function source(text: string): Origin {
  return { file: FILE, decl: decl(text, undefined), part: "whole" };
}

/** A settings block: keyword → value, or [value, block]. */
export type Block = { readonly [keyword: string]: string | number | boolean | readonly [string, Block] };

export function decl(keyword: string, first: string | number | boolean | undefined, block: Block = {}): Decl {
  const text = first === undefined ? undefined : String(first);
  const value = first === undefined ? undefined : readValue(first);
  return {
    handle: {} as Handle,
    spec: specOf(keyword),
    values: value && text !== undefined ? [{ name: "value", value, text, index: 0, item: undefined }] : [],
    children: Object.entries(block).map(([name, given]) =>
      typeof given === "object" ? decl(name, given[0], given[1]) : decl(name, given),
    ),
    block: Object.keys(block).length > 0,
    problems: [],
    problemCount: 0,
  };
}

function readValue(given: string | number | boolean): Value {
  if (typeof given === "number") return { kind: "number", value: given };
  if (typeof given === "boolean") return { kind: "boolean", value: given };
  if (/^\/\d+$/.test(given)) return { kind: "length", len: Number(given.slice(1)) };
  if (given.includes("/") && parsePrefix(given)) return { kind: "prefix", prefix: prefix(given) };
  const read = parseIp(given);
  return read === undefined ? { kind: "word", text: given } : { kind: "address", ip: read };
}

export function cni(plugin: string, block: Block = {}): CniSettings {
  return { plugin, decl: decl("cni", plugin, block), file: FILE, source: source(`cni ${plugin}`) };
}

export interface NodePlan {
  readonly name: string;
  /** [segment, address/len …, optional MTU] for each interface. */
  readonly attach: readonly (readonly [segment: string, addresses: readonly string[], mtu?: number | undefined])[];
  readonly podCidrs?: readonly string[];
  readonly pods?: readonly string[];
  readonly hostPods?: readonly string[];
  readonly cni?: CniSettings;
  readonly docker?: string;
  readonly routes?: readonly StaticRoute[];
  readonly acl?: readonly AclRule[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly processes?: readonly ProcessSpec[];
}
export interface Plan {
  readonly segments: Readonly<
    Record<string, { readonly cidrs: readonly string[]; readonly gateways?: readonly string[]; readonly mtu?: number }>
  >;
  readonly routers?: Readonly<
    Record<
      string,
      {
        readonly attach: NodePlan["attach"];
        readonly routes?: readonly StaticRoute[];
        readonly acl?: readonly AclRule[];
      }
    >
  >;
  readonly hosts?: Plan["routers"];
  readonly pods: readonly string[];
  readonly cni: CniSettings;
  readonly nodes: readonly NodePlan[];
}

export function route(dst: string, via: readonly string[] = [], more: Partial<StaticRoute> = {}): StaticRoute {
  return {
    dst: prefix(dst),
    type: "unicast",
    via: via.map(ip),
    dev: undefined,
    metric: undefined,
    implied: false,
    source: source(`route ${dst}`),
    ...more,
  };
}

export function topologyOf(plan: Plan): Topology {
  const segments = new Map<string, Segment>();
  for (const [name, { cidrs, gateways, mtu }] of Object.entries(plan.segments)) {
    const found = source(`segment ${name}`);
    segments.set(name, {
      name,
      cidrs: cidrs.map(prefix),
      mtu: mtu ?? 1500,
      vlan: undefined,
      cloud: undefined,
      sourceCheck: false,
      gateways: (gateways ?? []).map(ip),
      source: found,
      cidrSources: cidrs.map(() => found),
    });
  }
  const interfaces: Interface[] = [];
  const attach = (kind: "router" | "host" | "node", path: string, given: NodePlan["attach"]): Interface[] => {
    const made = given.map(
      ([segment, addresses, mtu], i): Interface => ({
        device: `eth${i}`,
        segment,
        addresses: addresses.map(address),
        allocated: false,
        mtu: mtu ?? segments.get(segment)?.mtu ?? 1500,
        sourceCheck: false,
        groups: [],
        source: source(`attach ${segment}`),
        station: { kind, path },
      }),
    );
    interfaces.push(...made);
    return made;
  };
  /** The default route that the builder derives from the segment's gateway. */
  const routesOf = (made: readonly Interface[], written: readonly StaticRoute[]): StaticRoute[] => {
    const implied = [0, 0n].flatMap((zero): StaticRoute[] => {
      if (written.some(({ dst, metric }) => dst.len === 0 && typeof dst.ip === typeof zero && metric === undefined))
        return [];
      for (const { device, segment, addresses } of made) {
        const via = segments.get(segment)?.gateways.find((one) => typeof one === typeof zero);
        if (via === undefined || !addresses.some((own) => typeof own.ip === typeof zero && own.ip !== via)) continue;
        const found = source(`segment ${segment}`);
        return [
          {
            dst: { ip: zero, len: 0 },
            type: "unicast",
            via: [via],
            dev: device,
            metric: undefined,
            implied: true,
            source: found,
          },
        ];
      }
      return [];
    });
    return [...implied, ...written];
  };
  const station = { labels: new Map(), sysctls: new Map(), processes: [] };
  const routers = Object.entries(plan.routers ?? {}).map(
    ([name, given]): Router => ({
      ...station,
      kind: "router",
      path: name,
      name,
      interfaces: attach("router", name, given.attach),
      routes: given.routes ?? [],
      acl: given.acl ?? [],
      routeTables: [],
      source: source(`router ${name}`),
    }),
  );
  const hosts = Object.entries(plan.hosts ?? {}).map(([name, given]): ExternalHost => {
    const made = attach("host", name, given.attach);
    const routes = routesOf(made, given.routes ?? []);
    const acl = given.acl ?? [];
    return {
      ...station,
      kind: "host",
      path: name,
      name,
      interfaces: made,
      routes,
      acl,
      source: source(`host ${name}`),
    };
  });
  const nodes = plan.nodes.map((given, index): Node => {
    const path = `prod/${given.name}`;
    const made = attach("node", path, given.attach);
    return {
      kind: "node",
      path,
      name: given.name,
      cluster: "prod",
      index,
      interfaces: made,
      routes: routesOf(made, given.routes ?? []),
      acl: given.acl ?? [],
      sysctls: new Map(
        Object.entries(given.sysctls ?? {}).map(([name, value]) => [name, { value, source: source(`sysctl ${name}`) }]),
      ),
      processes: given.processes ?? [],
      labels: new Map(),
      externalIps: [],
      podCidrs: (given.podCidrs ?? []).map((text) => ({
        prefix: prefix(text),
        allocated: false,
        source: source(`pod-cidr ${text}`),
      })),
      dockerBridge:
        given.docker === undefined ? undefined : { address: address(given.docker), source: source("docker-bridge") },
      cni: given.cni,
      source: source(`node ${given.name}`),
    };
  });
  const podCidrs = plan.pods.map((text) => ({
    prefix: prefix(text),
    perNode: text.includes(":") ? 64 : 24,
    source: source(`pods ${text}`),
  }));
  const pods = new Map<Node, Pod[]>();
  const workloads: Workload[] = [];
  nodes.forEach((node, i) => {
    const given = plan.nodes[i];
    const list: Pod[] = [];
    const addressing = modeOf(node.cni?.plugin ?? plan.cni.plugin).addressing(plan.cni, podCidrs);
    const add = (name: string, hostNetwork: boolean, slot: number) => {
      const workload: Workload = {
        kind: "pod",
        cluster: "prod",
        namespace: "default",
        name,
        index: workloads.length,
        replicas: 1,
        on: node,
        hostNetwork,
        containers: [
          {
            name: `${name}-c`,
            listeners: [{ proto: "tcp", first: 8080, last: 8080, source: source("listen") }],
            source: source("container"),
          },
        ],
        labels: new Map(),
        addresses: [],
        source: source(`pod ${name}`),
      };
      workloads.push(workload);
      const ranges =
        node.podCidrs.length > 0
          ? node.podCidrs.map(({ prefix: range }) => range)
          : addressing.nodeRanges.filter(({ sameForAll }) => sameForAll).map(({ within }) => within);
      const addresses = hostNetwork
        ? (node.interfaces[0]?.addresses.map(({ ip: own }) => own) ?? [])
        : ranges.flatMap((range) => {
            const usable = addressing.usable(range);
            const found = usable && addIp(usable.first, slot);
            return found === undefined ? [] : [found];
          });
      list.push({ path: `prod/default/${name}`, name, workload, ordinal: 0, node, slot, addresses });
    };
    for (const [slot, name] of (given?.pods ?? []).entries()) add(name, false, slot);
    for (const name of given?.hostPods ?? []) add(name, true, 0);
    pods.set(node, list);
  });
  const all = [...pods.values()].flat();
  const index: PodIndex = {
    count: all.length,
    podAt: (workload) => all.find((pod) => pod.workload === workload) ?? fail("podAt"),
    podsOn: (node) => pods.get(node) ?? [],
    countOn: (node) => pods.get(node)?.length ?? 0,
    inhabited: () => nodes.map((node) => ((pods.get(node)?.length ?? 0) > 0 ? 1 : 0)),
    podByName: (_, name) => all.find((pod) => pod.name === name),
    podsByAddress: (wanted) => all.filter((pod) => pod.addresses.includes(wanted)),
    addressOf: () => [],
  };
  const cluster: Cluster = {
    name: "prod",
    podCidrs,
    dns: { servers: [], nodeLocal: undefined },
    serviceCidrs: [],
    cni: plan.cni,
    maxPods: 110,
    nodes,
    namespaces: [],
    workloads,
    policies: [],
    policyEngine: undefined,
    source: source("cluster prod"),
    workloadByName: (_, name) => workloads.find((workload) => workload.name === name),
    nodeByName: (name) => nodes.find((node) => node.name === name),
    nodeByPodAddress: (wanted) =>
      nodes.find((node) => node.podCidrs.some(({ prefix: range }) => prefixContains(range, wanted))),
    pods: index,
    services: noServices,
  };
  const byAddress = new Map<string, Interface[]>();
  for (const iface of interfaces) {
    for (const own of iface.addresses) {
      const key = `${iface.segment} ${formatPrefix({ ip: own.ip, len: 32 })}`;
      byAddress.set(key, [...(byAddress.get(key) ?? []), iface]);
    }
  }
  return {
    segments,
    routers,
    hosts,
    clusters: [cluster],
    securityGroups: new Map(),
    expectations: [],
    tunnels: [],
    problems: [],
    resolve: () => ({ ok: false, error: "unknown", candidates: [] }),
    attachedTo: (segment) => interfaces.filter((iface) => iface.segment === segment),
    interfacesWith: (segment, wanted) => byAddress.get(`${segment} ${formatPrefix({ ip: wanted, len: 32 })}`) ?? [],
  };
}

/** A cluster without services, and kube-proxy with its defaults. */
const noServices: ServiceIndex = {
  all: [],
  kubeProxy: {
    mode: "iptables",
    minor: 37,
    stated: false,
    clusterCidrs: [],
    detectLocal: "cluster-cidr",
    detectInterface: undefined,
    masqueradeAll: false,
    mark: 0x4000,
    localhostNodePorts: true,
    nodePortAddresses: undefined,
    scheduler: "rr",
    strictArp: false,
    source: source("cluster prod"),
  },
  nodePorts: { first: 30000, last: 32767, source: source("cluster prod") },
  domain: "cluster.local",
  loadBalancer: undefined,
  byName: () => undefined,
  byAddress: () => [],
  byNodePort: () => [],
  selected: () => [],
  endpoints: () => [],
};

function fail(what: string): never {
  throw new Error(what);
}

/** The topology of the golden vectors. */
export function golden(
  settings: CniSettings,
  change: Partial<Plan> & { readonly mtu?: number; readonly dual?: boolean } = {},
): Topology {
  const six = (text: string) => (change.dual ? [text] : []);
  return topologyOf({
    segments: {
      a: { cidrs: ["192.168.10.0/24", ...six("fd00:10::/64")], gateways: ["192.168.10.1", ...six("fd00:10::1")] },
      b: { cidrs: ["192.168.20.0/24", ...six("fd00:20::/64")], gateways: ["192.168.20.1", ...six("fd00:20::1")] },
    },
    routers: {
      r: {
        attach: [
          ["a", ["192.168.10.1/24", ...six("fd00:10::1/64")]],
          ["b", ["192.168.20.1/24", ...six("fd00:20::1/64")]],
        ],
      },
    },
    pods: ["10.244.0.0/16", ...six("fd00:244::/48")],
    cni: settings,
    nodes: [
      {
        name: "node1",
        attach: [["a", ["192.168.10.11/24", ...six("fd00:10::11/64")], change.mtu]],
        podCidrs: ["10.244.1.0/24", ...six("fd00:244:0:1::/64")],
        pods: ["web", "db"],
      },
      {
        name: "node2",
        attach: [["a", ["192.168.10.12/24", ...six("fd00:10::12/64")], change.mtu]],
        podCidrs: ["10.244.2.0/24", ...six("fd00:244:0:2::/64")],
        pods: ["api"],
      },
      {
        name: "node3",
        attach: [["b", ["192.168.20.13/24", ...six("fd00:20::13/64")], change.mtu]],
        podCidrs: ["10.244.3.0/24", ...six("fd00:244:0:3::/64")],
        pods: ["far"],
      },
    ],
    ...change,
  });
}
