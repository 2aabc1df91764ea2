/** pkg/backend/ipip: one IPIP device without a remote; each route's gateway is the peer, forced on-link. IPv4 only. */
import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../../addressing/prefix-table.ts";
import type { Route, RouteLayer } from "../../dataplane/model.ts";
import { t } from "../../text/l10n.ts";
import { type Backend, isOwnLease, NO_BACKEND_PARTS, type Peers, routesToPeers } from "./cluster.ts";
import { directRoutes } from "./direct.ts";

const DEVICE = "flannel.ipip";
/** The outer IPv4 header. */
const OVERHEAD = 20;

export const ipip: Backend = {
  podMtu: (_, interfaceMtu) => interfaceMtu - OVERHEAD,
  compile: (cluster) => {
    const direct = directRoutes(cluster, {
      type: "ipip",
      device: () => undefined,
      named: (self) => self.iface.device,
      onlinkFlag: true,
    });
    let tunnels: PrefixTable<Route> | undefined;
    return (self) => {
      const backend = self.settings.backend;
      if (backend.type !== "ipip" || !self.v4) return NO_BACKEND_PARTS;
      const near = backend.directRouting ? direct(self) : undefined;
      tunnels ??= buildPrefixTable(tunnelRoutes(cluster.peers("ipip")));
      const layers: RouteLayer[] = [
        {
          table: tunnels,
          except: (route) =>
            isOwnLease(self, route.dst) || (near !== undefined && near.table.get(route.dst).length > 0),
        },
      ];
      if (near) layers.unshift({ table: near.table, except: (route) => isOwnLease(self, route.dst) });
      return {
        devices: [
          {
            kind: "ipip",
            name: DEVICE,
            mtu: self.iface.mtu - OVERHEAD,
            mac: undefined,
            addresses: [{ ip: self.v4.lease.ip, len: 32 }],
            local: self.v4.address,
            remote: undefined,
            lower: undefined,
            origin: backend.source,
          },
        ],
        routes: [],
        layers,
        replaces: (dst) => !isOwnLease(self, dst) && cluster.peers("ipip").leases.get(dst).length > 0,
        neighbours: undefined,
        sockets: [],
      };
    };
  },
};

function* tunnelRoutes(peers: Peers): Iterable<readonly [Route["dst"], Route]> {
  yield* routesToPeers(peers, 4, (peer, { lease, publicIp }) => ({
    dst: lease,
    type: "unicast",
    nexthops: [{ via: publicIp, dev: DEVICE, onlink: true }],
    // A function: there are thousands of routes, and few of their texts are shown.
    why: () => {
      return t`flanneld (ipip): node ${peer.node.name} has ${formatPrefix(lease)}; tunnel to ${formatIp(publicIp)}`;
    },
    origin: peer.node.source,
  }));
}
