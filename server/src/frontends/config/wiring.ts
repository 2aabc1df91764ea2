/**
 * How networks of a cloud are built from routers. A cloud evaluates the route table of the subnet that a packet leaves, so
 * each route table with subnets is a router, attached to its subnets as their gateway. The routers of a network, its
 * gateways, and its peerings share a link; packets to another subnet of the network use the router of that subnet.
 */
import { formatIp, type Ip, nthAddress, type Prefix, parsePrefix } from "../../addressing/ip.ts";
import { isName } from "../../declared/reading.ts";
import { type Appliance, appliancesOf } from "./appliances.ts";
import type { CloudModel, CloudNet, CloudSubnet, CloudTable, Rule, TransitTable } from "./model.ts";
import type { Resource } from "./resource.ts";

/** The router of a route table, or of a subnet with rules. */
export interface TableRouter {
  readonly name: string;
  readonly table: CloudTable;
  readonly subnets: readonly CloudSubnet[];
  readonly rules: readonly Rule[];
}

export interface Wired {
  readonly net: CloudNet;
  readonly name: string;
  readonly routers: readonly TableRouter[];
  readonly subnets: readonly CloudSubnet[];
  readonly link: Link | undefined;
  /** Name of the internet gateway if a route uses it. */
  readonly internet: string | undefined;
}

/** The segment between the routers of a network. */
export interface Link {
  readonly name: string;
  readonly prefixes: readonly Prefix[];
  /** The addresses of a router, by its name. */
  addresses(router: string): readonly Ip[];
}

export interface Wiring {
  readonly nets: readonly Wired[];
  ofNet(net: Resource): Wired | undefined;
  subnetName(subnet: Resource): string;
  /** The name of a gateway, peering, machine, cluster, or table of a transit gateway. */
  nameOf(of: Resource | TransitTable): string;
  readonly appliances: readonly NamedAppliance[];
  /** The link between a VPN gateway and the host on the other side. */
  tunnelOf(vpn: Resource): Tunnel | undefined;
  /** A name that nothing else has. */
  unused(wanted: string, role: string): string;
}

export interface Tunnel {
  readonly link: Link;
  readonly host: string;
}

export interface NamedAppliance extends Appliance {
  readonly name: string;
}

/** Benchmarking addresses (RFC 2544, RFC 5180): they occur in no cloud network. Nodes of manifests use 198.18.0.0/24. */
const LINKS = parsePrefix("198.19.0.0/16")?.prefix;
const LINKS6 = parsePrefix("2001:2::/48")?.prefix;

export function wire(model: CloudModel): Wiring {
  const names = namer();
  const others = new Map<Resource | TransitTable, string>();
  // The names that people type first: of clusters and machines.
  for (const { id, label } of model.clusters) others.set(id, names(label, "cluster"));
  for (const { id } of model.machines) others.set(id, names(id.label, "host"));
  const subnetNames = new Map(model.subnets.map(({ id }) => [id, names(id.label, "subnet")]));
  const netNames = new Map(model.nets.map(({ id }) => [id, names(id.label, "vpc")]));
  const tables = model.transits.flatMap((transit) => transit.tables);
  for (const { id } of model.nats) others.set(id, names(id.label, "nat"));
  for (const { id } of model.peerings) others.set(id, names(id.label, "peering"));
  for (const table of tables) others.set(table, names(table.at.label, "transit"));
  for (const { id } of model.vpns) others.set(id, names(id.label, "vpn"));
  const appliances = appliancesOf(model).map((one): NamedAppliance => {
    const known = one.machine && others.get(one.machine.id);
    return { ...one, name: known ?? names(`appliance-${one.address.replaceAll(":", "-")}`, "router") };
  });
  const links = linkAllocator();
  const nets = model.nets.map((net) => {
    const name = netNames.get(net.id) ?? "";
    const subnets = model.subnets.filter((subnet) => subnet.net === net.id);
    const routers = routersOf(net, name, subnets, names);
    const usesInternet = routers.some(({ table }) => table.routes.some(({ target }) => target.kind === "internet"));
    const internet = usesInternet ? names(`${name}-internet`, "gateway") : undefined;
    const members = [
      ...routers.map((router) => router.name),
      ...(internet === undefined ? [] : [internet]),
      ...gatewaysOf(model, net.id).flatMap((one) => others.get(one) ?? []),
      ...appliances.filter((one) => one.nets.includes(net.id) || one.subnet.net === net.id).map((one) => one.name),
    ];
    const six = subnets.some(({ ranges }) => ranges.some(({ prefix }) => typeof prefix.ip !== "number"));
    return {
      net,
      name,
      subnets,
      routers,
      internet,
      link: members.length > 1 ? links(names(`${name}-link`, "segment"), members, six) : undefined,
    };
  });
  const tunnels = new Map(
    model.vpns.map(({ id, peer, remotes }): [Resource, Tunnel] => {
      const gateway = others.get(id) ?? "";
      const host = names(peer?.label ?? `${gateway}-peer`, "site");
      const name = names(`${gateway}-tunnel`, "segment");
      const first = remotes.find(({ prefix }) => typeof prefix.ip === "number" && prefix.len <= SITE)?.prefix;
      const link = first ? siteLink(name, first, [gateway, host]) : links(name, [gateway, host], false);
      return [id, { host, link }];
    }),
  );
  const byNet = new Map(nets.map((one) => [one.net.id, one]));
  return {
    nets,
    ofNet: (net) => byNet.get(net),
    subnetName: (subnet) => subnetNames.get(subnet) ?? "",
    nameOf: (of) => others.get(of) ?? "",
    appliances,
    tunnelOf: (vpn) => tunnels.get(vpn),
    unused: names,
  };
}

