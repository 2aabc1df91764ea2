/** The addresses that nodes have for their pods, by slot. */
import { bits, type Ip, prefixContains } from "../addressing/ip.ts";
import type { PrefixTable } from "../addressing/prefix-table.ts";
import { perItem } from "../memo/list.ts";
import { memo, valueAt } from "../memo/memo.ts";
import type { ModeAddressing } from "./addressing.ts";
import type { Node, Workload } from "./model.ts";
import { NOWHERE, type Placement } from "./placement.ts";
import { countOf, indexOf, nthOf, type Space, spacesOf } from "./spaces.ts";

export interface AddressInput {
  readonly nodes: readonly Node[];
  readonly workloads: readonly Workload[];
  readonly placed: Placement;
  /** How the node's pods get addresses. */
  addressing(node: Node): ModeAddressing;
  /** Nodes by the ranges of their pods. */
  ranges(): PrefixTable<Node>;
}

export interface PodAddresses {
  /** The addresses of a slot, one per family; none if one of the families has no address left. */
  addressOf(node: Node, slot: number): readonly Ip[];
  /** Slots whose range contains the address. */
  slotsWith(ip: Ip): Iterable<{ readonly node: Node; readonly slot: number }>;
  /** Number of slots with an address. */
  available(node: Node): number;
  /** Whether each node has at least this number, which is known without looking at each node. */
  areEnough(slots: number): boolean;
}

export function podAddresses(input: AddressInput): PodAddresses {
  const { nodes, addressing, ranges } = input;
  const taken = configuredOn(input);
  const spaces: (readonly Space[] | undefined)[] = [];
  const spacesFor = (node: Node): readonly Space[] => {
    const known = spaces[node.index] ?? spacesOf(node, addressing(node), taken.get(node.index));
    spaces[node.index] = known;
    return known;
  };
  /** For plain ranges, the number follows from the prefix length. */
  const counts = new Map<number, number>();
  const available = (node: Node): number => {
    const size = plainSizes(nodes)[node.index];
    return size === undefined || taken.has(node.index)
      ? countOf(spacesFor(node))
      : valueAt(counts, size, () => countOf(spacesFor(node)));
  };
  return {
    addressOf: (node, slot) => {
      const addresses: Ip[] = [];
      for (const space of spacesFor(node)) {
        const ip = nthOf(space, slot);
        if (ip === undefined) return [];
        addresses.push(ip);
      }
      return addresses;
    },
    slotsWith: function* (ip) {
      for (const { values } of ranges().matches(ip)) {
        for (const node of values) {
          for (const space of spacesFor(node)) {
            const slot = indexOf(space, ip);
            if (slot !== undefined) yield { node, slot };
          }
        }
      }
    },
    available,
    areEnough: (slots) =>
      taken.size === 0 &&
      (firstOfSizes(plainSizes(nodes))?.every((index) => nodes[index] && available(nodes[index]) >= slots) ?? false),
  };
}

/** The configured addresses of pods, by the index of the node whose range contains them, or on which the pod runs. */
function configuredOn({ nodes, workloads, placed, ranges }: AddressInput): ReadonlyMap<number, readonly Ip[]> {
  const taken = new Map<number, Ip[]>();
  const add = (node: number, ip: Ip): number => valueAt(taken, node, (): Ip[] => []).push(ip);
  for (const workload of workloads) {
    if (workload.addresses.length === 0 || workload.hostNetwork) continue;
    const home = placed.homeOf(workload) ?? NOWHERE;
    for (const { ip } of workload.addresses) {
      const own = nodes[home]?.podCidrs.find(({ prefix }) => prefixContains(prefix, ip))?.prefix;
      add(own === undefined ? (ranges().lookup(ip)[0]?.index ?? home) : home, ip);
      if (own?.len !== bits(ip)) continue;
      // A single address of another node's block: that node cannot allocate it to its pods either.
      for (const { values } of ranges().matches(ip)) {
        for (const { index } of values) if (index !== home) add(index, ip);
      }
    }
  }
  return taken;
}

/** A number for the size of the node's only range; undefined if the range is not plain. */
const plainSizes = perItem<Node, number | undefined>(({ podCidrs: [cidr, ...others], dockerBridge, cni }) => {
  if (cidr === undefined || others.length > 0 || dockerBridge !== undefined || cni !== undefined) return undefined;
  const { prefix, own = 0 } = cidr;
  return own * 2000 + (typeof prefix.ip === "number" ? prefix.len : prefix.len + 1000);
});

/** The first node of each size; undefined if one of the ranges is not plain. */
const firstOfSizes = memo((sizes: readonly (number | undefined)[]): readonly number[] | undefined => {
  const firsts = new Map<number, number>();
  for (const [index, size] of sizes.entries()) {
    if (size === undefined) return undefined;
    valueAt(firsts, size, () => index);
  }
  return [...firsts.values()];
});
