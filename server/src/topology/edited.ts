/**
 * Machines after an edit inside nodes: if the edit affects only these nodes, all other machines are kept from the
 * previous build, and nothing is computed for 5,000 nodes because of one.
 */
import { prefixEquals } from "../addressing/ip.ts";
import type { Decl } from "../declared/decl.ts";
import type { Made } from "../memo/memo.ts";
import type { ClusterDraft } from "./cluster.ts";
import { givenAddresses, interfaceOf } from "./interfaces.ts";
import { attachments, type ClusterMachines, type MachineDraft, type Machines } from "./machines.ts";
import type { Interface, Node } from "./model.ts";
import { gatewaysAt, nodeBase, rememberNode } from "./nodes.ts";
import type { KnownNodes } from "./parts.ts";
import { cidrOf, type SegmentDraft } from "./segments.ts";
import { type Attach, nothing, type StationParts, trimmed } from "./station.ts";

/** If more nodes were edited, everything is built again. */
const MOST_EDITED = 50;

/**
 * Undefined if other machines are affected or might be: allocated addresses and ranges depend on the configured ones.
 */
export function editedMachines(
  { of, result }: Made<Machines>,
  draft: MachineDraft,
  parts: readonly unknown[],
  known: KnownNodes,
): Machines | undefined {
  // A problem can refer to the edited statement.
  if (result.problems.length > 0 || !onlyNodesDiffer(of, parts)) return undefined;
  const { segments } = result.draft;
  const clusters = new Map(result.clusters);
  const attached = new Map(result.attached);
  for (const [i, placed] of draft.placed.entries()) {
    const old = result.draft.placed[i];
    if (!("nodes" in placed) || old === undefined || !("nodes" in old)) continue;
    const machines = clusters.get(placed.name);
    const edited = machines && editedNodes(old, placed, machines, segments);
    if (machines === undefined || edited === undefined) return undefined;
    if (edited.length === 0) continue;
    const nodes = [...machines.nodes];
    for (const { was, node } of edited) {
      nodes[node.index] = node;
      for (const [at, iface] of node.interfaces.entries()) replace(attached, was.interfaces[at], iface);
    }
    clusters.set(placed.name, { ...machines, nodes });
    for (const one of edited) rememberNode(known, one.parts, one.node, (name) => gatewaysAt(known, segments.get(name)));
  }
  for (const [name, list] of attached) {
    const segment = segments.get(name);
    if (segment && result.attached.get(name) !== list) known.attached.set(segment.source.decl.handle, list);
  }
  return { ...result, clusters, draft: { segments, placed: draft.placed }, ...attachments(attached) };
}

/** Whether only nodes differ from the previous parts. */
function onlyNodesDiffer(before: readonly unknown[], after: readonly unknown[]): boolean {
  if (before.length !== after.length) return false;
  let edited = 0;
  for (let i = 0; i < after.length; i += 1) {
    if (before[i] === after[i]) continue;
    edited += 1;
    if (edited > MOST_EDITED || !isNode(before[i]) || !isNode(after[i])) return false;
  }
  return true;
}

function isNode(part: unknown): boolean {
  return typeof part === "object" && part !== null && "spec" in part && (part as Decl).spec?.keyword === "node";
}

interface EditedNode {
  readonly parts: StationParts;
  readonly was: Node;
  readonly node: Node;
}

function editedNodes(
  old: ClusterDraft,
  cluster: ClusterDraft,
  { nodes, indexes }: ClusterMachines,
  segments: ReadonlyMap<string, SegmentDraft>,
): readonly EditedNode[] | undefined {
  if (old.nodes.length !== cluster.nodes.length) return undefined;
  const edited: EditedNode[] = [];
  for (let i = 0; i < cluster.nodes.length; i += 1) {
    const before = old.nodes[i];
    const parts = cluster.nodes[i];
    if (before === parts || before === undefined || parts === undefined) continue;
    const was = nodes[indexes.get(before.name) ?? -1];
    const node = was && editedNode(before, parts, was, segments);
    if (was === undefined || node === undefined) return undefined;
    edited.push({ parts, was, node });
  }
  return edited;
}

function editedNode(
  before: StationParts,
  parts: StationParts,
  was: Node,
  segments: ReadonlyMap<string, SegmentDraft>,
): Node | undefined {
  const concernsOthers =
    before.name !== parts.name ||
    before.range !== undefined ||
    parts.range !== undefined ||
    parts.problems.length > 0 ||
    before.edge !== undefined ||
    parts.edge !== undefined ||
    hasOwnNetwork(before) ||
    hasOwnNetwork(parts) ||
    before.attaches.length !== parts.attaches.length;
  if (concernsOthers) return undefined;
  const ref = { kind: "node", path: was.path } as const;
  const interfaces: Interface[] = [];
  for (const [i, attach] of parts.attaches.entries()) {
    const segment = segments.get(attach.segment);
    if (segment === undefined || before.attaches[i]?.segment !== attach.segment || !isOnlyStated(attach, segment)) {
      return undefined;
    }
    interfaces.push(interfaceOf(attach, segment, ref, givenAddresses(attach, segment, 0)));
  }
  const { path, name, cluster, index, dockerBridge } = was;
  const podCidrs = rangesOf(before, parts, was);
  return (
    podCidrs && {
      ...nodeBase(parts, trimmed(interfaces), segments),
      path,
      name,
      cluster,
      index,
      podCidrs,
      dockerBridge,
    }
  );
}

/** Whether the node's attachment can change without affecting addresses of other machines. */
function isOnlyStated({ addresses }: Attach, segment: SegmentDraft): boolean {
  const { cidrs, allocator, podsFrom } = segment;
  return (
    addresses.length > 0 &&
    allocator === undefined &&
    podsFrom.size === 0 &&
    (cidrs.length === 0 || addresses.every(({ ip }) => cidrOf(segment, ip) !== undefined))
  );
}

/** A node with separate network settings gets its ranges by different rules. */
function hasOwnNetwork({ cni, dockerBridge }: StationParts): boolean {
  return cni !== undefined || dockerBridge !== undefined;
}

/** The ranges as written now; undefined if the node's ranges differed from the written ones. */
function rangesOf(before: StationParts, parts: StationParts, { podCidrs }: Node): Node["podCidrs"] | undefined {
  if (before.podCidrs.length !== parts.podCidrs.length) return undefined;
  for (const [i, { prefix, source }] of before.podCidrs.entries()) {
    const now = parts.podCidrs[i]?.prefix;
    if (podCidrs[i]?.source !== source || now === undefined || !prefixEquals(prefix, now)) return undefined;
  }
  const allocated = podCidrs.slice(before.podCidrs.length);
  return allocated.length === 0 ? parts.podCidrs : [...parts.podCidrs, ...allocated];
}

function replace(attached: Map<string, readonly Interface[]>, was: Interface | undefined, iface: Interface): void {
  const list = attached.get(iface.segment) ?? nothing;
  attached.set(
    iface.segment,
    list.map((one) => (one === was ? iface : one)),
  );
}
