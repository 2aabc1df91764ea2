/**
 * Connections that policies alone allow, for all pairs: pods that every policy and every peer treats the same are one
 * class; two classes are compared once. Most classes share the policies that select them, so a class is compared with
 * few sets of policies.
 */

import type { Ip, IpRange } from "../../addressing/ip.ts";
import { valueAt } from "../../memo/memo.ts";
import { numbering } from "../../memo/numbering.ts";
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
  /** The part of the address space: a peer by address matches all classes in a part, or none. */
  readonly part: number;
  readonly traits: Traits;
  /** The policies that select the class; undefined: none, so everything is allowed. */
  readonly programs: Readonly<Record<Direction, Program | undefined>>;
}

export interface PolicyClasses {
  ofPod(set: PolicySet, pod: Pod, ip: Ip): EndClass;
  ofRange(range: IpRange): EndClass;
  /** Ports on which `from` is allowed to connect to `to`. */
  between(from: EndClass, to: EndClass): PortSet;
  /** Finds the receivers that might admit a sender, without a comparison with each of them. */
  admitting(receivers: Iterable<EndClass>): (from: EndClass) => Iterable<EndClass>;
}

export function policyClasses(space: Space): PolicyClasses {
  const numberOf = numbering();
  const intern = interner();
  const traitsOf = groupTraits(numberOf);
  const programsOf = programs(numberOf);
  const openFor = openPorts(intern);
  const side = (subject: EndClass, other: EndClass, direction: Direction): PortSet => {
    const program = subject.programs[direction];
    return program === undefined ? ALL_PORTS : openFor(program, other);
  };
  const classes = new Map<Traits, Map<number, EndClass>>();
  let count = 0;
  const classOf = (
    traits: Traits,
    { first, set, group }: { readonly first: Ip; readonly set?: PolicySet; readonly group?: PodGroup },
  ): EndClass => {
    const part = space.partOf(first);
    const ofTraits = valueAt(classes, traits, () => new Map<number, EndClass>());
    return valueAt(ofTraits, part, () => ({
      id: count++,
      set,
      end: { ip: first, group, node: undefined },
      part,
      traits,
      programs: set && group ? programsOf(set, group, traits) : NO_PROGRAMS,
    }));
  };
  const common = new Map<PortSet, Map<PortSet, PortSet>>();
  return {
    ofPod(set, pod, ip) {
      const group = set.groups.groupOf(pod);
      return classOf(traitsOf(set, group), { first: ip, set, group });
    },
    ofRange: ({ first }) => classOf(OUTSIDE, { first }),
    between(from, to) {
      const egress = side(from, to, "egress");
      if (egress === NO_PORTS) return NO_PORTS;
      const ingress = side(to, from, "ingress");
      const row = valueAt(common, egress, () => new Map<PortSet, PortSet>());
      return valueAt(row, ingress, () => intern(intersection(egress, ingress)));
    },
    admitting: (receivers) => admission(receivers, openFor),
  };
}

/** All properties of a group that policies use, except its address. One object for all groups that policies treat the same. */
interface Traits {
  /** Peers by labels that match the group. */
  readonly peers: ReadonlySet<Peer>;
  /** The numbers of the group's ports that policies select by name. */
  readonly namedPorts: string;
}

const OUTSIDE: Traits = { peers: new Set(), namedPorts: "" };

function groupTraits(numberOf: (thing: object) => number): (set: PolicySet, group: PodGroup) => Traits {
  const indexes = new Map<PolicySet, SelectorIndex<Peer>>();
  const names = new Map<PolicySet, ReadonlySet<string>>();
  const known = new Map<PodGroup, Traits>();
  const byKey = new Map<string, Traits>();
  const make = (set: PolicySet, group: PodGroup): Traits => {
    const peers = valueAt(indexes, set, () => peerIndex(set)).matching(group);
    const subject = (["ingress", "egress"] as const).map((direction) =>
      group.hostNetwork ? "host" : set.selecting(group, direction).map(numberOf).join(),
    );
    const namedPorts = [...valueAt(names, set, () => portNames(set))].map((name) => namedKey(group, name)).join();
    const key = `${set.cluster.name} ${subject.join("/")} ${peers.map(numberOf).join()} ${namedPorts}`;
    return valueAt(byKey, key, () => ({ peers: new Set(peers), namedPorts }));
  };
  return (set, group) => valueAt(known, group, () => make(set, group));
}

