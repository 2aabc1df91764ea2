/**
 * The routes to other nodes' blocks, as tables that nodes share: Felix's routes from the datastore, as its resolver
 * computes them (felix/calc/l3_route_resolver.go), BIRD's from BGP (confd, filter calico_kernel_programming).
 */
import { bits, formatIp, formatPrefix, type Prefix, prefixContains } from "../../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../../addressing/prefix-table.ts";
import type { Nexthop, Route, RouteLayer } from "../../dataplane/model.ts";
import { t } from "../../text/l10n.ts";
import type { Learned, LearnedTable } from "../bgp/model.ts";
import { birdNexthops, isNone, learnedLayer } from "../bgp/routes.ts";
import { withMetric } from "../host.ts";
import {
  type CalicoCluster,
  familyPart,
  type Held,
  inSubnet,
  isOwn,
  type Member,
  type MemberFamily,
  programmer,
} from "./cluster.ts";
import type { Encapsulation, Pool } from "./settings.ts";
import { TUNL0, VXLAN_DEVICE } from "./tunnels.ts";

/** Felix's protocol number (dataplanedefs.DefaultRouteProto). */
const FELIX = "80";

export function remoteRoutes(calico: CalicoCluster): (member: Member) => readonly RouteLayer[] {
  const tunnel = new Map<4 | 6, PrefixTable<Route>>();
  const near = new Map<string, PrefixTable<Route>>();
  const learned = new Map<string, PrefixTable<Route>>();
  const make = <K>(tables: Map<K, PrefixTable<Route>>, key: K, routes: () => Iterable<Route>): PrefixTable<Route> => {
    let table = tables.get(key);
    if (!table) {
      table = buildPrefixTable([...routes()].map((route) => [route.dst, route] as const));
      tables.set(key, table);
    }
    return table;
  };
  const felix = (pool: Pool) => programmer(calico.settings, pool) === "felix";
  const families = ([4, 6] as const).filter((family) =>
    calico.settings.pools.some((pool) => felix(pool) && (typeof pool.cidr.ip === "number") === (family === 4)),
  );
  const crossing = calico.settings.pools.some((pool) => felix(pool) && encapsulation(pool) === "cross-subnet");
  const birdsPools = calico.settings.pools.some((pool) => programmer(calico.settings, pool) === "bird");

  return (member) => {
    const { node } = member;
    const layers: RouteLayer[] = [];
    const own = (route: Route) => isOwn(node, route.dst);
    for (const family of families) {
      const part = familyPart(member, family);
      if (!part) continue;
      const tunnelled = make(tunnel, family, () => tunnelRoutes(calico, family, felix));
      if (!crossing) {
        layers.push({ table: tunnelled, except: own });
        continue;
      }
      const key = `${formatPrefix(part.subnet)} ${part.iface.device}`;
      const direct = make(near, key, () => directRoutes(calico, family, part, felix));
      layers.push({ table: direct, except: own });
      layers.push({ table: tunnelled, except: (route) => own(route) || direct.get(route.dst).length > 0 });
    }
    const bgp = birdsPools ? calico.context.bgp() : undefined;
    const group = bgp?.groupOf(node.path);
    if (bgp && group !== undefined) {
      const host = calico.context.host(node);
      for (const family of [4, 6] as const) {
        const subnet = familyPart(member, family)?.subnet;
        const key = [family, group, host.routing, subnet ? formatPrefix(subnet) : ""].join("|");
        let table = learned.get(key);
        if (!table) {
          const routes = bgp.learned(group, family);
          table = learnedLayer(host, routes, family, { proto: "bird", ...withMetric(family) }, (one) =>
            birdHops(calico, member, routes, one),
          );
          learned.set(key, table);
        }
        // A speaker does not accept routes to prefixes that it advertises itself.
        layers.push({ table, except: (route) => isNone(route) || own(route) });
      }
    }
    return layers;
  };
}

function encapsulation({ ipip, vxlan }: Pool): Encapsulation {
  return vxlan === "never" ? ipip : vxlan;
}

/* ------------------------------------------------------------------- Felix */

