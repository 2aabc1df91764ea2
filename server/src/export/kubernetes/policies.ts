/** Policies as NetworkPolicy, ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2), and Calico's policies. */
import { formatPrefix } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";
import type { Direction, Peer, Policy, PolicyPort, PolicyRule, Tier } from "../../topology/policy.ts";
import { DEFAULT } from "../../topology/policy.ts";
import { ifAny, type KubeItem, type PlainRecord } from "../objects.ts";
import { calicoSelector, labelSelector } from "./selectors.ts";

export interface PolicyItems {
  readonly items: readonly KubeItem[];
  readonly losses: readonly string[];
}

/** All policies of a cluster in order of declaration; Calico's tiers precede the policies in them. */
export function policyItems({ policies }: Cluster): PolicyItems {
  const losses: string[] = [];
  const items = policies.map((policy) => policyItem(policy, losses));
  return { items: [...tierItems(policies), ...items], losses };
}

function policyItem(policy: Policy, losses: string[]): KubeItem {
  switch (policy.kind) {
    case "network":
      return networkPolicy(policy, losses);
    case "admin":
    case "baseline":
      return clusterPolicy(policy, losses);
    case "calico":
      return calicoPolicy(policy, losses);
  }
}

const DIRECTIONS: readonly Direction[] = ["ingress", "egress"];
const TYPES = { ingress: "Ingress", egress: "Egress" } as const;
const PEERS = { ingress: "from", egress: "to" } as const;

/** Rules in text order, including rules that have no effect because `types` does not list their direction. */
function rulesOf(policy: Policy, direction: Direction): readonly PolicyRule[] | undefined {
  const ignored = policy.ignored.filter((rule) => rule.direction === direction);
  return policy[direction] ?? ifAny(ignored);
}

/* -------------------------------------------------------------- NetworkPolicy */

/** networking.k8s.io/v1. `policyTypes` is set if it differs from the default (pkg/apis/networking/v1/defaults.go). */
function networkPolicy(policy: Policy, losses: string[]): KubeItem {
  const { name, namespace, pods } = policy;
  const isolated = DIRECTIONS.filter((direction) => policy[direction] !== undefined);
  const usual = DIRECTIONS.filter((one) => one === "ingress" || (rulesOf(policy, "egress")?.length ?? 0) > 0);
  const stated = policy.types !== undefined || isolated.join() !== usual.join();
  const rules = (direction: Direction): readonly PlainRecord[] | undefined =>
    ifAny((rulesOf(policy, direction) ?? []).flatMap((rule) => networkRule(policy, rule, losses)));
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, namespace },
    spec: {
      podSelector: labelSelector(pods),
      policyTypes: stated ? isolated.map((one) => TYPES[one]) : undefined,
      ingress: rules("ingress"),
      egress: rules("egress"),
    },
  };
}

function networkRule(policy: Policy, rule: PolicyRule, losses: string[]): readonly PlainRecord[] {
  const { direction, peers } = rule;
  const ports = withoutIcmp(policy, rule, "NetworkPolicy", losses);
  if (ports === NOTHING) return [];
  return [
    {
      [PEERS[direction]]: peers?.flatMap((peer) => networkPeer(policy.path, peer, losses)),
      ports: ports?.map(networkPort),
    },
  ];
}

function networkPort(port: NumberedPort): PlainRecord {
  const protocol = (port.proto ?? "tcp").toUpperCase();
  if (port.kind === "name") return { protocol, port: port.name };
  if (isAllPorts(port)) return { protocol };
  return { protocol, port: port.first, endPort: port.last === port.first ? undefined : port.last };
}

type NumberedPort = Exclude<PolicyPort, { readonly kind: "icmp" }>;
/** All ports of a rule are lost: without the rule, not with a rule for all ports. */
const NOTHING = "nothing";

/** Only Calico's API has ICMP. */
function withoutIcmp(
  { path }: Policy,
  { direction, ports }: PolicyRule,
  kind: string,
  losses: string[],
): readonly NumberedPort[] | typeof NOTHING | undefined {
  const kept = ports?.flatMap((port) => (port.kind === "icmp" ? [] : port));
  if (kept?.length !== ports?.length)
    losses.push(t`policy ${path}: \`icmp\` in an ${direction} rule cannot be expressed in a ${kind}`);
  return kept?.length === 0 && ports?.length !== 0 ? NOTHING : kept;
}

function networkPeer(path: string, peer: Peer, losses: string[]): readonly PlainRecord[] {
  switch (peer.kind) {
    case "cidr":
      return [{ ipBlock: { cidr: formatPrefix(peer.cidr), except: ifAny(peer.except.map(formatPrefix)) } }];
    case "nodes":
      losses.push(t`policy ${path}: a peer of nodes cannot be expressed in a NetworkPolicy`);
      return [];
    case "pods":
      return [podPeer(peer)];
  }
}

