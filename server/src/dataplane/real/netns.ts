/**
 * The network namespace of a real machine: its entries where outputs show them, and the derived ones where not. What a machine
 * cannot show about itself is also derived: the wire, the pods, and the processes.
 */
import { isLinkLocal, prefixEquals } from "../../addressing/ip.ts";
import { buildPrefixTable } from "../../addressing/prefix-table.ts";
import type {
  Device,
  Fdb,
  FdbEntry,
  Mac,
  NeighbourTable,
  Netns,
  PolicyRule,
  Route,
  RouteTable,
  Sysctls,
} from "../model.ts";
import { routesOf } from "../print.ts";
import { fdbByRemote, type MacOwners, type Pairing, remoteKey, translatedMac } from "./macs.ts";
import { realNetfilter } from "./netfilter.ts";
import { isDown, type RealDevice, type RealMachine } from "./state.ts";
import { realPeers, realXfrm } from "./tunnels.ts";

export function realNetns(pairing: Pairing, owners: MacOwners): Netns {
  const { machine, netns } = pairing;
  const { outputs } = machine;
  return {
    ...netns,
    devices: devicesOf(pairing, owners),
    rules: outputs.has("rules4") || outputs.has("rules6") ? rulesOf(pairing) : netns.rules,
    tables: tablesOf(pairing),
    neighbours: outputs.has("neighbours") ? neighboursOf(pairing, owners) : netns.neighbours,
    netfilter: realNetfilter(machine, netns.netfilter, pairing.names),
    xfrm: realXfrm(machine, netns.xfrm),
    ...(outputs.has("ipvs") ? { ipvs: ipvsOf(machine) } : {}),
    sysctls: sysctlsOf(pairing),
  };
}

/* ----------------------------------------------------------------- devices */

function devicesOf(pairing: Pairing, owners: MacOwners): Netns["devices"] {
  const { machine, netns, names } = pairing;
  const devices = new Map<string, Device>();
  if (machine.devices.length === 0) return netns.devices;
  for (const real of machine.devices) {
    const derived = netns.devices.get(names.derived(real.name) ?? "");
    devices.set(real.name, derived ? deviceOf(real, derived, pairing, owners) : unknownDevice(real));
  }
  for (const derived of netns.devices.values())
    if (names.real(derived.name) === undefined && isEndOfPod(derived) && !devices.has(derived.name))
      devices.set(derived.name, { ...derived, ...masterOf(derived.master, pairing) });
  return devices;
}

/** The other end is in a pod: the machine has the device, but not under a name that identifies it. */
function isEndOfPod({ kind }: Device): boolean {
  return kind === "veth" || kind === "macvlan" || kind === "ipvlan";
}

function masterOf(master: string | undefined, { names }: Pairing): { readonly master?: string } {
  return master === undefined ? {} : { master: names.real(master) ?? master };
}

function deviceOf(real: RealDevice, derived: Device, pairing: Pairing, owners: MacOwners): Device {
  const { machine, names } = pairing;
  const { outputs } = machine;
  const showsLinks = real.mtu !== undefined;
  const base = {
    name: real.name,
    mtu: real.mtu ?? derived.mtu,
    addresses: outputs.has("addresses")
      ? [
          ...real.addresses.filter(({ ip }) => !isLinkLocal(ip)),
          ...derived.addresses.filter(({ ip }) => isLinkLocal(ip)),
        ]
      : derived.addresses,
    hairpin: real.hairpin ?? derived.hairpin ?? false,
    ...(isDown(real, derived) ? { isDown: true } : {}),
    origin: real.origin,
  };
  const { master: _, ...rest } = derived;
  const master = showsLinks
    ? real.master === undefined
      ? {}
      : { master: real.master }
    : masterOf(derived.master, pairing);
  const device = { ...rest, ...base, ...master } as Device;
  switch (device.kind) {
    case "bridge":
      return {
        ...device,
        portFor: (ip) => {
          const found = derived.kind === "bridge" ? derived.portFor(ip) : undefined;
          return found && { ...found, port: names.real(found.port) ?? found.port };
        },
      };
    case "vxlan":
      return {
        ...device,
        vni: real.vxlan?.vni ?? device.vni,
        port: real.vxlan?.port ?? device.port,
        local: real.vxlan?.local ?? device.local,
        learning: real.vxlan?.learning ?? device.learning,
        lower: real.lower ?? (device.lower === undefined ? undefined : (names.real(device.lower) ?? device.lower)),
        fdb: outputs.has("fdb") ? fdbOf(real.name, derived, pairing, owners) : device.fdb,
      };
    case "ipip":
      return real.ipip ? { ...device, ...real.ipip } : device;
    case "wireguard":
      return {
        ...device,
        port: machine.listenPorts.get(real.name) ?? device.port,
        peers: outputs.has("wireguard") ? realPeers(machine, real.name, device.peers) : device.peers,
      };
    case "loopback":
    case "dummy":
    case "physical":
    case "macvlan":
    case "ipvlan":
    case "veth":
    case "tun":
      return device;
  }
}

