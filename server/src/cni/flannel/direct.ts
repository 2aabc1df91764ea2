/**
 * Which peers a node reaches on its own link, as tables shared by all nodes that route alike (same segment, same
 * gateway): a rack's nodes have one table of that rack's leases, whatever the size of the cluster.
 */
import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../../addressing/prefix-table.ts";
import type { Route } from "../../dataplane/model.ts";
import { type HostState, onLinkDevice, withMetric } from "../host.ts";
import { type FlannelCluster, familyPart, type Participant, routesToPeers } from "./cluster.ts";
import type { BackendType } from "./settings.ts";

export interface DirectRoutes {
  /** Routes of both families to peers on the link. */
  readonly table: PrefixTable<Route>;
}

export interface DirectOptions {
  readonly type: BackendType;
  /** Only by this device (host-gw gives the route its device); undefined: by whatever device the peer is on-link. */
  readonly device: (self: Participant) => string | undefined;
  /** Device that the route names; undefined: the one that the peer is on-link by. */
  readonly named: (self: Participant) => string | undefined;
  readonly onlinkFlag: boolean;
}

export function directRoutes(cluster: FlannelCluster, options: DirectOptions): (self: Participant) => DirectRoutes {
  const byRouting = new Map<string, DirectRoutes>();
  return (self) => {
    const host = cluster.context.host(self.node);
    const device = options.device(self);
    const named = options.named(self);
    const key = `${device ?? ""} ${named ?? ""} ${host.routing}`;
    let found = byRouting.get(key);
    if (!found) {
      found = { table: buildPrefixTable(entries(cluster, options, host, device, named)) };
      byRouting.set(key, found);
    }
    return found;
  };
}

function* entries(
  cluster: FlannelCluster,
  options: DirectOptions,
  host: HostState,
  device: string | undefined,
  named: string | undefined,
): Iterable<readonly [Route["dst"], Route]> {
  const peers = cluster.peers(options.type);
  for (const family of [4, 6] as const) {
    yield* routesToPeers(peers, family, (peer, { lease, publicIp }) => {
      const dev = onLinkDevice(host, publicIp, device);
      if (dev === undefined) return undefined;
      return {
        dst: lease,
        type: "unicast",
        nexthops: [{ via: publicIp, dev: named ?? dev, ...(options.onlinkFlag ? { onlink: true } : {}) }],
        ...withMetric(family),
        // A text for each of thousands of routes is made when somebody reads it.
        get why() {
          return `flanneld (${options.type}): node ${peer.node.name} at ${formatIp(publicIp)} holds ${formatPrefix(lease)} and is on the same link`;
        },
        origin: peer.node.source,
      };
    });
  }
}

/** Does the node reach this peer directly? */
export function isDirect(direct: DirectRoutes | undefined, peer: Participant, family: 4 | 6): boolean {
  const lease = familyPart(peer, family)?.lease;
  return direct !== undefined && lease !== undefined && direct.table.get(lease).length > 0;
}
