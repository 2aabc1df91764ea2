/**
 * The peers that a node reaches on-link, as tables shared by all nodes with the same routing (same segment, same
 * gateway): the nodes of a rack have one table of the rack's leases, regardless of the size of the cluster.
 */
import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../../addressing/prefix-table.ts";
import type { Route } from "../../dataplane/model.ts";
import { t } from "../../text/l10n.ts";
import { type HostState, onLinkDevice, withMetric } from "../host.ts";
import { type FlannelCluster, familyPart, type Participant, routesToPeers } from "./cluster.ts";
import type { BackendType } from "./settings.ts";

export interface DirectRoutes {
  /** Routes of both families to on-link peers. */
  readonly table: PrefixTable<Route>;
}

export interface DirectOptions {
  readonly type: BackendType;
  /**
   * Only through this device (host-gw sets the route's device); undefined: through any device on which the peer is
   * on-link.
   */
  readonly device: (self: Participant) => string | undefined;
  /** Device in the route; undefined: the device on which the peer is on-link. */
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
        // A function: there are thousands of routes, and few of their texts are shown.
        why: () => {
          return t`flanneld (${options.type}): node ${peer.node.name} (${formatIp(publicIp)}) has ${formatPrefix(lease)} and is on-link`;
        },
        origin: peer.node.source,
      };
    });
  }
}

/** Whether the node reaches this peer directly. */
export function isDirect(direct: DirectRoutes | undefined, peer: Participant, family: 4 | 6): boolean {
  const lease = familyPart(peer, family)?.lease;
  return direct !== undefined && lease !== undefined && direct.table.get(lease).length > 0;
}
