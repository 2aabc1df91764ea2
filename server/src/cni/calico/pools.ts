/** Calico's IPAM (libcalico-go/lib/ipam) for the topology: ranges, blocks, and borrowing. */
import { lastAddress, prefixOf, prefixRange } from "../../addressing/ip.ts";
import type { ModeAddressing, NodeRange } from "../../topology/addressing.ts";
import type { CniSettings, PodCidr } from "../../topology/model.ts";
import { BLOCK, blocksIn, type CalicoSettings, calicoSettings, isUsable, type Pool, selects } from "./settings.ts";

/** The tunnels of a cluster, in the order in which calico-node allocates an address for each (node/pkg/allocateip). */
export type TunnelKind = "ipip" | "vxlan";

export function tunnelKinds({ pools }: CalicoSettings): readonly TunnelKind[] {
  return (["ipip", "vxlan"] as const).filter((kind) => pools.some((pool) => isUsable(pool) && pool[kind] !== "never"));
}

export function addressing(cluster: CniSettings, podCidrs: readonly PodCidr[]): ModeAddressing {
  const settings = calicoSettings(cluster, podCidrs);
  const ranges = new Map<NodeRange, Pool>();
  for (const pool of settings.pools) if (isUsable(pool)) ranges.set(rangeOf(pool), pool);
  return {
    // The next hop of a pod is 169.254.1.1, which no interface has: all addresses of a block are for pods.
    gateway: () => undefined,
    usable: (cidr) => prefixRange(cidr),
    nodeRanges: [...ranges.keys()],
    claims: {
      given: (own) => blocksIn(own).map(({ prefix, source }) => ({ prefix, allocated: false, source })),
      keyword: BLOCK,
      own: tunnelKinds(settings).map((kind) => (range) => ranges.get(range)?.[kind] !== "never"),
      most: settings.autoAllocateBlocks ? settings.maxBlocksPerHost : 0,
      borrows: !settings.strictAffinity,
    },
  };
}

function rangeOf(pool: Pool): NodeRange {
  const { cidr, blockSize, nodeSelector } = pool;
  return {
    within: cidr,
    perNode: blockSize,
    first: cidr.ip,
    last: prefixOf(lastAddress(cidr), blockSize).ip,
    sameForAll: false,
    // Calico's IPAM ignores the service CIDRs.
    avoidsServices: false,
    ...(nodeSelector.length === 0 ? {} : { selects: (labels) => selects(nodeSelector, labels) }),
    source: pool.source,
  };
}
