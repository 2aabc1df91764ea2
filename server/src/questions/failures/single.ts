/**
 * Every single failure that can affect an expectation or a pair of nodes: the network is built again without the failed
 * element, BGP is solved again, and the packets are sent again. Only elements that the packets use can matter, and, if
 * machines run BGP, the speakers and their links; of equivalent failures, one is evaluated.
 */
import type { Ip } from "../../addressing/ip.ts";
import { clusterStates } from "../../cni/clusters.ts";
import { buildNetwork } from "../../cni/network.ts";
import type { Journey } from "../../dataplane/journey.ts";
import type { Network } from "../../dataplane/model.ts";
import { simulate } from "../../dataplane/simulator/simulate.ts";
import { kubernetes, withoutPolicies } from "../../kubernetes/contribute.ts";
import { memo, once, valueAt } from "../../memo/memo.ts";
import { numbering } from "../../memo/numbering.ts";
import type { Expectation, Interface, Station, Topology } from "../../topology/model.ts";
import { stationsByPath } from "../../topology/stations.ts";
import { without } from "../../topology/without.ts";
import { endsOf, outcomeOf, packetsOf } from "../expectations.ts";
import { failureAgain, type Probe, pingTo, probesOf } from "../probes.ts";
import type { View } from "../view.ts";
import { alike, plainColors, type Roles } from "./alike.ts";
import {
  allMachines,
  type Element,
  type ElementKind,
  idOf,
  linkElement,
  machineElement,
  sessionElement,
} from "./elements.ts";

export interface Broken {
  readonly element: Element;
  /** Number of equivalent failures, including this one. */
  readonly alike: number;
  readonly why: string;
  /** Undefined: without the element, no packet can be sent. */
  readonly journey: Journey | undefined;
}

/** An expectation, or the probe of a pair of node classes, and the single failures that break it. */
export interface Verdicts<S> {
  readonly subject: S;
  readonly broken: readonly Broken[];
  /** Number of failures that were considered. */
  readonly failures: number;
  /** Number of classes of failures, and how many of them were evaluated. */
  readonly classes: number;
  readonly evaluated: number;
}

export interface SingleFailures {
  readonly expectations: readonly Verdicts<Expectation>[];
  /** Only if the run considers all failures. */
  readonly pairs: readonly Verdicts<Probe>[];
}

/** Maximum number of networks to build again: the failures of a file with many different machines. */
const MOST_NETWORKS = 2000;
/** Up to this number of elements, each is evaluated. */
const FEW = 8;

const ALL: ReadonlySet<ElementKind> = new Set<ElementKind>(["router", "node", "link", "session"]);

/** Computed once per run. */
export const singleFailures = memo((context: View): SingleFailures => {
  const subjects = [...expectationSubjects(context), ...(context.failures ? pairSubjects(context) : [])];
  evaluate(context, subjects);
  return {
    expectations: subjects.flatMap((one) => (one.of.kind === "expectation" ? verdictsOf(one, one.of.expectation) : [])),
    pairs: subjects.flatMap((one) => (one.of.kind === "pair" ? verdictsOf(one, one.of.probe) : [])),
  };
});

interface Subject {
  readonly of:
    | { readonly kind: "expectation"; readonly expectation: Expectation }
    | { readonly kind: "pair"; readonly probe: Probe };
  readonly groups: readonly (readonly Element[])[];
  readonly broken: Map<string, Broken>;
  evaluated: number;
}

function verdictsOf<S>({ groups, broken, evaluated }: Subject, subject: S): Verdicts<S> {
  return {
    subject,
    broken: groups.flatMap(([first]) => (first && broken.get(idOf(first))) ?? []),
    failures: groups.reduce((sum, { length }) => sum + length, 0),
    classes: groups.length,
    evaluated,
  };
}

/* -------------------------------------------------------------- subjects */

const KINDS = { "any-link": "link", "any-node": "node", "any-router": "router" } as const;

/** Expectations that pass without a failure; KN701 reports the remaining ones. */
function expectationSubjects(context: View): readonly Subject[] {
  return context.topology.expectations.flatMap((expectation): Subject[] => {
    const { want } = expectation;
    const isWanted = want.kind === "survives" || (context.failures === true && want.kind !== "via");
    if (!isWanted || context.cancelled() || outcomeOf(context, expectation).kind !== "holds") return [];
    const kinds = want.kind === "survives" ? new Set<ElementKind>([KINDS[want.any]]) : ALL;
    const journeys = packetsOf(context, expectation);
    const spared = new Set(namedMachines(context, expectation));
    const of = { kind: "expectation", expectation } as const;
    return [subjectOf(context.topology, of, journeys, { kinds, spared })];
  });
}

