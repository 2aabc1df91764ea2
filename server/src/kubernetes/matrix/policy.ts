/**
 * Connections that policies alone allow, for all pairs: pods that every policy and every peer treats the same are one
 * class; two classes are compared once. Most classes share the policies that select them, so a class is compared with
 * few sets of policies.
 */
import type { Ip, IpRange } from "../../addressing/ip.ts";
import { family } from "../../addressing/ip.ts";
import { valueAt } from "../../memo/memo.ts";
import type { Pod } from "../../topology/model.ts";
import type { Direction, Peer, Policy } from "../../topology/policy.ts";
import { allowedPorts, type End, type PolicySet, peerMatches, peerSelector } from "../policy/evaluate.ts";
import type { PodGroup } from "../policy/groups.ts";
import { ALL_PORTS, intersection, NO_PORTS, type PortSet, PROTOCOLS, portKey } from "../policy/ports.ts";
import { type SelectorIndex, selectorIndex } from "../policy/selectors.ts";
import { portText } from "../policy/text.ts";
import type { Space } from "./space.ts";

/** Endpoints that no policy distinguishes. */
export interface EndClass {
  readonly id: number;
  readonly set: PolicySet | undefined;
  readonly end: End;
  /** Peers by labels that match the class. */
  readonly peers: ReadonlySet<Peer>;
}

export interface PolicyClasses {
  ofPod(set: PolicySet, pod: Pod, ip: Ip): EndClass;
  ofRange(range: IpRange): EndClass;
  /** Ports on which `from` is allowed to connect to `to`. */
  between(from: EndClass, to: EndClass): PortSet;
}

export function policyClasses(space: Space): PolicyClasses {
  const classes = new Map<string, EndClass>();
  const classOf = (key: string, make: () => Omit<EndClass, "id">): EndClass => {
    let found = classes.get(key);
    if (found === undefined) {
      found = { id: classes.size, ...make() };
      classes.set(key, found);
    }
    return found;
  };
  const numberOf = numbering();
  const intern = interner();
  const traits = groupTraits(numberOf);
  const side = openPorts(traits, numberOf, intern);
  const common = new Map<PortSet, Map<PortSet, PortSet>>();
  return {
    ofPod(set, pod, ip) {
      const group = set.groups.groupOf(pod);
      const { key, peers } = traits.of(set, group);
      const part = `${family(ip)} ${space.partOf(ip)}`;
      return classOf(`${key} ${part}`, () => ({ set, end: { ip, group, node: undefined }, peers }));
    },
    ofRange: ({ first }) =>
      classOf(`outside ${family(first)} ${space.partOf(first)}`, () => ({
        set: undefined,
        end: { ip: first, group: undefined, node: undefined },
        peers: new Set<Peer>(),
      })),
    between(from, to) {
      const egress = side(from, to, "egress");
      if (egress === NO_PORTS) return NO_PORTS;
      const ingress = side(to, from, "ingress");
      let row = common.get(egress);
      if (row === undefined) {
        row = new Map();
        common.set(egress, row);
      }
      let both = row.get(ingress);
      if (both === undefined) {
        both = intern(intersection(egress, ingress));
        row.set(ingress, both);
      }
      return both;
    },
  };
}

/** All properties of a group that policies use, except its address. */
interface Traits {
  /** The same for groups that policies treat the same. */
  readonly key: string;
  readonly peers: ReadonlySet<Peer>;
}

interface GroupTraits {
  of(set: PolicySet, group: PodGroup): Traits;
  /** The numbers of the group's ports that policies select by name. */
  namedPorts(set: PolicySet, group: PodGroup): string;
}