/** A device that the topology does not have: its addresses are local, and packets that are routed to it are not answered. */
function unknownDevice({ name, kind, mtu, mac, addresses, origin }: RealDevice): Device {
  const base = { name, mtu: mtu ?? 1500, mac, addresses: addresses.filter(({ ip }) => !isLinkLocal(ip)), origin };
  return kind === "dummy" ? { ...base, kind } : { ...base, kind: "bridge", portFor: () => undefined };
}

function fdbOf(name: string, derived: Device, { machine }: Pairing, owners: MacOwners): Fdb {
  const expected = fdbByRemote(derived);
  // A flow-based device (collect_metadata) gets the remote address with each packet, and has no entries.
  if (derived.kind === "vxlan" && expected.size === 0) return derived.fdb;
  const entries = machine.fdb.flatMap(({ mac, device, dst, learned, origin }): readonly FdbEntry[] => {
    if (device !== name || dst === undefined) return [];
    const own = translatedMac(mac, expected.get(remoteKey(dst)), owners);
    return [{ mac: own, device, dst, ...(learned ? { learned } : {}), origin }];
  });
  const byMac = new Map(entries.map((entry) => [entry.mac, entry]));
  return { lookup: (mac) => byMac.get(mac) ?? learnedEntry(mac, derived, entries), entries: () => entries };
}

/** The device learns an address if it floods frames to the machine that has it. */
function learnedEntry(mac: Mac, derived: Device, entries: readonly FdbEntry[]): FdbEntry | undefined {
  const found = derived.kind === "vxlan" ? derived.fdb.lookup(mac) : undefined;
  return found?.learned && entries.some((one) => one.mac === FLOODED && one.dst === found.dst) ? found : undefined;
}

/** Frames to unknown addresses are sent to the remote addresses of these entries. */
export const FLOODED = "00:00:00:00:00:00";

/* ----------------------------------------------------------------- routing */

function rulesOf({ machine, netns }: Pairing): readonly PolicyRule[] {
  const rules = machine.rules.flatMap(({ rule, more }) => (more === "" ? [rule] : []));
  const byText = new Map(rules.map((rule) => [ruleKey(rule), rule]));
  // A derived rule of the other family, whose output does not exist.
  const isShown = ({ from, to }: PolicyRule): boolean => {
    const prefix = from ?? to;
    if (!prefix) return machine.outputs.has("rules4");
    return machine.outputs.has(typeof prefix.ip === "number" ? "rules4" : "rules6");
  };
  for (const rule of netns.rules) if (!isShown(rule) && !byText.has(ruleKey(rule))) byText.set(ruleKey(rule), rule);
  return [...byText.values()].sort((a, b) => a.priority - b.priority);
}

/** Equal for rules that select the same packets and the same table. */
export function ruleKey({ priority, from, to, fwmark, iif, table }: PolicyRule): string {
  const prefix = (one: PolicyRule["from"]): string => (one ? `${one.ip}/${one.len}` : "all");
  return `${priority} ${prefix(from)} ${prefix(to)} ${fwmark ? `${fwmark.value >>> 0}/${fwmark.mask >>> 0}` : ""} ${iif ?? ""} ${table}`;
}

function tablesOf({ machine, netns, names }: Pairing): Netns["tables"] {
  const { outputs, routes } = machine;
  const shown = { 4: outputs.has("routes4"), 6: outputs.has("routes6") };
  const down = downDevices(machine);
  if (!shown[4] && !shown[6] && down.size === 0) return netns.tables;
  const showsAll = routes.some(({ table }) => table === "local");
  const known = new Set(["main", ...netns.tables.keys(), ...routes.map(({ table }) => table)]);
  known.delete("local");
  const tables = new Map<string, RouteTable>();
  for (const table of known) {
    const own = routes.filter((one) => one.table === table);
    const isShown = table === "main" || showsAll || own.length > 0;
    const all: Route[] = [];
    for (const family of [4, 6] as const) {
      const derived = routesOf(netns, family, table)
        .map((route) => withRealNames(route, names.real))
        .flatMap((route) => withoutDown(route, down));
      if (!isShown || !shown[family]) all.push(...derived);
      else
        for (const { route, isPartial } of own) {
          if ((typeof route.dst.ip === "number") !== (family === 4)) continue;
          // The output does not show the next hops: the derived ones are the best guess.
          if (isPartial)
            all.push(
              ...derived
                .filter(({ dst }) => prefixEquals(dst, route.dst))
                .map((one) => ({ ...one, origin: route.origin })),
            );
          else all.push(withDerivedWhy(route, derived));
        }
    }
    tables.set(table, { layers: [{ table: buildPrefixTable(all.map((route) => [route.dst, route] as const)) }] });
  }
  return tables;
}