/** Where the sender runs, and the destination if it is a single node, router, host, or pod. */
function namedMachines(context: View, expectation: Expectation): readonly string[] {
  const ends = endsOf(context, expectation);
  if (typeof ends === "string") return [];
  const machineOf = machinesOf(context.topology);
  const named = ends.aims.flatMap(({ at, service, targets }) =>
    service ? [] : at === undefined ? targets.flatMap(({ ip }) => ownerPaths(context.topology, ip)) : [at],
  );
  return [ends.from.netns, ...named].flatMap((netns) => machineOf(netns) ?? []);
}

function ownerPaths(topology: Topology, ip: Ip): readonly string[] {
  const pods = topology.clusters.flatMap(({ pods: index }) =>
    index.podsByAddress(ip).flatMap(({ node }) => node?.path ?? []),
  );
  if (pods.length > 0) return pods;
  return [...topology.segments.keys()].flatMap((segment) =>
    topology.interfacesWith(segment, ip).map(({ station }) => station.path),
  );
}

/** One of the probes whose packets pass through equivalent machines. */
function pairSubjects(context: View): readonly Subject[] {
  const { peopled, open } = context;
  const found = new Map<string, { probe: Probe; readonly journeys: readonly Journey[] }>();
  for (const probe of probesOf(context).passed) {
    if (probe.sameNode || context.cancelled()) continue;
    const journeys = simulate(open, pingTo(probe.from.netns, probe.to.ip));
    const key = `${probe.from.kind} ${probe.to.kind} ${typeof probe.to.ip} ${pathsKey(peopled, journeys)}`;
    const same = found.get(key);
    if (same) same.probe = { ...same.probe, pairs: same.probe.pairs + probe.pairs };
    else found.set(key, { probe, journeys });
  }
  return [...found.values()].map(({ probe, journeys }) => {
    const spared = new Set([probe.from.node.path, probe.to.node.path]);
    return subjectOf(peopled, { kind: "pair", probe }, journeys, { kinds: ALL, spared });
  });
}

/** The colors of the machines on each path, and which of them the packets pass twice. */
function pathsKey(topology: Topology, journeys: readonly Journey[]): string {
  const machineOf = machinesOf(topology);
  const colors = plainColors(topology);
  return journeys
    .flatMap(bothParts)
    .map(({ steps }) => {
      const number = numbering<string>();
      return steps
        .map(({ netns }) => machineOf(netns) ?? netns)
        .map((path) => `${colors.get(path) ?? path} ${number(path)}`)
        .join();
    })
    .join(";");
}

interface Limits {
  readonly kinds: ReadonlySet<ElementKind>;
  readonly spared: ReadonlySet<string>;
}

function subjectOf(topology: Topology, of: Subject["of"], journeys: readonly Journey[], limits: Limits): Subject {
  const roles = rolesOf(topology, journeys);
  const elements = elementsFor(topology, roles, limits);
  const groups = elements.length <= FEW ? elements.map((one) => [one]) : alike(topology, elements, roles);
  return { of, groups, broken: new Map(), evaluated: 0 };
}

/* ----------------------------------------------------------------- roles */

/** The node, router, or host of a network namespace; for a pod, its node. */
const machinesOf = memo((topology: Topology): ((netns: string) => string | undefined) => {
  const stations = stationsByPath(topology);
  const known = new Map<string, { readonly path: string | undefined }>();
  return (netns) =>
    valueAt(known, netns, () => {
      if (stations(netns)) return { path: netns };
      const [cluster, namespace = "", name = ""] = netns.split("/");
      const found = topology.clusters.find((one) => one.name === cluster)?.pods.podByName(namespace, name);
      return { path: found?.node?.path };
    }).path;
});

function rolesOf(topology: Topology, journeys: readonly Journey[]): Roles {
  const machineOf = machinesOf(topology);
  const stations = stationsByPath(topology);
  const places = new Map<string, string[]>();
  const used = new Set<string>();
  const addresses = new Set<Ip>();
  for (const [part, { steps }] of journeys.flatMap(bothParts).entries()) {
    let last: string | undefined;
    let position = 0;
    for (const { netns, device, packet } of steps) {
      addresses.add(packet.dst).add(packet.src);
      const path = machineOf(netns);
      if (path === undefined) continue;
      if (path !== last) valueAt(places, path, (): string[] => []).push(`${part % 2}:${position++}`);
      last = path;
      if (stations(path)?.interfaces.some((iface) => iface.device === device)) used.add(`${device}@${path}`);
    }
  }
  // The address of an interface that is down does not exist.
  for (const path of places.keys()) {
    for (const { device, addresses: own } of stations(path)?.interfaces ?? [])
      if (own.some(({ ip }) => addresses.has(ip))) used.add(`${device}@${path}`);
  }
  return {
    ofMachine: new Map([...places].map(([path, own]) => [path, own.sort().join()])),
    used,
    addresses: [...addresses],
  };
}

/** Request, reply, request, …: the parity of the index distinguishes them. */
function bothParts(journey: Journey): readonly Pick<Journey, "steps">[] {
  return [journey, journey.reply ?? { steps: [] }];
}

