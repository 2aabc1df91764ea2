import { family, prefixEquals, prefixRange, rangesOverlap } from "../../addressing/ip.ts";
import { routesOf } from "../../dataplane/print.ts";
import type { Check, CheckContext } from "../check.ts";
import { clusterAt } from "../topology.ts";
import { overlapFindings } from "./overlaps.ts";
import type { Conflict } from "./plan.ts";

export const podsPods: Check = {
  code: "KN106",
  name: "pod-range-overlap",
  family: "addresses",
  severity: "warning",
  summary: "Two pod ranges that meet share addresses.",
  documentation: `Pods of two clusters on connected networks have the same addresses. As long as each cluster keeps its pods behind
its own tunnel nothing fails; but a pod of one can never address a pod of the other, so a mesh, peering or routed migration is
closed for good, since a pod range cannot be changed later. This is therefore a warning, and an *error* where it fails
already: where a router or host has a route into the shared part, which of the two pods is meant depends on chance, and where both
ranges belong to one cluster. AKS' overlay and kind give every cluster the same range by design and hide the pods behind their nodes: between
two of these it is an *information*.

Give every cluster a range of its own from the start; the defaults of flannel, kind and minikube (10.244.0.0/16), k3s (10.42.0.0/16)
and others repeat.`,
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
      // Docker alone, on all nodes.
      isSaid: ({ a, b }) =>
        a.cluster === b.cluster &&
        prefixEquals(a.prefix, b.prefix) &&
        context.found("KN140").some(({ source }) => clusterAt(context.topology, source)?.name === a.cluster),
      severity: (conflict) => {
        if (conflict.a.cluster === conflict.b.cluster || isRouted(context, conflict)) return "error";
        return [conflict.a, conflict.b].every(({ cluster }) => isReusable(context, cluster)) ? "info" : "warning";
      },
      consequence: (conflict) => {
        if (conflict.a.cluster === conflict.b.cluster) return "two pods of the cluster can get the same address";
        return isRouted(context, conflict)
          ? "routes lead into that part, and which of the two pods they reach is chance"
          : "pods of one cluster can never reach those of the other";
      },
    }),
};

/** Plugins whose ranges may be the same in every cluster of a network (learn.microsoft.com, Azure CNI Overlay; kind's defaults). */
const REUSABLE: ReadonlySet<string> = new Set(["azure", "kindnet"]);

function isReusable({ topology }: CheckContext, cluster: string): boolean {
  return topology.clusters.some(({ name, cni }) => name === cluster && REUSABLE.has(cni.plugin));
}

/** Does the network outside the clusters know a way into the shared part, by its own routes or by those that a cluster gives it? */
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