/** The kernel deletes the routes of a device that is set down (fib_sync_down_dev); without carrier, they stay. */
function downDevices({ devices }: RealMachine): ReadonlySet<string> {
  return new Set(devices.flatMap(({ name, state }) => (state === "down" ? [name] : [])));
}

function withoutDown(route: Route, down: ReadonlySet<string>): readonly Route[] {
  const nexthops = route.nexthops.filter(({ dev }) => !down.has(dev));
  if (nexthops.length === route.nexthops.length) return [route];
  return nexthops.length === 0 ? [] : [{ ...route, nexthops }];
}

function withRealNames(route: Route, real: (name: string) => string | undefined): Route {
  return { ...route, nexthops: route.nexthops.map((hop) => ({ ...hop, dev: real(hop.dev) ?? hop.dev })) };
}

/** The reason for the derived route also explains the real one. */
function withDerivedWhy(route: Route, derived: readonly Route[]): Route {
  const same = derived.find(({ dst }) => prefixEquals(dst, route.dst));
  return same ? { ...route, why: same.why } : route;
}

function neighboursOf({ machine, netns, names }: Pairing, owners: MacOwners): NeighbourTable {
  const entries = machine.neighbours
    .filter(({ isPermanent }) => isPermanent)
    .map(({ ip, mac, device, origin }) => {
      const expected = netns.neighbours.lookup(names.derived(device) ?? device, ip)?.mac;
      return { ip, device, mac: translatedMac(mac, expected, owners), origin };
    });
  const byKey = new Map(entries.map((entry) => [`${entry.device} ${entry.ip}`, entry]));
  return { lookup: (device, ip) => byKey.get(`${device} ${ip}`), entries: () => entries };
}

/* --------------------------------------------------------- ipvs and sysctls */

function ipvsOf({ ipvs }: RealMachine): NonNullable<Netns["ipvs"]> {
  const key = (proto: string, ip: unknown, port: number): string => `${proto} ${ip} ${port}`;
  const byKey = new Map(ipvs.map((one) => [key(one.proto, one.ip, one.port), one]));
  return { find: (proto, ip, port) => byKey.get(key(proto, ip, port)), all: () => ipvs };
}

export function sysctlsOf({ machine, netns, names }: Pairing): Sysctls {
  const { sysctls } = machine;
  const derived = netns.sysctls;
  const number = (...keys: readonly string[]): number | undefined => {
    for (const key of keys) {
      const found = sysctls.get(key)?.value;
      if (found !== undefined && /^\d+$/.test(found)) return Number(found);
    }
    return undefined;
  };
  const flag = (otherwise: boolean, ...keys: readonly string[]): boolean => {
    const found = number(...keys);
    return found === undefined ? otherwise : found !== 0;
  };
  /** Either setting is sufficient (IN_DEV_ORCONF). */
  const either = (device: string, name: string, otherwise: (derived: string) => boolean): boolean => {
    const [all, own] = [number(`net.ipv4.conf.all.${name}`), number(`net.ipv4.conf.${device}.${name}`)];
    if (all === undefined && own === undefined) return otherwise(names.derived(device) ?? device);
    return all === 1 || own === 1;
  };
  return {
    ipForward: flag(derived.ipForward, "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"),
    ip6Forward: flag(derived.ip6Forward, "net.ipv6.conf.all.forwarding"),
    rpFilter: (device) => {
      const own = number(`net.ipv4.conf.${device}.rp_filter`, "net.ipv4.conf.default.rp_filter");
      const all = number("net.ipv4.conf.all.rp_filter");
      if (own === undefined && all === undefined) return derived.rpFilter(names.derived(device) ?? device);
      const mode = Math.max(own ?? 0, all ?? 0);
      return mode === 1 ? 1 : mode >= 2 ? 2 : 0;
    },
    bridgeNfCallIptables: flag(derived.bridgeNfCallIptables, "net.bridge.bridge-nf-call-iptables"),
    bridgeNfCallIp6tables: flag(derived.bridgeNfCallIp6tables, "net.bridge.bridge-nf-call-ip6tables"),
    routeLocalnet: (device) => either(device, "route_localnet", derived.routeLocalnet),
    proxyArp: (device) => either(device, "proxy_arp", derived.proxyArp),
  };
}