/** The gateways on the link of a network. */
function gatewaysOf(
  { nats, peerings, transits, subnets, vpns }: CloudModel,
  net: Resource,
): readonly (Resource | TransitTable)[] {
  const own = new Set(subnets.filter((one) => one.net === net).map(({ id }) => id));
  return [
    ...nats.filter(({ subnet }) => own.has(subnet)).map(({ id }) => id),
    ...vpns.filter((one) => one.net === net).map(({ id }) => id),
    ...peerings.filter(({ nets }) => nets.includes(net)).map(({ id }) => id),
    ...transits.flatMap(({ tables }) => tables.filter((table) => netsOf(table).has(net))),
  ];
}

/** The networks that a table of a transit gateway receives packets from or sends packets to. */
export function netsOf({ attached, propagated, routes }: TransitTable): ReadonlySet<Resource> {
  const used = [...attached, ...propagated, ...routes.flatMap(({ via }) => via ?? [])];
  return new Set(attached.length === 0 ? [] : used.map(({ net }) => net));
}

function routersOf(net: CloudNet, name: string, subnets: readonly CloudSubnet[], names: Namer): readonly TableRouter[] {
  const groups = new Map<string, CloudSubnet[]>();
  const ids = new Map<Resource, number>();
  for (const subnet of subnets) {
    const table = ids.get(subnet.table.id) ?? ids.size;
    ids.set(subnet.table.id, table);
    // The rules of a subnet apply at its own router: packets between two subnets pass the rules of both.
    const key = subnet.rules.length > 0 ? `subnet ${subnet.id.object.name}` : `table ${table}`;
    groups.set(key, [...(groups.get(key) ?? []), subnet]);
  }
  return [...groups.values()].flatMap((own): TableRouter[] => {
    const [first] = own;
    if (!first) return [];
    const { table, rules } = first;
    // A network with one router needs no other name.
    const isOnly = groups.size === 1;
    const wanted = isOnly
      ? name
      : rules.length > 0
        ? `${first.id.label}-router`
        : table.id === net.id
          ? `${name}-main`
          : table.label;
    return [{ name: isOnly ? name : names(wanted, "routes"), table, subnets: own, rules }];
  });
}

/** The length of the prefix in which a site is represented: its host has an address of the site, which its packets have. */
const SITE = 29;

function siteLink(name: string, { ip }: Prefix, members: readonly string[]): Link {
  const prefix: Prefix = { ip, len: SITE };
  const addresses = new Map(members.map((member, index) => [member, [nthAddress(prefix, index + 1) ?? ip]]));
  return { name, prefixes: [prefix], addresses: (router) => addresses.get(router) ?? [] };
}

/** Links with addresses that follow each other; a link has 32 addresses, or as many as its routers need. */
function linkAllocator(): (name: string, members: readonly string[], six: boolean) => Link {
  let next = 0;
  let count = 0;
  return (name, members, six) => {
    const len = Math.min(27, 32 - Math.ceil(Math.log2(members.length + 2)));
    const size = 2 ** (32 - len);
    const start = Math.ceil(next / size) * size;
    next = start + size;
    const ip = LINKS && nthAddress(LINKS, start);
    const ip6 = LINKS6 && six ? nthAddress(LINKS6, BigInt(count) << 64n) : undefined;
    count += 1;
    const prefixes = [...(ip === undefined ? [] : [{ ip, len }]), ...(ip6 === undefined ? [] : [{ ip: ip6, len: 64 }])];
    const addresses = new Map(
      members.map((member, index) => [member, prefixes.flatMap((prefix) => nthAddress(prefix, index + 1) ?? [])]),
    );
    return { name, prefixes, addresses: (router) => addresses.get(router) ?? [] };
  };
}

/** The address of one family. */
export function ofFamily(addresses: readonly Ip[], of: 4 | 6): string | undefined {
  const found = addresses.find((ip) => (typeof ip === "number" ? 4 : 6) === of);
  return found === undefined ? undefined : formatIp(found);
}

/** A name that nothing else has; `role` distinguishes objects with the same name. */
type Namer = (wanted: string, role: string) => string;

/** Names without characters that paths do not allow. */
function namer(): Namer {
  const used = new Set<string>();
  return (wanted, role) => {
    const plain = wanted
      .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, "-")
      .replace(/^[-.]+|-+$/g, "")
      .slice(0, 200);
    const base = isName(plain) ? plain : `net-${plain.replace(/[^\w-]+/g, "-")}`;
    let name = used.has(base) ? `${base}-${role}` : base;
    for (let number = 2; used.has(name); number += 1) name = `${base}-${role}-${number}`;
    used.add(name);
    return name;
  };
}
