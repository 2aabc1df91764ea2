/** A cluster's nodes. One about which nothing is new is that of the build before, and so is whatever is known of it. */
import type { Statement } from "../language/tree.ts";
import { type ClusterDraft, countOf, type RangeAllocator } from "./cluster.ts";
import { buildInterfaces, withDefaults } from "./interfaces.ts";
import type { Interface, Node, NodeCidr, TopologyProblem } from "./model.ts";
import type { Assigned, Gateway, SegmentDraft } from "./segments.ts";
import { nameTwice, type StationParts } from "./station.ts";

/** What stands around nodes while they are built. */
export interface Surroundings {
  readonly segments: ReadonlyMap<string, SegmentDraft>;
  readonly assigned: Assigned;
  readonly known: KnownNodes;
}

/** Nodes of the build before, and the gateways of its segments. */
export interface KnownNodes {
  readonly nodes: WeakMap<StationParts, KnownNode>;
  readonly gateways: WeakMap<Statement, readonly Gateway[]>;
  /** What is attached to each segment. */
  readonly attached: WeakMap<Statement, readonly Interface[]>;
}

interface KnownNode {
  readonly node: Node;
  /** Of the segment of each `attach`; undefined where there is no such segment. */
  readonly gateways: readonly (readonly Gateway[] | undefined)[];
}

export function knownNodes(): KnownNodes {
  return { nodes: new WeakMap(), gateways: new WeakMap(), attached: new WeakMap() };
}

/** `lasting`: blocks are handed out for good here, and not only once it is known where the pods run. */
export function buildNodes(
  cluster: ClusterDraft,
  { segments, assigned, known }: Surroundings,
  ranges: RangeAllocator,
  lasting: boolean,
  problems: TopologyProblem[],
): { readonly nodes: readonly Node[]; readonly byName: ReadonlyMap<string, Node> } {
  const nodes: Node[] = [];
  const byName = new Map<string, Node>();
  const gatewaysOf = gatewaysIn(segments, known);
  // Allocated addresses follow from what other stations have.
  const isKept = (parts: StationParts): boolean =>
    lasting && parts.range === undefined && parts.attaches.every(({ addresses }) => addresses.length > 0);
  for (const parts of cluster.nodes) {
    const { range } = parts;
    const count = countOf(parts);
    const before = isKept(parts) ? known.nodes.get(parts) : undefined;
    const isAround = ({ gateways }: KnownNode): boolean =>
      parts.attaches.every(({ segment }, i) => gatewaysOf(segment) === gateways[i]);
    let twice: string | undefined;
    for (let position = 0; position < count; position++) {
      const name =
        range === undefined ? parts.name : `${parts.name}${String(range.first + position).padStart(range.width, "0")}`;
      if (byName.has(name)) {
        twice ??= name;
        continue;
      }
      const path = `${cluster.name}/${name}`;
      const old = before?.node.path === path && isAround(before) ? before.node : undefined;
      const interfaces =
        old?.interfaces ?? buildInterfaces(parts, { kind: "node", path }, position, segments, assigned);
      for (const iface of old?.interfaces ?? []) segments.get(iface.segment)?.interfaces.push(iface);
      const podCidrs = ranges.next(parts, path, position, segments.get(interfaces[0]?.segment ?? ""));
      const dockerBridge = parts.dockerBridge ?? cluster.dockerBridge;
      const isOld =
        old?.index === nodes.length && old.dockerBridge === dockerBridge && hasSameCidrs(old.podCidrs, podCidrs);
      const node: Node = isOld
        ? old
        : {
            kind: "node",
            path,
            name,
            cluster: cluster.name,
            index: nodes.length,
            interfaces,
            routes: withDefaults(parts, interfaces, segments),
            acl: parts.acl,
            sysctls: parts.sysctls,
            processes: parts.processes,
            edge: parts.edge,
            labels: parts.labels,
            podCidrs,
            dockerBridge,
            cni: parts.cni,
            source: parts.source,
          };
      if (!isOld && isKept(parts)) {
        known.nodes.set(parts, { node, gateways: parts.attaches.map(({ segment }) => gatewaysOf(segment)) });
      }
      nodes.push(node);
      byName.set(name, node);
    }
    if (twice === undefined) continue;
    const first = byName.get(twice)?.source ?? parts.source;
    problems.push(nameTwice("node", twice, `cluster ${cluster.name}`, parts.nameSource, first));
  }
  return { nodes, byName };
}

/** The gateways of a segment by its name: one list as long as the segment's statement and its gateways are the same. */
function gatewaysIn(
  segments: ReadonlyMap<string, SegmentDraft>,
  { gateways: known }: KnownNodes,
): (segment: string) => readonly Gateway[] | undefined {
  const lists = new Map<string, readonly Gateway[]>();
  for (const [name, { gateways, source }] of segments) {
    const before = known.get(source.statement);
    const list = before !== undefined && hasSameGateways(before, gateways) ? before : gateways;
    known.set(source.statement, list);
    lists.set(name, list);
  }
  return (segment) => lists.get(segment);
}

function hasSameGateways(a: readonly Gateway[], b: readonly Gateway[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ ip, source }, i) => {
      const other = b[i];
      return ip === other?.ip && source.statement === other.source.statement && source.part === other.source.part;
    })
  );
}

function hasSameCidrs(a: readonly NodeCidr[], b: readonly NodeCidr[]): boolean {
  if (a === b) return true;
  return (
    a.length === b.length &&
    a.every(({ prefix, source, allocated, own }, i) => {
      const other = b[i];
      return (
        prefix.ip === other?.prefix.ip &&
        prefix.len === other.prefix.len &&
        allocated === other.allocated &&
        own === other.own &&
        source.statement === other.source.statement &&
        source.part === other.source.part
      );
    })
  );
}
