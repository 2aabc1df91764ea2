/** Services as written, and the settings of their implementation. */

import type { Prefix } from "../addressing/ip.ts";
import { all, booleanOf, child, has, nameOf, numberOf, one, oneOf, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { type Origin, sourceOf } from "../declared/origin.ts";
import type {
  GivenIp,
  KubeProxy,
  LoadBalancer,
  PodCidr,
  Service,
  ServicePort,
  ServiceType,
  TrafficPolicy,
} from "./model.ts";
import { readLabels } from "./station.ts";

export interface ServiceParts {
  readonly file: string;
  readonly name: string;
  readonly nameSource: Origin;
  readonly type: ServiceType;
  readonly families: readonly (4 | 6)[];
  readonly clusterIps: readonly GivenIp[];
  readonly ports: readonly PortParts[];
  /** The properties that need no allocation. */
  readonly rest: Omit<
    Service,
    "path" | "cluster" | "namespace" | "name" | "index" | "type" | "clusterIps" | "allocated" | "ports"
  >;
}

export type PortParts = Omit<ServicePort, "nodePort" | "nodePortGiven"> & { readonly nodePort: number | undefined };

export interface NodePortRange {
  readonly first: number;
  readonly last: number;
  readonly source: Origin;
}

/** Undefined if it has no name. */
export function readService(file: string, decl: Decl): ServiceParts | undefined {
  const name = nameOf(decl);
  const nameRead = one(decl, "name");
  if (name === undefined || nameRead === undefined) return undefined;
  const source = sourceOf(file, decl);
  const statements = (keyword: string): readonly Decl[] =>
    decl.children.filter((statement) => statement.spec?.keyword === keyword);
  const addresses = (keyword: string): readonly GivenIp[] =>
    statements(keyword).flatMap((statement) => addressesIn(file, statement));
  const ports = readPorts(file, decl);
  const loadBalancerIps = addresses("load-balancer-ip");
  const externalName = oneOf(child(decl, "external-name"), "name", "name")?.text;
  const select = child(decl, "select");
  const affinity = child(decl, "session-affinity");
  return {
    file,
    name,
    nameSource: sourceOfRead(file, decl, nameRead),
    type: typeOf(decl, ports, loadBalancerIps, externalName),
    families: all(child(decl, "families"), "families").map(({ value }) =>
      value.kind === "word" && value.text === "ipv6" ? 6 : 4,
    ),
    clusterIps: addresses("cluster-ip"),
    ports,
    rest: {
      selector: select === undefined ? undefined : readLabels(select, undefined),
      externalIps: addresses("external-ip"),
      loadBalancerIps,
      sourceRanges: all(child(decl, "load-balancer-source-ranges"), "prefixes").flatMap(({ value }) =>
        value.kind === "prefix" ? [value.prefix] : [],
      ),
      externalPolicy: policyOf(child(decl, "external-traffic-policy")),
      internalPolicy: policyOf(child(decl, "internal-traffic-policy")),
      affinity:
        oneOf(affinity, "affinity", "word")?.text === "client-ip"
          ? (oneOf(affinity, "timeout", "number")?.value ?? 10_800)
          : undefined,
      publishNotReady: child(decl, "publish-not-ready") !== undefined,
      healthCheckNodePort: numberOf(decl, "health-check-node-port"),
      written: statements("endpoint").flatMap((statement) => endpointsIn(file, statement)),
      externalName,
      distribution: distributionOf(child(decl, "traffic-distribution")),
      source,
    },
  };
}

function typeOf(
  decl: Decl,
  ports: readonly PortParts[],
  loadBalancerIps: readonly GivenIp[],
  externalName: string | undefined,
): ServiceType {
  switch (oneOf(child(decl, "type"), "type", "word")?.text) {
    case "cluster-ip":
      return "cluster-ip";
    case "node-port":
      return "node-port";
    case "load-balancer":
      return "load-balancer";
    case "external-name":
      return "external-name";
    case "headless":
      return "headless";
    default:
      if (externalName !== undefined) return "external-name";
      if (loadBalancerIps.length > 0) return "load-balancer";
      return ports.some(({ nodePort }) => nodePort !== undefined) ? "node-port" : "cluster-ip";
  }
}

function policyOf(decl: Decl | undefined): TrafficPolicy {
  return oneOf(decl, "policy", "word")?.text === "local" ? "local" : "cluster";
}

function distributionOf(decl: Decl | undefined): Service["distribution"] {
  switch (oneOf(decl, "preference", "word")?.text) {
    case "prefer-same-zone":
    case "prefer-close":
      return "prefer-same-zone";
    case "prefer-same-node":
      return "prefer-same-node";
    default:
      return undefined;
  }
}

function addressesIn(file: string, decl: Decl): readonly GivenIp[] {
  return all(decl, "addresses").flatMap((read) =>
    read.value.kind === "address" ? [{ ip: read.value.ip, source: sourceOfRead(file, decl, read) }] : [],
  );
}

function endpointsIn(file: string, decl: Decl): Service["written"] {
  return all(decl, "addresses").flatMap((read) => {
    const { value } = read;
    if (value.kind !== "endpoint" || value.address === undefined) return [];
    return [{ ip: value.address, port: value.port, source: sourceOfRead(file, decl, read) }];
  });
}

function readPorts(file: string, decl: Decl): readonly PortParts[] {
  const ports: PortParts[] = [];
  const shared = child(decl, "node-port");
  const sharedPort = oneOf(shared, "port", "number")?.value;
  for (const statement of decl.children) {
    if (statement.spec?.keyword !== "port") continue;
    const own = oneOf(statement, "port", "ports");
    if (own === undefined) continue;
    const target = one(statement, "target");
    const nodePort = one(statement, "node-port");
    const source = sourceOf(file, statement);
    const to = target?.value;
    const byPort = nodePort?.value.kind === "number" ? nodePort.value.value : undefined;
    const first = ports.length === 0 && byPort === undefined ? sharedPort : undefined;
    ports.push({
      name: oneOf(statement, "name", "name")?.text,
      port: own.first,
      proto: own.proto ?? (to?.kind === "ports" || to?.kind === "port-name" ? to.proto : undefined) ?? "tcp",
      target: to?.kind === "ports" ? to.first : to?.kind === "port-name" ? to.name : own.first,
      nodePort: byPort ?? first,
      source,
      targetSource: target === undefined ? source : sourceOfRead(file, statement, target),
      nodePortSource:
        nodePort !== undefined
          ? sourceOfRead(file, statement, nodePort)
          : first !== undefined && shared !== undefined
            ? sourceOf(file, shared)
            : source,
    });
  }
  return ports;
}

/* ---------------------------------------------------------------- settings */

/** The newest release in the schema of `version`. */
const NEWEST_MINOR = 37;

/** The statements of a cluster that determine its kube-proxy. */
export interface ProxyStatements {
  readonly proxy: Decl | undefined;
  readonly version: Decl | undefined;
  /** Without a version: "1.34". */
  readonly release: string | undefined;
}

/** kube-proxy's defaults: iptables, the pod CIDRs as cluster CIDR (as set by kubeadm), bit 14. */
export function readKubeProxy(
  file: string,
  { proxy: decl, version, release }: ProxyStatements,
  podCidrs: readonly PodCidr[],
  otherwise: Origin,
): KubeProxy {
  const cidrs = prefixesIn(child(decl, "cluster-cidr"));
  const detect = child(decl, "detect-local");
  const addresses = child(decl, "node-port-addresses");
  const mode = modeOf(oneOf(decl, "mode", "word")?.text);
  return {
    mode,
    minor: Number((oneOf(version, "release", "word")?.text ?? release)?.split(".")[1] ?? NEWEST_MINOR),
    stated: decl !== undefined,
    clusterCidrs: cidrs.length > 0 ? cidrs : podCidrs.map(({ prefix }) => prefix),
    detectLocal: detectOf(oneOf(detect, "mode", "word")?.text),
    detectInterface: oneOf(detect, "interface", "name")?.text,
    masqueradeAll: booleanOf(decl, "masquerade-all", false),
    mark: 2 ** (numberOf(decl, "masquerade-bit") ?? 14),
    localhostNodePorts: booleanOf(decl, "localhost-node-ports", true),
    // In nftables mode, node ports are open only on the node's primary address (pkg/proxy/nftables, NodePortAddresses).
    nodePortAddresses: has(addresses, "primary")
      ? "primary"
      : addresses !== undefined
        ? prefixesIn(addresses)
        : mode === "nftables"
          ? "primary"
          : undefined,
    scheduler: oneOf(child(decl, "scheduler"), "scheduler", "word")?.text ?? "rr",
    strictArp: booleanOf(decl, "strict-arp", false),
    source: decl === undefined ? otherwise : sourceOf(file, decl),
  };
}

function modeOf(text: string | undefined): KubeProxy["mode"] {
  return text === "nftables" || text === "ipvs" || text === "none" ? text : "iptables";
}

function detectOf(text: string | undefined): KubeProxy["detectLocal"] {
  return text === "node-cidr" || text === "bridge-interface" || text === "interface-name-prefix"
    ? text
    : "cluster-cidr";
}

function prefixesIn(decl: Decl | undefined): readonly Prefix[] {
  return all(decl, "prefixes").flatMap(({ value }) => (value.kind === "prefix" ? [value.prefix] : []));
}

export function readLoadBalancer(file: string, decl: Decl): LoadBalancer | undefined {
  const kind = oneOf(decl, "kind", "word")?.text;
  const by = oneOf(decl, "by", "ref")?.text;
  const source = sourceOf(file, decl);
  switch (kind) {
    case "l2":
    case "bgp":
    case "proxy":
    case "pass-through":
      return { kind, by, source };
    default:
      return undefined;
  }
}

export function readNodePorts(file: string, decl: Decl): NodePortRange | undefined {
  const read = one(decl, "ports");
  if (read?.value.kind !== "ports") return undefined;
  return { first: read.value.first, last: read.value.last, source: sourceOfRead(file, decl, read) };
}
