import { family, prefixEquals, prefixRange, rangesOverlap } from "../../addressing/ip.ts";
import { routesOf } from "../../dataplane/print.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { overlapFindings } from "../../findings/overlaps.ts";
import { clusterAt } from "../../questions/owner.ts";
import type { Conflict } from "../../questions/plan.ts";
import { t } from "../../text/l10n.ts";

export const podsPods: Check<"KN106"> = {
  code: "KN106",
  name: "pod-range-overlap",
  family: "addresses",
  severity: "warning",
  summary: "Two connected pod CIDRs overlap.",
  documentation: `## What happens

Pods of two clusters on connected networks have the same addresses. Nothing fails while both clusters encapsulate all
pod traffic, but a pod of one cluster can never address a pod of the other. This permanently rules out a service mesh,
peering, and a routed migration, because a pod CIDR cannot be changed later.

The severity depends on the clusters:

- *error*: a router or host has a route into the shared range, so it is unpredictable which of the two pods a packet
  reaches; or both ranges belong to the same cluster.
- *info*: both clusters use AKS overlay or kind. By design, these use the same range in every cluster, and the node's IP
  replaces the pod's IP (SNAT).
- *warning*: in all other cases.

## How to fix it

Assign a unique range to every cluster from the start. Do not rely on defaults: flannel, kind, and minikube all use
10.244.0.0/16, and every k3s cluster uses 10.42.0.0/16.`,
  example: {
    bad: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster blue {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.11 }
}
cluster green {
  pods 10.244.0.0/16 per-node /24
  services 10.97.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.21 }
}
`,
    good: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster blue {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.11 }
}
cluster green {
  pods 10.245.0.0/16 per-node /24
  services 10.97.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.21 }
}
`,
  },
  run: (context) =>
    overlapFindings(podsPods, context, {
      kind: "pods-pods",
      blame: "b",
      isSaid: ({ a, b }) =>
        a.cluster === b.cluster &&
        prefixEquals(a.prefix, b.prefix) &&
        context
          .explaining("equal-pod-cidrs")
          .some(({ source }) => clusterAt(context.topology, source)?.name === a.cluster),
      severity: (conflict) => {
        if (conflict.a.cluster === conflict.b.cluster || isRouted(context, conflict)) return "error";
        return [conflict.a, conflict.b].every(({ cluster }) => isReusable(context, cluster)) ? "info" : "warning";
      },
      consequence: (conflict) => {
        if (conflict.a.cluster === conflict.b.cluster) return t`two pods of the cluster can have the same address`;
        return isRouted(context, conflict)
          ? t`routes point into the shared range, so the pod that a packet reaches is unpredictable`
          : t`pods of one cluster can never reach pods of the other cluster`;
      },
    }),
};

/** Plugins whose pod CIDR can be the same in every cluster of a network (learn.microsoft.com, Azure CNI Overlay; defaults of kind). */
const REUSABLE: ReadonlySet<string> = new Set(["azure", "kindnet"]);

function isReusable({ topology }: CheckContext, cluster: string): boolean {
  return topology.clusters.some(({ name, cni }) => name === cluster && REUSABLE.has(cni.plugin));
}

/** Whether a router or host has a route into the shared range: its own, or one that a cluster advertises. */
function isRouted({ topology, network }: CheckContext, { shared }: Conflict): boolean {
  return [...topology.routers, ...topology.hosts].some(({ path }) => {
    const netns = network.netns(path);
    return (
      netns !== undefined &&
      routesOf(netns, family(shared.first)).some(
        ({ dst, type, proto }) =>
          dst.len > 0 && type === "unicast" && proto !== "kernel" && rangesOverlap(prefixRange(dst), shared),
      )
    );
  });
}