function groupTraits(numberOf: (thing: object) => number): GroupTraits {
  const indexes = new Map<PolicySet, SelectorIndex<Peer>>();
  const names = new Map<PolicySet, ReadonlySet<string>>();
  const known = new Map<PodGroup, Traits>();
  const namedPorts = (set: PolicySet, group: PodGroup): string =>
    [...valueAt(names, set, () => portNames(set))].map((name) => namedKey(group, name)).join();
  const make = (set: PolicySet, group: PodGroup): Traits => {
    const peers = valueAt(indexes, set, () => peerIndex(set)).matching(group);
    const subject = (["ingress", "egress"] as const).map((direction) =>
      group.hostNetwork ? "host" : set.selecting(group, direction).map(numberOf).join(),
    );
    const key = `${set.cluster.name} ${subject.join("/")} ${peers.map(numberOf).join()} ${namedPorts(set, group)}`;
    return { key, peers: new Set(peers) };
  };
  return { of: (set, group) => valueAt(known, group, () => make(set, group)), namedPorts };
}

/** The ports that the policies that select `subject` leave open for `other`. */
type OpenPorts = (subject: EndClass, other: EndClass, direction: Direction) => PortSet;

/** Policies are evaluated once per set of policies, named ports, and class of the other endpoint. */
function openPorts(
  traits: GroupTraits,
  numberOf: (thing: object) => number,
  intern: (set: PortSet) => PortSet,
): OpenPorts {
  const programs = new Map<string, Map<number, PortSet>>();
  return (subject, other, direction) => {
    const { set, end } = subject;
    if (set === undefined || end.group === undefined || end.group.hostNetwork) return ALL_PORTS;
    const policies = set.selecting(end.group, direction);
    if (policies.length === 0) return ALL_PORTS;
    const names = direction === "ingress" ? traits.namedPorts(set, end.group) : "";
    const key = `${direction} ${policies.map(numberOf).join()} ${names}`;
    let program = programs.get(key);
    if (program === undefined) {
      program = new Map();
      programs.set(key, program);
    }
    let open = program.get(other.id);
    if (open === undefined) {
      // Pods of another cluster are only addresses here.
      const group = other.set === set ? other.end.group : undefined;
      const receiver = direction === "ingress" ? end.group : group;
      const matches = (policy: Policy, peer: Peer): boolean =>
        peer.kind === "pods" ? group !== undefined && other.peers.has(peer) : peerMatches(set, policy, peer, other.end);
      open = intern(allowedPorts(policies, direction, receiver, matches));
      program.set(other.id, open);
    }
    return open;
  };
}

/** Returns a number for each object, in the order of the first calls. */
function numbering(): (thing: object) => number {
  const numbers = new Map<object, number>();
  return (thing) => {
    let number = numbers.get(thing);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(thing, number);
    }
    return number;
  };
}

/** Returns one object for equal sets. */
function interner(): (set: PortSet) => PortSet {
  const known = new Map<string, PortSet>([
    [portKey(ALL_PORTS), ALL_PORTS],
    [portKey(NO_PORTS), NO_PORTS],
  ]);
  return (set) => {
    const key = portKey(set);
    const before = known.get(key);
    if (before !== undefined) return before;
    known.set(key, set);
    return set;
  };
}

function peerIndex(set: PolicySet): SelectorIndex<Peer> {
  return selectorIndex(
    set.cluster.policies.flatMap((policy) =>
      [...(policy.ingress ?? []), ...(policy.egress ?? [])].flatMap((rule) =>
        (rule.peers ?? []).flatMap((peer) =>
          peer.kind === "pods" ? [[peerSelector(policy, peer), peer] as const] : [],
        ),
      ),
    ),
  );
}

/** "http/tcp" of every port that a policy selects by name; "http" if the protocol is irrelevant. */
function portNames(set: PolicySet): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { ingress, egress } of set.cluster.policies) {
    for (const { ports } of [...(ingress ?? []), ...(egress ?? [])]) {
      for (const port of ports ?? []) if (port.kind === "name") names.add(portText(port));
    }
  }
  return names;
}

function namedKey(group: PodGroup | undefined, name: string): string {
  const [own = "", stated] = name.split("/");
  return PROTOCOLS.flatMap((proto) => {
    if (stated !== undefined && stated !== proto) return [];
    return (group?.named(own, proto) ?? []).map(({ first, last }) => `${proto}${first}-${last}`);
  }).join("+");
}
