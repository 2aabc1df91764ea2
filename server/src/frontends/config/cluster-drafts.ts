/** Managed clusters as declarations. */
import { formatPrefix } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import type { CloudCluster, NodePool, Range, Setting } from "./model.ts";
import { draftAt, whole } from "./resource.ts";
import type { Wiring } from "./wiring.ts";

export function clusterDraft(wiring: Wiring, { id, pods, services, maxPods, cni, pools }: CloudCluster): Draft {
  return draftAt(whole(id), {
    keyword: "cluster",
    args: { name: wiring.nameOf(id) },
    children: [
      ...pods.map((range) => rangeDraft("pods", range)),
      ...services.map((range) => rangeDraft("services", range)),
      ...(maxPods ? [draftAt(maxPods.at, { keyword: "max-pods", args: { value: String(maxPods.value) } })] : []),
      settingDraft(cni),
      ...pools.map((pool) => poolDraft(wiring, pool)),
    ],
  });
}

function poolDraft(wiring: Wiring, { label, address, subnet, count, at, forwards }: NodePool): Draft {
  if (address !== undefined) {
    const attach = { keyword: "attach", args: { segment: wiring.subnetName(subnet), addresses: [address] } };
    return draftAt(at, { keyword: "node", args: { name: poolName(label) }, children: [draftAt(at, attach)] });
  }
  return draftAt(at, {
    keyword: "nodes",
    args: { name: `${poolName(label)}-`, range: `1..${count}` },
    children: [
      draftAt(at, {
        keyword: "attach",
        args: { segment: wiring.subnetName(subnet) },
        ...(forwards === true
          ? { children: [draftAt(at, { keyword: "source-check", args: { value: "false" } })] }
          : {}),
      }),
    ],
  });
}

/** The name of the first node of a pool. */
export function firstNode({ label, address }: NodePool): string {
  return address === undefined ? `${poolName(label)}-1` : poolName(label);
}

/** The name prefix of the nodes of a pool. */
export function poolName(label: string): string {
  return label.replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[-.]+/, "") || "node";
}

function rangeDraft(keyword: string, { prefix, at }: Range): Draft {
  return draftAt(at, { keyword, args: { prefix: formatPrefix(prefix) } }, { prefix: at.path });
}

function settingDraft({ keyword, args, children, at }: Setting): Draft {
  return draftAt(at, {
    keyword,
    args,
    ...(children.length > 0 ? { children: children.map(settingDraft) } : {}),
  });
}

/** The number of nodes in one of several subnets, over which a pool is spread evenly. */
export function shareOf(total: number, parts: number, index: number): number {
  return Math.floor(total / parts) + (index < Math.floor(total) % parts ? 1 : 0);
}