function podPeer({ pods, namespaces }: Peer & { readonly kind: "pods" }): PlainRecord {
  if (namespaces === undefined) return { podSelector: labelSelector(pods) };
  return {
    namespaceSelector: labelSelector(namespaces),
    podSelector: pods.length === 0 ? undefined : labelSelector(pods),
  };
}

/** A port without a number matches all ports of its protocol. */
function isAllPorts({ first, last }: PolicyPort & { readonly kind: "range" }): boolean {
  return first <= 1 && last === 65535;
}

/* ------------------------------------------------------- ClusterNetworkPolicy */

const ACTIONS = { allow: "Accept", deny: "Deny", pass: "Pass" } as const;
/** network-policy-api, apis/v1alpha2: ClusterNetworkPolicySpec. */
const MOST_RULES = 25;

function clusterPolicy(policy: Policy, losses: string[]): KubeItem {
  const { name, kind, order, pods, namespaces } = policy;
  const rules = (direction: Direction): readonly PlainRecord[] | undefined => {
    const own = policy[direction] ?? [];
    if (own.length > MOST_RULES)
      losses.push(t`policy ${name}: more than ${MOST_RULES} ${direction} rules are rejected by a ClusterNetworkPolicy`);
    return ifAny(own.flatMap((rule) => clusterRule(policy, rule, losses)));
  };
  return {
    apiVersion: "policy.networking.k8s.io/v1alpha2",
    kind: "ClusterNetworkPolicy",
    metadata: { name },
    spec: {
      tier: kind === "admin" ? "Admin" : "Baseline",
      priority: order,
      subject: subject(pods, namespaces ?? []),
      ingress: rules("ingress"),
      egress: rules("egress"),
    },
  };
}

function subject(pods: Policy["pods"], namespaces: Policy["pods"]): PlainRecord {
  return pods.length === 0
    ? { namespaces: labelSelector(namespaces) }
    : { pods: { namespaceSelector: labelSelector(namespaces), podSelector: labelSelector(pods) } };
}

function clusterRule(policy: Policy, rule: PolicyRule, losses: string[]): readonly PlainRecord[] {
  const { direction, action, peers } = rule;
  const ports = withoutIcmp(policy, rule, "ClusterNetworkPolicy", losses);
  if (ports === NOTHING) return [];
  const all: readonly PlainRecord[] =
    direction === "ingress" ? [{ namespaces: {} }] : [{ networks: ["0.0.0.0/0", "::/0"] }];
  return [
    {
      action: ACTIONS[action],
      [PEERS[direction]]: peers === undefined ? all : peers.map((peer) => clusterPeer(policy, peer, losses)),
      protocols: ports?.map(protocolOf),
    },
  ];
}

function clusterPeer({ name }: Policy, peer: Peer, losses: string[]): PlainRecord {
  switch (peer.kind) {
    case "cidr":
      for (const one of peer.except)
        losses.push(t`policy ${name}: \`except ${formatPrefix(one)}\` cannot be expressed in a ClusterNetworkPolicy`);
      return { networks: [formatPrefix(peer.cidr)] };
    case "nodes":
      return { nodes: labelSelector(peer.nodes) };
    case "pods":
      return subject(peer.pods, peer.namespaces ?? []);
  }
}

function protocolOf(port: NumberedPort): PlainRecord {
  if (port.kind === "name") return { destinationNamedPort: port.name };
  const { proto, first, last } = port;
  if (isAllPorts(port)) return { [proto]: {} };
  const destinationPort = first === last ? { number: first } : { range: { start: first, end: last } };
  return { [proto]: { destinationPort } };
}

/* --------------------------------------------------------------------- Calico */

const CALICO = "projectcalico.org/v3";

/** The tiers except `default`, which always exists. Deny is the default action. */
function tierItems(policies: readonly Policy[]): readonly KubeItem[] {
  const tiers = new Map<string, Tier>();
  for (const { kind, tier } of policies)
    if (kind === "calico" && tier.name !== DEFAULT.name) tiers.set(tier.name, tier);
  return [...tiers.values()].map(({ name, order, otherwise }) => ({
    apiVersion: CALICO,
    kind: "Tier",
    metadata: { name },
    spec: { order: finite(order), defaultAction: otherwise === "pass" ? "Pass" : undefined },
  }));
}

/** An absent order is infinite. */
function finite(order: number): number | undefined {
  return Number.isFinite(order) ? order : undefined;
}

