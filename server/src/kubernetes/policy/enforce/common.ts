/** Shared by the engines: rules with their origin, sets of pods, the pods of a node, and the sentences of a trace. */
import {
  family,
  formatIp,
  formatPrefix,
  hostPrefix,
  type Ip,
  type Prefix,
  prefixContains,
} from "../../../addressing/ip.ts";
import { hash32 } from "../../../cni/hash.ts";
import type { ChainRules, NodeParts } from "../../../cni/mode.ts";
import type { Explanation, IpSet, NfTarget } from "../../../dataplane/model.ts";
import { type Packet, portsOf, transportOf } from "../../../dataplane/packet.ts";
import type { Conditions, RuleSpec } from "../../../dataplane/rule.ts";
import type { Origin } from "../../../declared/origin.ts";
import { list } from "../../../text/format.ts";
import { t } from "../../../text/l10n.ts";
import type { Cluster, Node, Pod } from "../../../topology/model.ts";
import type { Direction, Policy, PolicyRule, Protocol } from "../../../topology/policy.ts";
import { selectorText } from "../../../topology/selector.ts";
import type { PolicySet } from "../evaluate.ts";
import type { PodGroup } from "../groups.ts";
import { type PodSelector, selectsGroup } from "../selectors.ts";
import { allowsText, policyName, ruleText } from "../text.ts";

export interface EnforceContext {
  readonly cluster: Cluster;
  readonly node: Node;
  readonly parts: NodeParts;
  readonly set: PolicySet;
  /** By name: rules with the same set share one object. */
  readonly sets: Map<string, IpSet>;
}

function once(sets: Map<string, IpSet>, name: string, make: () => IpSet): IpSet {
  let set = sets.get(name);
  if (set === undefined) {
    set = make();
    sets.set(name, set);
  }
  return set;
}

/** A pod of the node with its address of the family, and the host end of its veth pair unless that is a bridge port. */
export interface LocalPod {
  readonly pod: Pod;
  readonly group: PodGroup;
  readonly ip: Ip;
  readonly device: string | undefined;
}

export function* localPods({ cluster, node, parts, set }: EnforceContext, of: 4 | 6): Iterable<LocalPod> {
  const devices = new Map<string, string>();
  for (const device of parts.devices) {
    if (device.kind === "veth" && device.master === undefined) devices.set(device.peer.netns, device.name);
  }
  for (const pod of cluster.pods.podsOn(node)) {
    if (pod.workload.hostNetwork) continue;
    const ip = pod.addresses.find((one) => family(one) === of);
    if (ip !== undefined) yield { pod, group: set.groups.groupOf(pod), ip, device: devices.get(pod.path) };
  }
}

export function families(cluster: Cluster): readonly (4 | 6)[] {
  const found = new Set<4 | 6>();
  for (const { prefix } of cluster.podCidrs) found.add(family(prefix.ip));
  for (const { podCidrs } of cluster.nodes) for (const { prefix } of podCidrs) found.add(family(prefix.ip));
  for (const { addresses } of cluster.workloads) for (const { ip } of addresses) found.add(family(ip));
  return [...found];
}

/* ---------------------------------------------------------------------- rules */

export interface RuleExtras {
  readonly comment?: string;
  readonly origin?: Origin | undefined;
  readonly explain?: (packet: Packet) => Explanation;
}

export function makeRule(match: Conditions, target: NfTarget, extras: RuleExtras = {}): RuleSpec {
  return { match, target, ...extras, origin: extras.origin };
}

export function filterChain(of: 4 | 6, chain: string, rules: readonly RuleSpec[]): ChainRules {
  return { family: of, table: "filter", chain, rules };
}

export function marked(mask: number): Conditions {
  return { mark: { is: { value: mask, mask } } };
}

export function unmarked(mask: number): Conditions {
  return { mark: { is: { value: 0, mask } } };
}

export function setMark(mask: number): NfTarget {
  return { kind: "MARK", value: mask, mask };
}

export function clearMark(mask: number): NfTarget {
  return { kind: "MARK", value: 0, mask };
}

/** Replaces SHA-256 hashes in names: letters and digits that depend on the text. */
export function nameHash(text: string, length: number, alphabet: string): string {
  let out = "";
  for (let index = 0; out.length < length; index++) {
    let hash = hash32(`${index} ${text}`);
    for (let n = 0; n < 4 && out.length < length; n++) {
      out += alphabet[hash % alphabet.length];
      hash = Math.floor(hash / alphabet.length);
    }
  }
  return out;
}

/* ----------------------------------------------------------------------- sets */

/** Addresses of pods, evaluated pod by pod, so a set of all pods costs nothing. */
export function podSet(context: EnforceContext, of: 4 | 6, name: string, selector: PodSelector): IpSet {
  const { cluster, set } = context;
  const isMember = (pod: Pod): boolean => selectsGroup(selector, set.groups.groupOf(pod));
  return once(context.sets, name, () => ({
    name,
    type: "hash:ip",
    family: of,
    contains: (ip) => family(ip) === of && cluster.pods.podsByAddress(ip).some(isMember),
    members: function* () {
      for (const { ip } of podsOf(cluster, of, isMember)) yield hostPrefix(ip);
    },
    entries: function* () {
      for (const { ip } of podsOf(cluster, of, isMember)) yield formatIp(ip);
    },
  }));
}

