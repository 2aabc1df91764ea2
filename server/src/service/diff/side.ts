/** One of the two topologies: the pods that it does not distinguish, and their connections. */
import { family, type Ip } from "../../addressing/ip.ts";
import { policyEngineOf } from "../../cni/policy-engine.ts";
import type { Network } from "../../dataplane/model.ts";
import { type EndClass, type PolicyClasses, policyClasses } from "../../kubernetes/matrix/policy.ts";
import { type Space, spaceOf } from "../../kubernetes/matrix/space.ts";
import type { PolicySet } from "../../kubernetes/policy/evaluate.ts";
import { NO_PORTS, type PortSet } from "../../kubernetes/policy/ports.ts";
import { memo, valueAt } from "../../memo/memo.ts";
import { nodeClasses } from "../../questions/classes.ts";
import { planOf } from "../../questions/plan.ts";
import { firstThat } from "../../text/search.ts";
import type { Cluster, ExternalHost, Listener, Node, Pod, Topology } from "../../topology/model.ts";
import { givenKey, openPorts, passes, portsText, writtenPorts } from "../reach.ts";

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];

/** Pods of this kind have the same connections. One object per kind: a large cluster has few of them. */
export interface SpotKind {
  readonly key: string;
  /** One for each address of a pod. */
  readonly policies: readonly EndClass[];
}

/** A place that a packet starts at or is sent to. */
export interface Spot {
  readonly kind: SpotKind;
  readonly netns: string;
  readonly addresses: readonly Ip[];
  /** It has its own addresses, not the addresses of a machine. */
  readonly isPod: boolean;
}

/** Two spots with their relation: on one node, or the segments that their nodes share. */
export interface Asked {
  readonly from: Spot;
  readonly to: Spot;
  readonly relation: string;
  readonly family: Family;
  readonly listeners: readonly Listener[];
}

export interface Side {
  readonly topology: Topology;
  readonly network: Network;
  readonly space: Space;
  readonly classes: PolicyClasses;
  /** Undefined: the pod has no node or no address. */
  kindOf(set: PolicySet, pod: Pod): SpotKind | undefined;
  hostKind(host: ExternalHost, ip: Ip): SpotKind;
  between(asked: Asked): PortSet;
}

export function sideOf(topology: Topology, network: Network): Side {
  const hosts = topology.hosts.flatMap(({ interfaces }) => interfaces.flatMap(({ addresses }) => addresses));
  const space = spaceOf(
    topology,
    hosts.map(({ ip }) => ({ first: ip, last: ip })),
  );
  const classes = policyClasses(space);
  const kinds = nodeKinds(topology);
  const cuts = writtenPorts(topology);
  const known = new Map<string, PortSet>();
  const results = new Map<string, boolean>();
  const plain = new Map<number, SpotKind>();
  const special = new Map<string, SpotKind>();
  const portsOf = memo(portsText);
  return {
    topology,
    network,
    space,
    classes,
    kindOf(set, pod) {
      const { node, addresses, workload } = pod;
      const [first, ...more] = addresses;
      if (node === undefined || first === undefined) return undefined;
      const policy = classes.ofPod(set, pod, first);
      const number = kinds.get(node) ?? -1;
      if (more.length === 0 && workload.addresses.length === 0)
        return valueAt(plain, policy.id * MOST_KINDS + number, () => ({
          key: `${policy.id} ${number}`,
          policies: [policy],
        }));
      const policies = addresses.map((ip) => classes.ofPod(set, pod, ip));
      const key = `${policies.map(({ id }) => id).join()} ${number}${givenKey(set.cluster, pod)}`;
      return valueAt(special, key, () => ({ key, policies }));
    },
    hostKind: ({ path }, ip) => ({
      key: `${path} ${String(ip)}`,
      policies: [classes.ofRange({ first: ip, last: ip })],
    }),
    between({ from, to, relation, family: of, listeners }) {
      const key = `${from.kind.key} > ${to.kind.key} ${relation} ${of}`;
      return valueAt(known, `${key} ${portsOf(listeners)}`, () => {
        const dst = to.addresses.find((ip) => family(ip) === of);
        if (dst === undefined) return NO_PORTS;
        const target = { netns: to.netns, ip: dst };
        return openPorts(listeners, cuts, (proto, port) => {
          // Rules for single ports, such as node ports and port forwards, are for the addresses of machines.
          const part = to.isPod ? firstThat(cuts.length, (index) => (cuts[index] ?? 0) > port) : port;
          return valueAt(results, `${key} ${proto} ${part}`, () => passes(network, from.netns, target, proto, port));
        });
      });
    },
  };
}

/** Whether a program on a node enforces the cluster's policies. */
export function isEnforced(cluster: Cluster): boolean {
  return cluster.nodes.some((node) => policyEngineOf(cluster, node) !== "none");
}

export const SAME_NODE = "same node";

/** The positions of the segments that two nodes share: "0=0" if both are attached to one segment with their first interface. */
export function sharedSegments(a: string, b: string): string {
  const there = b.split(",");
  return a
    .split(",")
    .flatMap((segment, index) =>
      segment !== "" && there.includes(segment) ? `${index}=${there.indexOf(segment)}` : [],
    )
    .join();
}

/** The segments of a node. */
export const rackOf = memo(({ interfaces }: Node) => interfaces.map(({ segment }) => segment).join());

const MOST_KINDS = 2 ** 24;

/** A number for the class of each node. */
function nodeKinds(topology: Topology): ReadonlyMap<Node, number> {
  const disputed = planOf(topology).conflicts.map(({ shared }) => shared);
  const kinds = new Map<Node, number>();
  let number = 0;
  for (const cluster of topology.clusters) {
    for (const { nodes } of nodeClasses(topology, cluster, disputed)) {
      for (const node of nodes) kinds.set(node, number);
      number += 1;
    }
  }
  return kinds;
}
