/** A cluster's nodes. An unchanged node is the object of the previous build, and everything known about it is kept. */
import { type ClusterDraft, countOf, type RangeAllocator } from "./cluster.ts";
import { buildInterfaces, withDefaults } from "./interfaces.ts";
import type { Interface, Node, NodeCidr } from "./model.ts";
import type { KnownNode, KnownNodes } from "./parts.ts";
import type { TopologyProblem } from "./problems.ts";
import type { Assigned, Gateway, SegmentDraft } from "./segments.ts";
import { nameTwice, type StationParts } from "./station.ts";

/** The context in which nodes are built. */
export interface Surroundings {
  readonly segments: ReadonlyMap<string, SegmentDraft>;
  readonly assigned: Assigned;
  readonly known: KnownNodes;
}

/** `lasting`: blocks are allocated permanently here, not only after the pods have been placed. */
export function buildNodes(
  cluster: ClusterDraft,
  { segments, assigned, known }: Surroundings,
  ranges: RangeAllocator,
  lasting: boolean,
  problems: TopologyProblem[],
): { readonly nodes: readonly Node[]; readonly indexes: ReadonlyMap<string, number> } {
  const nodes: Node[] = [];
  const indexes = new Map<string, number>();
  const gatewaysOf = gatewaysIn(segments, known);
  // Allocated addresses depend on the addresses of other machines.
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
      if (indexes.has(name)) {
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
            ...nodeBase(parts, interfaces, segments),
            path,
            name,
            cluster: cluster.name,
            index: nodes.length,
            podCidrs,
            dockerBridge,
          };
      if (!isOld && isKept(parts)) rememberNode(known, parts, node, gatewaysOf);
      indexes.set(name, nodes.length);
      nodes.push(node);
    }
    if (twice === undefined) continue;
    const first = nodes[indexes.get(twice) ?? -1]?.source ?? parts.source;
    problems.push(nameTwice("node", twice, { kind: "cluster", name: cluster.name }, parts.nameSource, first));
  }
  return { nodes, indexes };
}

export function rememberNode(
  known: KnownNodes,
  parts: StationParts,
  node: Node,
  gatewaysOf: (segment: string) => readonly Gateway[] | undefined,
): void {
  known.nodes.set(parts, { node, gateways: parts.attaches.map(({ segment }) => gatewaysOf(segment)) });
}

/** The segment's gateways in the last build. */
export function gatewaysAt(
  { gateways }: KnownNodes,
  segment: SegmentDraft | undefined,
): readonly Gateway[] | undefined {
  return segment && gateways.get(segment.source.decl.handle);
}

type NodeBase = Omit<Node, "path" | "name" | "cluster" | "index" | "podCidrs" | "dockerBridge">;

/** The properties of a node that depend only on its own statement and its segments. */
export function nodeBase(
  parts: StationParts,
  interfaces: readonly Interface[],
  segments: ReadonlyMap<string, SegmentDraft>,
): NodeBase {
  const { acl, sysctls, processes, edge, labels, cni, source } = parts;
  const routes = withDefaults(parts, interfaces, segments);
  return { kind: "node", interfaces, routes, acl, sysctls, processes, edge, labels, cni, source };
}

/** The gateways of a segment by its name: one list as long as the segment's statement and its gateways are the same. */
function gatewaysIn(
  segments: ReadonlyMap<string, SegmentDraft>,
  { gateways: known }: KnownNodes,
): (segment: string) => readonly Gateway[] | undefined {
  const lists = new Map<string, readonly Gateway[]>();
  for (const [name, { gateways, source }] of segments) {
    const before = known.get(source.decl.handle);
    const list = before !== undefined && hasSameGateways(before, gateways) ? before : gateways;
    known.set(source.decl.handle, list);
    lists.set(name, list);
  }
  return (segment) => lists.get(segment);
}

function hasSameGateways(a: readonly Gateway[], b: readonly Gateway[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ ip, source }, i) => {
      const other = b[i];
      return ip === other?.ip && source.decl.handle === other.source.decl.handle && source.part === other.source.part;
    })
  );
}

function hasSameCidrs(a: readonly NodeCidr[], b: readonly NodeCidr[]): boolean {
  if (a === b) return true;
  return (
    a.length === b.length &&
    a.every(({ prefix, source, allocated, own, borrowed }, i) => {
      const other = b[i];
      return (
        prefix.ip === other?.prefix.ip &&
        prefix.len === other.prefix.len &&
        allocated === other.allocated &&
        own === other.own &&
        borrowed === other.borrowed &&
        source.decl.handle === other.source.decl.handle &&
        source.part === other.source.part
      );
    })
  );
}