/**
 * The name of a policy outside the default tier starts with the name of its tier (libcalico-go, names.TieredPolicyName).
 * `namespaceSelector` is only a field of GlobalNetworkPolicy.
 */
function calicoPolicy(policy: Policy, losses: string[]): KubeItem {
  const { name, namespace, namespaces, tier, order, pods } = policy;
  const prefix = tier.name === DEFAULT.name || name.startsWith(`${tier.name}.`) ? "" : `${tier.name}.`;
  const types = DIRECTIONS.filter((direction) => policy[direction] !== undefined);
  const rules = (direction: Direction): readonly PlainRecord[] | undefined =>
    ifAny(withoutRepeated(withLogs(policy, direction).flatMap((rule) => calicoRules(policy, rule, losses))));
  return {
    apiVersion: CALICO,
    kind: namespace === undefined ? "GlobalNetworkPolicy" : "NetworkPolicy",
    metadata: { name: `${prefix}${name}`, namespace },
    spec: {
      tier: tier.name,
      order: finite(order),
      selector: calicoSelector(pods),
      namespaceSelector: namespace === undefined && namespaces?.length ? calicoSelector(namespaces) : undefined,
      types: types.map((one) => TYPES[one]),
      ingress: rules("ingress"),
      egress: rules("egress"),
    },
  };
}

const CALICO_ACTIONS = { allow: "Allow", deny: "Deny", pass: "Pass", log: "Log" } as const;

type WrittenRule = Omit<PolicyRule, "action"> & { readonly action: keyof typeof CALICO_ACTIONS };

/** The rules of a direction as written. */
function withLogs(policy: Policy, direction: Direction): readonly WrittenRule[] {
  const rules = rulesOf(policy, direction) ?? [];
  const logs = (before: number): readonly WrittenRule[] =>
    policy.logs
      .filter((one) => one.direction === direction && one.before === before)
      .map(({ before: _, ...rule }) => ({ ...rule, action: "log" }));
  return [...rules.flatMap((rule, index) => [...logs(index), rule]), ...logs(rules.length)];
}

/** A repeated rule never applies. */
function withoutRepeated(rules: readonly PlainRecord[]): readonly PlainRecord[] {
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}

/** Of both address families. */
const ICMP = ["ICMP", "ICMPv6"];

/** Calico's rule has one peer and one protocol: one rule for each combination. */
function calicoRules(policy: Policy, rule: WrittenRule, losses: string[]): readonly PlainRecord[] {
  const { direction, action, peers, ports } = rule;
  const entities = peers === undefined ? [{}] : peers.flatMap((peer) => calicoEntity(policy, peer, losses));
  const byProtocol = new Map<string, NumberedPort[] | undefined>();
  for (const port of ports ?? []) {
    if (port.kind === "icmp") for (const proto of ICMP) byProtocol.set(proto, undefined);
    else {
      const proto = (port.proto ?? "tcp").toUpperCase();
      byProtocol.set(proto, [...(byProtocol.get(proto) ?? []), port]);
    }
  }
  return entities.flatMap((entity) => {
    const of = (protocol: string | undefined, list: readonly NumberedPort[] | undefined): PlainRecord => {
      const wanted = list?.some((port) => port.kind === "range" && isAllPorts(port))
        ? undefined
        : list?.map(calicoPort);
      const isIngress = direction === "ingress";
      const destination = { ...(isIngress ? {} : entity), ports: wanted };
      return {
        action: CALICO_ACTIONS[action],
        protocol,
        source: isIngress && Object.keys(entity).length > 0 ? entity : undefined,
        destination: Object.values(destination).some((one) => one !== undefined) ? destination : undefined,
      };
    };
    return ports === undefined ? [of(undefined, undefined)] : [...byProtocol].map(([proto, list]) => of(proto, list));
  });
}

function calicoEntity({ path }: Policy, peer: Peer, losses: string[]): readonly PlainRecord[] {
  switch (peer.kind) {
    case "cidr":
      return [{ nets: [formatPrefix(peer.cidr)], notNets: ifAny(peer.except.map(formatPrefix)) }];
    case "nodes":
      losses.push(t`policy ${path}: a peer of nodes cannot be expressed in a Calico policy`);
      return [];
    case "pods":
      return [
        {
          selector: peer.pods.length === 0 && peer.namespaces !== undefined ? undefined : calicoSelector(peer.pods),
          namespaceSelector: peer.namespaces && calicoSelector(peer.namespaces),
        },
      ];
  }
}

function calicoPort(port: NumberedPort): number | string {
  if (port.kind === "name") return port.name;
  return port.first === port.last ? port.first : `${port.first}:${port.last}`;
}