function* tunnelRoutes(calico: CalicoCluster, family: 4 | 6, felix: (pool: Pool) => boolean): Iterable<Route> {
  for (const held of calico.held(family, felix)) {
    const { member, cidr, pool } = held;
    const hop = tunnelHop(calico, held, family);
    if (!hop) continue;
    // vxlanManager.route (felix/dataplane/linux/vxlan_mgr.go): a borrowed address of a VXLAN device, or one that is a
    // block, has no gateway.
    const isDevice = isSingle(cidr.prefix) && pool.vxlan !== "never" && hop.via === cidr.prefix.ip;
    yield {
      dst: cidr.prefix,
      type: "unicast",
      nexthops: isDevice ? [{ dev: hop.dev }] : [{ ...hop, onlink: true }],
      ...(isDevice && family === 4 ? { scope: "link" as const } : {}),
      // Felix sets its protocol on IPIP routes; routes through a VXLAN device have the kernel's default protocol.
      ...(pool.vxlan === "never" ? { proto: FELIX } : {}),
      ...withMetric(family),
      why: () => {
        const to = familyPart(member, family)?.address;
        const block = formatPrefix(cidr.prefix);
        return to === undefined
          ? t`Felix: node ${member.node.name} owns ${block} of pool ${pool.name}`
          : t`Felix: node ${member.node.name} owns ${block} of pool ${pool.name}; tunnel to ${formatIp(to)}`;
      },
      origin: member.node.source,
    };
  }
}

function tunnelHop(calico: CalicoCluster, { member, pool }: Held, family: 4 | 6): Nexthop | undefined {
  const part = familyPart(member, family);
  if (!part) return undefined;
  if (pool.vxlan === "never") return { via: part.address, dev: TUNL0 };
  const via = calico.tunnelAddress(member.node, "vxlan", family);
  return via === undefined ? undefined : { via, dev: VXLAN_DEVICE[family] };
}

/**
 * cross-subnet: nodes inside the node's own prefix, without the tunnel. `onlink`: the kernel does not check that they
 * are.
 */
function* directRoutes(
  calico: CalicoCluster,
  family: 4 | 6,
  self: MemberFamily,
  felix: (pool: Pool) => boolean,
): Iterable<Route> {
  for (const { member, cidr, pool } of calico.held(
    family,
    (one) => felix(one) && encapsulation(one) === "cross-subnet",
  )) {
    const peer = familyPart(member, family);
    if (!peer || !inSubnet(self, peer)) continue;
    yield {
      dst: cidr.prefix,
      type: "unicast",
      nexthops: [{ via: peer.address, dev: self.iface.device, onlink: true }],
      proto: FELIX,
      ...withMetric(family),
      why: () => {
        return t`Felix: node ${member.node.name} (${formatIp(peer.address)}, within ${formatPrefix(self.subnet)}) owns ${formatPrefix(cidr.prefix)} of pool ${pool.name}`;
      },
      origin: member.node.source,
    };
  }
}

/* -------------------------------------------------------------------- BIRD */

/** calico_kernel_programming: "Don't program VXLAN routes into the kernel - these are handled by Felix." */
function birdHops(
  calico: CalicoCluster,
  member: Member,
  learned: LearnedTable,
  one: Learned,
): readonly Nexthop[] | "unreachable" | undefined {
  const pool = calico.poolOf(one.prefix);
  if (pool && programmer(calico.settings, pool) !== "bird") return undefined;
  if (!pool || !isTunnelled(pool, member, one)) return birdNexthops(calico.context.host(member.node), learned, one);
  return one.via.map((via) => ({ via, dev: TUNL0, onlink: true }));
}

/** krt_tunnel: cross-subnet checks whether BGP's next hop is in the node's own prefix. */
function isTunnelled({ ipip }: Pool, { v4 }: Member, { via }: Learned): boolean {
  if (ipip === "always") return true;
  return ipip === "cross-subnet" && v4 !== undefined && !via.every((ip) => prefixContains(v4.subnet, ip));
}

/* ---------------------------------------------------------------- blackhole */

/** Packets to unused addresses of the node's own blocks are dropped instead of following the default route. */
export function blackholes(calico: CalicoCluster, { node }: Member): readonly Route[] {
  return node.podCidrs.flatMap(({ prefix, source }): Route[] => {
    const pool = isSingle(prefix) ? undefined : calico.poolOf(prefix);
    if (!pool) return [];
    const by = programmer(calico.settings, pool);
    return [
      {
        dst: prefix,
        type: "blackhole",
        nexthops: [],
        proto: by === "bird" ? "bird" : FELIX,
        ...withMetric(typeof prefix.ip === "number" ? 4 : 6),
        why: t`${by === "bird" ? "BIRD" : "Felix"}: block of node ${node.name}; its pods have their own routes`,
        origin: source,
      },
    ];
  });
}

function isSingle({ ip, len }: Prefix): boolean {
  return len === bits(ip);
}
