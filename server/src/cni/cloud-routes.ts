/**
 * A cloud's route table: `podCIDR → instance` for each node, written by the route controller of the cloud controller
 * manager (--configure-cloud-routes) or by the cloud itself. The routers on the nodes' segments use this table.
 */
import { formatIp, formatPrefix } from "../addressing/ip.ts";
import type { Route } from "../dataplane/model.ts";
import { t } from "../text/l10n.ts";
import type { Node, Router } from "../topology/model.ts";
import { familyOf, withMetric } from "./host.ts";
import type { ClusterContext } from "./mode.ts";
import { pluginOf } from "./settings.ts";

/** A router's routes to the pod CIDRs of the nodes on its segments. */
export function cloudRoutes(
  { topology, cluster }: ClusterContext,
  plugin: string,
  wanted: (node: Node) => boolean,
): (router: Router) => readonly Route[] {
  return (router) => {
    const routes: Route[] = [];
    const seen = new Set<string>();
    for (const own of router.interfaces) {
      for (const { station, addresses } of topology.attachedTo(own.segment)) {
        const node = station.kind === "node" ? nodeAt(cluster.name, cluster.nodeByName, station.path) : undefined;
        if (!node || pluginOf(cluster, node) !== plugin || !wanted(node)) continue;
        for (const { prefix } of node.podCidrs) {
          const family = familyOf(prefix.ip);
          const via = addresses.find(({ ip }) => familyOf(ip) === family)?.ip;
          const key = `${node.path} ${family}`;
          if (via === undefined || seen.has(key)) continue;
          seen.add(key);
          routes.push({
            dst: prefix,
            type: "unicast",
            nexthops: [{ via, dev: own.device }],
            ...withMetric(family),
            // A function: there are thousands of routes, and few of their texts are shown.
            why: () => {
              return t`cloud route table: pods ${formatPrefix(prefix)} on node ${node.name} (${formatIp(via)})`;
            },
            origin: node.source,
          });
        }
      }
    }
    return routes;
  };
}

function nodeAt(cluster: string, byName: (name: string) => Node | undefined, path: string): Node | undefined {
  return path.startsWith(`${cluster}/`) ? byName(path.slice(cluster.length + 1)) : undefined;
}