/** Addresses and ports of pods that have a port of this name. */
export function namedPortSet(
  context: EnforceContext,
  of: 4 | 6,
  name: string,
  selector: PodSelector,
  port: { readonly name: string; readonly proto: Protocol },
): IpSet {
  const { cluster, set } = context;
  const isMember = (pod: Pod): boolean => selectsGroup(selector, set.groups.groupOf(pod));
  const portsOf = (pod: Pod) => set.groups.groupOf(pod).named(port.name, port.proto);
  return once(context.sets, name, () => ({
    name,
    type: "hash:ip,port",
    family: of,
    contains: (ip, proto, number) =>
      proto === port.proto &&
      number !== undefined &&
      cluster.pods
        .podsByAddress(ip)
        .some((pod) => isMember(pod) && portsOf(pod).some(({ first, last }) => first <= number && number <= last)),
    members: () => [],
    entries: function* () {
      for (const { pod, ip } of podsOf(cluster, of, isMember)) {
        for (const { first, last } of portsOf(pod)) {
          for (let number = first; number <= last; number++) yield `${formatIp(ip)},${port.proto}:${number}`;
        }
      }
    },
  }));
}

/** Prefixes, with exceptions as `nomatch` entries (ipset(8), hash:net). */
export function blockSet(
  context: EnforceContext,
  of: 4 | 6,
  name: string,
  prefixes: readonly Prefix[],
  except: readonly Prefix[] = [],
): IpSet {
  return once(context.sets, name, () => ({
    name,
    type: "hash:net",
    family: of,
    contains: (ip) =>
      prefixes.some((prefix) => prefixContains(prefix, ip)) && !except.some((prefix) => prefixContains(prefix, ip)),
    members: () => prefixes,
    entries: () => [...prefixes.map(formatPrefix), ...except.map((prefix) => `${formatPrefix(prefix)} nomatch`)],
  }));
}

function* podsOf(cluster: Cluster, of: 4 | 6, isMember: (pod: Pod) => boolean): Iterable<{ pod: Pod; ip: Ip }> {
  for (const workload of cluster.workloads) {
    if (workload.hostNetwork) continue;
    for (let n = 0; n < workload.replicas; n++) {
      const pod = cluster.pods.podAt(workload, n);
      const ip = pod.addresses.find((one) => family(one) === of);
      if (ip !== undefined && isMember(pod)) yield { pod, ip };
    }
  }
}

/* ------------------------------------------------------------------ sentences */

export function allowedBy(policy: Policy, rule: PolicyRule): Explanation {
  const name = policyName(policy);
  const text = ruleText(rule, policy);
  const note =
    rule.action === "deny"
      ? t`${name} denies: ${text}`
      : rule.action === "pass"
        ? t`${name} passes: ${text}`
        : t`${name} allows: ${text}`;
  return { note, origin: rule.source };
}

/** Why no rule allowed the packet, and a rule that allows it. */
export function isolatedBy(
  { set }: Pick<EnforceContext, "set">,
  pod: Pod,
  direction: Direction,
  policies: readonly Policy[],
  packet: Packet,
): Explanation {
  const other = direction === "ingress" ? packet.src : packet.dst;
  const own = `${pod.workload.namespace}/${pod.name}`;
  const port = portWords(packet);
  const limits = limitsText(policies, direction, own);
  const sent = port === "" ? "ICMP" : port;
  const peer = otherText(set, other);
  const rule = allowingRule(set, pod, direction, other, port);
  const note =
    direction === "ingress"
      ? t`${limits}; the packet is ${sent} from ${peer}; to allow it: ${rule}`
      : t`${limits}; the packet is ${sent} to ${peer}; to allow it: ${rule}`;
  return { note, origin: policies[0]?.source };
}

function limitsText(policies: readonly Policy[], direction: Direction, pod: string): string {
  const names = list(policies.map(policyName));
  const isOne = policies.length === 1;
  if (!policies.some((policy) => policy[direction]?.some(({ action }) => action === "allow")))
    return isOne
      ? t`${names} isolates pod ${pod} and allows no ${direction}`
      : t`${names} isolate pod ${pod} and allow no ${direction}`;
  const allowed = allowsText(policies, direction);
  return isOne
    ? t`${names} isolates pod ${pod} and allows only ${direction} ${allowed}`
    : t`${names} isolate pod ${pod} and allow only ${direction} ${allowed}`;
}

function portWords(packet: Packet): string {
  const ports = packet.body.kind === "icmp" ? undefined : portsOf(packet);
  return ports ? `${ports.dport}/${transportOf(packet)}` : "";
}

function otherText(set: PolicySet, ip: Ip): string {
  const pod = set.cluster.pods.podsByAddress(ip)[0];
  return pod ? `${pod.workload.namespace}/${pod.name} (${formatIp(ip)})` : formatIp(ip);
}

function allowingRule(set: PolicySet, pod: Pod, direction: Direction, other: Ip, port: string): string {
  const peer = set.cluster.pods.podsByAddress(other)[0];
  const words: string[] = [direction, direction === "ingress" ? "from" : "to"];
  if (peer === undefined || peer.workload.hostNetwork) words.push(`cidr ${formatIp(other)}`);
  else {
    const { namespace, labels } = peer.workload;
    const same = namespace === pod.workload.namespace;
    const conditions = [...labels].map(([key, value]) => ({ key, operator: "In" as const, values: [value] }));
    if (conditions.length > 0 || same) words.push(selectorText(conditions));
    if (!same) words.push(`namespace ${namespace}`);
  }
  if (port !== "") words.push(direction === "ingress" ? "to" : "port", port);
  return words.join(" ");
}