/** The elements whose failure can matter. */
function elementsFor(topology: Topology, roles: Roles, { kinds, spared }: Limits): readonly Element[] {
  const speakers = new Set(
    clusterStates(topology)
      .speakers()
      .map(({ station }) => station.path),
  );
  const runsBgp = speakers.size > 0;
  const machines = allMachines(topology).filter(
    ({ path, kind }) => roles.ofMachine.has(path) || (runsBgp && (kind === "router" || speakers.has(path))),
  );
  const elements: Element[] = [];
  for (const machine of machines) {
    const one = machineElement(machine);
    if (kinds.has(one.kind) && !spared.has(machine.path)) elements.push(one);
  }
  if (kinds.has("link")) {
    const isRelevant = ({ device, station: { path } }: Interface): boolean =>
      roles.used.has(`${device}@${path}`) || runsBgp;
    const links = machines.flatMap(({ interfaces }) =>
      interfaces.filter(isRelevant).map((iface) => linkElement(topology, iface)),
    );
    const found = new Map(links.map((one) => [idOf(one), one]));
    for (const one of found.values()) if (!isOnlyLink(topology, one, kinds, spared)) elements.push(one);
  }
  return kinds.has("session") ? [...elements, ...sessionsAround(topology, roles)] : elements;
}

/**
 * The only link of a machine: the machine fails with it. The link of a machine that must not fail is not considered, nor a link that
 * is considered as the failure of its machine.
 */
function isOnlyLink(
  topology: Topology,
  { machines }: Element,
  kinds: Limits["kinds"],
  spared: Limits["spared"],
): boolean {
  const stations = stationsByPath(topology);
  return machines.some(
    (path) =>
      stations(path)?.interfaces.length === 1 && (spared.has(path) || (kinds.has("node") && machines.length === 1)),
  );
}

/** Sessions of the machines on the path, and one for each other pair of speakers that learn the same routes. */
function sessionsAround(topology: Topology, roles: Roles): readonly Element[] {
  const found = new Map<string, Element>();
  for (const { from, to } of clusterStates(topology).bgp().sessions()) {
    const chosen = [from, to].map((members) => {
      const own = members.filter(({ station }) => roles.ofMachine.has(station.path));
      const others = members.filter(({ station }) => !roles.ofMachine.has(station.path)).slice(0, 2);
      return [...own, ...others];
    });
    for (const a of chosen[0] ?? []) {
      for (const b of chosen[1] ?? []) {
        if (a === b || isOnTheirLink(topology, a.station, b.station)) continue;
        const [first = "", second = ""] = [a.station.path, b.station.path].sort();
        const one = sessionElement(first, second);
        found.set(idOf(one), one);
      }
    }
  }
  return [...found.values()];
}

/** Whether the two are the only machines on a segment: its failure also ends their session. */
function isOnTheirLink(topology: Topology, a: Station, b: Station): boolean {
  return a.interfaces.some(({ segment }) => {
    const attached = topology.attachedTo(segment);
    return attached.length === 2 && attached.some(({ station }) => station.path === b.path);
  });
}

/* ------------------------------------------------------------ evaluation */

/** Builds each network once, for all subjects that it matters for. */
function evaluate(context: View, subjects: readonly Subject[]): void {
  const wanted = new Map<string, { readonly element: Element; readonly by: { subject: Subject; alike: number }[] }>();
  for (const subject of subjects) {
    for (const group of subject.groups) {
      const [element] = group;
      if (!element) continue;
      valueAt(wanted, idOf(element), () => ({ element, by: [] })).by.push({ subject, alike: group.length });
    }
  }
  let left = MOST_NETWORKS;
  for (const [id, { element, by }] of wanted) {
    left -= 1;
    if (left < 0 || context.cancelled()) return;
    const after = viewAfter(context, element);
    for (const { subject, alike: count } of by) {
      subject.evaluated += 1;
      const lost = brokenIn(after, subject);
      if (lost) subject.broken.set(id, { element, alike: count, ...lost });
    }
  }
}

interface After {
  readonly world: () => { readonly topology: Topology; readonly network: Network };
  readonly view: () => View;
}

function viewAfter(context: View, { outage }: Element): After {
  const topology = once(() => without(context.topology, outage));
  const world = once(() => ({ topology: topology(), network: buildNetwork(topology(), kubernetes()) }));
  const view = once((): View => {
    const peopled = context.peopled === context.topology ? topology() : without(context.peopled, outage);
    return { ...world(), peopled, open: buildNetwork(peopled, withoutPolicies()), cancelled: context.cancelled };
  });
  return { world, view };
}

function brokenIn(after: After, { of }: Subject): Pick<Broken, "why" | "journey"> | undefined {
  if (of.kind === "expectation") {
    const outcome = outcomeOf(after.world(), of.expectation);
    if (outcome.kind === "holds") return undefined;
    return { why: outcome.why, journey: outcome.kind === "fails" ? outcome.journey : undefined };
  }
  const failure = failureAgain(after.view(), of.probe);
  return failure && { why: failure.reason?.message ?? "", journey: failure.failed };
}
