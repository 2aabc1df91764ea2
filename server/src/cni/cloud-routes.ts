/**
 * A cloud's route table: `podCIDR → instance` for each node, written by the route controller of the cloud controller manager
 * (--configure-cloud-routes) or by the cloud itself. The table is that of the routers on the nodes' segments.
 */
import { formatIp, formatPrefix } from "../addressing/ip.ts";
import type { Route } from "../dataplane/model.ts";
import type { Node, Router } from "../topology/model.ts";
import { familyOf, withMetric } from "./host.ts";
import type { ClusterContext } from "./mode.ts";
import { pluginOf } from "./settings.ts";

/** The routes of a router to the ranges of the nodes that are beside it on a segment. */
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
            // A text for each of thousands of routes is made when somebody reads it.
            get why() {
              return `the cloud's route table: node ${node.name} at ${formatIp(via)} has the pods of ${formatPrefix(prefix)}`;
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
