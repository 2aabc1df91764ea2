/**
 * Reachability matrix of the data plane: for each pair, the listening ports of the receiver to which a packet is delivered
 * and from which the reply returns, on every possible path. Endpoints that neither policies nor nodes distinguish are
 * evaluated once for all their pairs.
 */

import { family, type Ip, type IpRange, rangeContains } from "../addressing/ip.ts";
import type { Network } from "../dataplane/model.ts";
import { rangeEnd, type Unit, unitsOf } from "../kubernetes/matrix/ends.ts";
import {
  again,
  isAlone,
  type MatrixAnswer,
  type MatrixQuestion,
  type Pair,
  selections,
  unmatched,
} from "../kubernetes/matrix/matrix.ts";
import { type PolicyClasses, policyClasses } from "../kubernetes/matrix/policy.ts";
import type { MatrixEnd } from "../kubernetes/matrix/schema.ts";
import { spaceOf } from "../kubernetes/matrix/space.ts";
import { isEmpty, NO_PORTS, type PortSet, union } from "../kubernetes/policy/ports.ts";
import { valueAt } from "../memo/memo.ts";
import { nodeClasses } from "../questions/classes.ts";
import { planOf } from "../questions/plan.ts";
import { t } from "../text/l10n.ts";
import type { ExternalHost, Listener, Node, Topology } from "../topology/model.ts";
import { givenKey, listenersKey, listenersOf, reachable, writtenPorts } from "./reach.ts";

/** The matrix of the data plane, including policies. */
export function reachMatrix(topology: Topology, network: Network, question: MatrixQuestion): MatrixAnswer {
  const meant = selections(topology, question);
  if (!meant.ok) return meant;
  const asker = makeAsker(topology, network);
  const rowsOf = (isPod: Parameters<typeof unitsOf>[2], ranges: readonly IpRange[] | undefined): readonly Row[] => [
    ...unitsOf(topology, question.byPod, isPod).map((unit) => asker.unitRow(unit)),
    ...topology.hosts.flatMap((host) => hostRows(host, ranges)),
  ];
  const senders = rowsOf(meant.from.isPod, meant.from.ranges);
  const receivers = rowsOf(meant.to.isPod, meant.to.ranges);
  const found = { from: senders.length, to: receivers.length };
  const nothing = unmatched(question, found, (one) => t`no pod or host matches \`${one}\``);
  if (nothing) return nothing;
  function* rows(): Generator<readonly Pair[]> {
    for (const from of senders) {
      yield receivers.flatMap((to): readonly Pair[] => {
        if (from.unit === undefined && to.unit === undefined) return [];
        if (from.unit && to.unit && isAlone(from.unit, to.unit)) return [];
        const ports = asker.between(from, to);
        return isEmpty(ports) ? [] : [{ from: from.end, to: to.end, ports }];
      });
    }
  }
  return {
    ok: true,
    ...again(rows),
    ends: { from: senders.map(({ end }) => end), to: receivers.map(({ end }) => end), outside: [] },
  };
}

/** A row or column: the placements of its pods. An address of an external host is a row with one placement. */
interface Row {
  readonly end: MatrixEnd;
  readonly unit: Unit | undefined;
  readonly spots: readonly Spot[];
}

/** Equivalent pods (or an external host): one representative per node. */
interface Spot {
  readonly key: string;
  readonly places: ReadonlyMap<Node | undefined, Place>;
  /** A second pod on one of the nodes, for traffic between pods of the same node. */
  readonly second: Place | undefined;
  readonly listeners: readonly Listener[];
}

interface Place {
  readonly path: string;
  readonly netns: string;
  readonly addresses: readonly Ip[];
  readonly node: Node | undefined;
}

interface Asker {
  unitRow(unit: Unit): Row;
  between(from: Row, to: Row): PortSet;
}