/* ---------------------------------------------------------------- programs */

/** The policies that select a class in one direction, with their results. */
interface Program {
  readonly set: PolicySet;
  readonly direction: Direction;
  readonly policies: readonly Policy[];
  /** Has the ports that the names in ingress rules denote. */
  readonly subject: PodGroup;
  /** The peers by labels. */
  readonly peers: readonly Peer[];
  /** Open ports for classes that one of these peers matches. */
  readonly named: Map<EndClass, PortSet>;
  /** Open ports for all others, by their part; for egress to pods of the cluster, also by their named ports. */
  readonly unnamed: Map<number | string, PortSet>;
}

const NO_PROGRAMS: EndClass["programs"] = { ingress: undefined, egress: undefined };

/** One program for all classes that the same policies select; the names in ingress rules must also denote the same ports. */
function programs(
  numberOf: (thing: object) => number,
): (set: PolicySet, group: PodGroup, traits: Traits) => EndClass["programs"] {
  const known = new Map<string, Program>();
  const one = (set: PolicySet, subject: PodGroup, direction: Direction, names: string): Program | undefined => {
    const policies = subject.hostNetwork ? [] : set.selecting(subject, direction);
    if (policies.length === 0) return undefined;
    const peers = policies.flatMap((policy) =>
      (policy[direction] ?? []).flatMap((rule) => (rule.peers ?? []).filter(({ kind }) => kind === "pods")),
    );
    const parts = { set, direction, policies, subject, peers };
    return valueAt(known, `${direction} ${policies.map(numberOf).join()} ${names}`, () => ({
      ...parts,
      named: new Map(),
      unnamed: new Map(),
    }));
  };
  return (set, group, { namedPorts }) => ({
    ingress: one(set, group, "ingress", namedPorts),
    egress: one(set, group, "egress", ""),
  });
}

/** The ports that a program leaves open for a class. */
type OpenPorts = (program: Program, other: Pick<EndClass, "set" | "end" | "part" | "traits">) => PortSet;

function openPorts(intern: (set: PortSet) => PortSet): (program: Program, other: EndClass) => PortSet {
  const evaluate: OpenPorts = ({ set, direction, policies, subject }, other) => {
    // Pods of another cluster are only addresses here.
    const group = other.set === set ? other.end.group : undefined;
    const receiver = direction === "ingress" ? subject : group;
    const matches = (policy: Policy, peer: Peer): boolean =>
      peer.kind === "pods"
        ? group !== undefined && other.traits.peers.has(peer)
        : peerMatches(set, policy, peer, other.end);
    return intern(allowedPorts(policies, direction, receiver, matches));
  };
  return (program, other) => {
    const { direction, set, peers, named, unnamed } = program;
    const { part, traits } = other;
    if (peers.some((peer) => traits.peers.has(peer))) return valueAt(named, other, () => evaluate(program, other));
    const key = direction === "egress" && other.set === set ? `${part} ${traits.namedPorts}` : part;
    return valueAt(unnamed, key, () => evaluate(program, other));
  };
}

/**
 * Most programs admit no class that their peers by labels do not match, so a sender is compared with the programs that admit its
 * part of the address space, and with those whose peers match it.
 */
function admission(
  receivers: Iterable<EndClass>,
  openFor: (program: Program, other: EndClass) => PortSet,
): (from: EndClass) => Iterable<EndClass> {
  const members = new Map<Program, EndClass[]>();
  const unselected: EndClass[] = [];
  for (const one of receivers) {
    const program = one.programs.ingress;
    if (program === undefined) unselected.push(one);
    else valueAt(members, program, (): EndClass[] => []).push(one);
  }
  const byPeer = new Map<Peer, Program[]>();
  for (const program of members.keys())
    for (const peer of program.peers) valueAt(byPeer, peer, (): Program[] => []).push(program);
  const byPart = new Map<number, readonly Program[]>();
  const admitPart = (from: EndClass): readonly Program[] => {
    const stranger = { ...from, traits: OUTSIDE };
    return [...members.keys()].filter((program) => openFor(program, stranger) !== NO_PORTS);
  };
  return function* (from) {
    yield* unselected;
    const found = new Set(valueAt(byPart, from.part, () => admitPart(from)));
    for (const peer of from.traits.peers) for (const program of byPeer.get(peer) ?? []) found.add(program);
    for (const program of found) yield* members.get(program) ?? [];
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
