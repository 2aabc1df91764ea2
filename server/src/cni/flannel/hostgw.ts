/**
 * pkg/backend/hostgw: a route via each peer's own address. The kernel rejects it if a router is between the two nodes.
 */

import { type Backend, familyPart, isOwnLease } from "./cluster.ts";
import { directRoutes } from "./direct.ts";

export const hostgw: Backend = {
  podMtu: (_, interfaceMtu) => interfaceMtu,
  compile: (cluster) => {
    const direct = directRoutes(cluster, {
      type: "host-gw",
      device: (self) => self.iface.device,
      named: (self) => self.iface.device,
      onlinkFlag: false,
    });
    return (self) => {
      const { table } = direct(self);
      return {
        devices: [],
        routes: [],
        layers: [
          {
            table,
            except: (route) =>
              isOwnLease(self, route.dst) || familyPart(self, typeof route.dst.ip === "number" ? 4 : 6) === undefined,
          },
        ],
        replaces: (dst) => !isOwnLease(self, dst) && table.get(dst).length > 0,
        neighbours: undefined,
        sockets: [],
      };
    };
  },
};