function makeAsker(topology: Topology, network: Network): Asker {
  const kinds = nodeKinds(topology);
  const hosts = topology.hosts.flatMap(({ interfaces }) => interfaces.flatMap(({ addresses }) => addresses));
  const classes = policyClasses(
    spaceOf(
      topology,
      hosts.map(({ ip }) => ({ first: ip, last: ip })),
    ),
  );
  const cuts = writtenPorts(topology);
  const known = new Map<string, PortSet>();

  const ask = (a: Place, b: Place, key: string, listeners: readonly Listener[]): PortSet => {
    const dst = b.addresses.find((ip) => a.addresses.some((own) => family(own) === family(ip)));
    if (dst === undefined) return NO_PORTS;
    return valueAt(known, key, () => reachable(network, a.netns, { netns: b.netns, ip: dst }, listeners, cuts));
  };

  return {
    unitRow: (unit) => ({
      end: unit.end,
      unit,
      spots: spotsOf(unit, classes, kinds),
    }),
    between(from, to) {
      let all = NO_PORTS;
      for (const a of from.spots) {
        for (const b of to.spots) {
          for (const [one, other, relation] of pairsOf(a, b)) {
            all = union(all, ask(one, other, `${a.key} > ${b.key} ${relation}`, b.listeners));
          }
        }
      }
      return all;
    },
  };
}

/** A text for each node, the same for nodes whose pods have the same connections. */
function nodeKinds(topology: Topology): ReadonlyMap<Node, string> {
  const disputed = planOf(topology).conflicts.map(({ shared }) => shared);
  const kinds = new Map<Node, string>();
  for (const cluster of topology.clusters) {
    for (const [index, { nodes }] of nodeClasses(topology, cluster, disputed).entries()) {
      for (const node of nodes) {
        kinds.set(node, `${cluster.name} ${index} ${node.interfaces.map(({ segment }) => segment).join()}`);
      }
    }
  }
  return kinds;
}

function spotsOf(unit: Unit, classes: PolicyClasses, kinds: ReadonlyMap<Node, string>): readonly Spot[] {
  const spots = new Map<string, Spot & { readonly places: Map<Node | undefined, Place>; second: Place | undefined }>();
  for (const pod of unit.pods) {
    const { workload, node } = pod;
    const [first] = pod.addresses;
    if (node === undefined || first === undefined) continue;
    const policy = pod.addresses.map((ip) => classes.ofPod(unit.set, pod, ip).id).join();
    const key = `${policy} ${kinds.get(node)}${givenKey(unit.cluster, pod)} ${listenersKey(workload)}`;
    const place: Place = {
      path: pod.path,
      netns: workload.hostNetwork ? node.path : pod.path,
      addresses: pod.addresses,
      node,
    };
    const spot = spots.get(key);
    if (spot === undefined)
      spots.set(key, { key, places: new Map([[node, place]]), second: undefined, listeners: listenersOf(workload) });
    else if (spot.places.has(node)) spot.second ??= place;
    else spot.places.set(node, place);
  }
  return [...spots.values()];
}

function hostRows(host: ExternalHost, ranges: readonly IpRange[] | undefined): readonly Row[] {
  const addresses = host.interfaces.flatMap((iface) => iface.addresses.map(({ ip }) => ip));
  const listeners = host.processes.flatMap((process) => process.listeners);
  return addresses.flatMap((ip): readonly Row[] => {
    if (ranges !== undefined && !ranges.some((range) => rangeContains(range, ip))) return [];
    const place: Place = {
      path: host.path,
      netns: host.path,
      addresses: [ip],
      node: undefined,
    };
    const spot: Spot = {
      key: `${host.path} ${String(ip)}`,
      places: new Map([[undefined, place]]),
      second: undefined,
      listeners,
    };
    return [{ end: rangeEnd({ first: ip, last: ip }), unit: undefined, spots: [spot] }];
  });
}

/** A pair on the same node and a pair on different nodes, if they exist. */
function* pairsOf(a: Spot, b: Spot): Iterable<readonly [Place, Place, string]> {
  const together = sameNode(a, b);
  if (together) yield [...together, "on one node"];
  const apart = twoNodes(a, b);
  if (apart) yield [...apart, "on two nodes"];
}

function sameNode(a: Spot, b: Spot): readonly [Place, Place] | undefined {
  for (const [node, one] of a.places) {
    if (node === undefined) return undefined;
    const other = b.places.get(node);
    if (other && other.path !== one.path) return [one, other];
  }
  for (const [first, second] of [
    [a.second, b],
    [b.second, a],
  ] as const) {
    const other = first && second.places.get(first.node);
    if (first && other && other.path !== first.path) return second === b ? [first, other] : [other, first];
  }
  return undefined;
}

function twoNodes(a: Spot, b: Spot): readonly [Place, Place] | undefined {
  let seen = 0;
  for (const [node, one] of a.places) {
    for (const [far, other] of b.places) if (far !== node || node === undefined) return [one, other];
    seen += 1;
    if (seen > 1) break;
  }
  return undefined;
}
