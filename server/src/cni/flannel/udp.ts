/** pkg/backend/udp: a TUN device for the whole network and a daemon that maps subnets to peers. IPv4 only. */
import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import type { TunDaemon } from "../../dataplane/model.ts";
import { t } from "../../text/l10n.ts";
import { type Backend, type FlannelCluster, isOwnLease, NO_BACKEND_PARTS, type Participant } from "./cluster.ts";

const DEVICE = "flannel0";
/** IPv4 20 + UDP 8. */
const OVERHEAD = 28;
const PROCESS = "flanneld";

export const udp: Backend = {
  podMtu: (_, interfaceMtu) => interfaceMtu - OVERHEAD,
  compile: (cluster) => (self) => {
    const backend = self.settings.backend;
    if (backend.type !== "udp" || !self.v4) return NO_BACKEND_PARTS;
    const { address, lease, network } = self.v4;
    // An existing route is kept (EEXIST is ignored in configureIface).
    const taken = cluster.context
      .host(self.node)
      .routes.some(({ dst }) => dst.ip === network.ip && dst.len === network.len);
    return {
      devices: [
        {
          kind: "tun",
          name: DEVICE,
          mtu: self.iface.mtu - OVERHEAD,
          mac: undefined,
          addresses: [{ ip: lease.ip, len: 32 }],
          daemon: daemon(cluster, self, backend.port),
          origin: backend.source,
        },
      ],
      routes: taken
        ? []
        : [
            {
              dst: network,
              type: "unicast",
              nexthops: [{ dev: DEVICE }],
              why: t`flanneld (udp): reads packets to ${formatPrefix(network)} from ${DEVICE}`,
              origin: backend.source,
            },
          ],
      layers: [],
      replaces: () => false,
      neighbours: undefined,
      sockets: [{ proto: "udp", port: backend.port, address, process: PROCESS, origin: backend.source }],
    };
  },
};

function daemon(cluster: FlannelCluster, self: Participant, port: number): TunDaemon {
  return {
    port,
    local: self.v4?.address ?? 0,
    lookup: (ip) => {
      const peer = cluster.peers("udp").leases.lookup(ip).at(-1);
      if (!peer?.v4 || isOwnLease(self, peer.v4.lease)) return undefined;
      return {
        peer: peer.v4.publicIp,
        text: `${formatPrefix(peer.v4.lease)} -> ${formatIp(peer.v4.publicIp)}:${port}`,
        origin: peer.node.source,
      };
    },
    entries: function* () {
      for (const [dst, peer] of cluster.peers("udp").leases.entries())
        if (peer.v4 && !isOwnLease(self, peer.v4.lease)) yield { dst, peer: peer.v4.publicIp };
    },
    decrementsTtl: true,
    process: PROCESS,
  };
}
