/**
 * A network namespace as a switch of the Network Graph: an ordered list of [source, source port, destination, destination
 * port, action], where the first matching row applies. The action delivers the message to a local process, forwards it to
 * a directly connected switch, or discards it. Derived from sockets, addresses, policy routing rules, routes, and neighbor
 * entries; the model does not cover netfilter.
 */
import { kthFree, sortReserved } from "../addressing/allocation.ts";
import {
  bits,
  compareIp,
  family,
  formatIp,
  formatPrefix,
  hostPrefix,
  type Ip,
  isLinkLocal,
  isLoopback,
  type Prefix,
  prefixRange,
} from "../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../addressing/prefix-table.ts";
import { t } from "../text/l10n.ts";
import { isDelivered, localAddressesOf, lookup } from "./fib.ts";
import type { Device, Netns, NetnsId, Network, Nexthop, Socket } from "./model.ts";
import { routeText, whyOf } from "./text.ts";

export type SwitchAction =
  | { readonly kind: "deliver"; readonly process: string }
  /** Several entries: equal-cost next hops. */
  | { readonly kind: "forward"; readonly to: readonly NetnsId[] }
  | { readonly kind: "discard" };

export interface SwitchRow {
  /** Undefined: any. */
  readonly src: Prefix | undefined;
  readonly dst: Prefix;
  /** Undefined: any. The source port is always any. */
  readonly dport: { readonly port: number; readonly proto: Socket["proto"] } | undefined;
  readonly action: SwitchAction;
  /** The kernel table entry that the row is derived from. */
  readonly why: string;
}

/** The action for a destination, regardless of ports. */
interface Fate {
  readonly prefix: Prefix;
  /** Undefined: delivered locally. */
  readonly action: SwitchAction | undefined;
  readonly why: string;
}

/**
 * `known`: prefixes that share a route, but have different neighbors: addresses on a segment, ranges that are reached
 * through a tunnel. Extra prefixes are harmless, because rows with the same action as a wider row are omitted.
 */
export function switchRows(network: Network, netns: Netns, known: Iterable<Prefix>): readonly SwitchRow[] {
  const prefixes = telling(network, netns, known);
  const plain = fates(network, netns, prefixes, undefined);
  const own: SwitchRow[] = [];
  const local = plain.filter(({ action }) => action === undefined);
  for (const { prefix, why } of local.sort(
    (a, b) => Number(isLoopback(b.prefix.ip)) - Number(isLoopback(a.prefix.ip)),
  )) {
    for (const socket of netns.sockets) {
      if (socket.address !== undefined && socket.address !== prefix.ip) continue;
      own.push({
        src: undefined,
        dst: prefix,
        dport: { port: socket.port, proto: socket.proto },
        action: { kind: "deliver", process: socket.process },
        why: t`${socket.process} listens on ${socket.port}/${socket.proto}`,
      });
    }
    own.push({
      src: undefined,
      dst: prefix,
      dport: undefined,
      action: { kind: "discard" },
      why: t`${why}: nothing listens`,
    });
  }
  const usual = rowsOf(plain, undefined);
  const bySource = netns.rules.flatMap(({ from }) => (from ? [from] : []));
  const special = bySource.flatMap((from) => {
    const rows = rowsOf(fates(network, netns, prefixes, from), from);
    return rows.length === usual.length && rows.every((row, i) => row.why === usual[i]?.why) ? [] : rows;
  });
  return [...own, ...special, ...usual, ...undefaulted(netns, plain)];
}

/** A final row per address family without a default route: destinations without a route are dropped. */
function undefaulted(netns: Netns, plain: readonly Fate[]): readonly SwitchRow[] {
  return familiesOf(netns)
    .filter((zero) => !hasDefault(plain, zero))
    .map((zero) => ({
      src: undefined,
      dst: { ip: zero, len: 0 },
      dport: undefined,
      action: { kind: "discard" },
      why: t`no route`,
    }));
}

/** The address families in use; IPv4 if there is no address. */
export function familiesOf(netns: Netns): readonly Ip[] {
  const used = (zero: Ip): boolean =>
    [...netns.devices.values()].some(
      ({ kind, addresses }) =>
        kind !== "loopback" && addresses.some(({ ip }) => typeof ip === typeof zero && !isLinkLocal(ip)),
    );
  const families = [0, 0n].filter(used);
  return families.length === 0 ? [0] : families;
}

/** The forward and drop rows, longest prefix first, without rows that have the same action as a wider row. */
function rowsOf(all: readonly Fate[], src: Prefix | undefined): readonly SwitchRow[] {
  const table = buildPrefixTable(all.map((fate) => [fate.prefix, fate] as const));
  return all
    .flatMap(({ prefix, action, why }): readonly SwitchRow[] => {
      if (action === undefined) return [];
      let around: Fate | undefined;
      for (const match of table.covering(prefix)) {
        const [fate] = match.values;
        if (match.prefix.len < prefix.len && (!around || match.prefix.len > around.prefix.len)) around = fate;
      }
      const wider = around ? around.action : prefix.len > 0 && !hasDefault(all, prefix.ip) ? DISCARD : undefined;
      return wider && isSame(wider, action) ? [] : [{ src, dst: prefix, dport: undefined, action, why }];
    })
    .sort((a, b) => family(a.dst.ip) - family(b.dst.ip) || b.dst.len - a.dst.len || compareIp(a.dst.ip, b.dst.ip));
}

function hasDefault(all: readonly Fate[], like: Ip): boolean {
  return all.some(({ prefix }) => prefix.len === 0 && typeof prefix.ip === typeof like);
}

const DISCARD: SwitchAction = { kind: "discard" };

function isSame(a: SwitchAction, b: SwitchAction): boolean {
  return a.kind === b.kind && (a.kind !== "forward" || b.kind !== "forward" || a.to.join() === b.to.join());
}

/* -------------------------------------------------------------- prefixes */

/** Local addresses, all destinations of routes and rules, addresses attached to a bridge, and the caller's prefixes. */
function telling(network: Network, netns: Netns, known: Iterable<Prefix>): PrefixTable<undefined> {
  const families = familiesOf(netns);
  const prefixes = new Map<string, Prefix>();
  const add = (prefix: Prefix): void => {
    if (!families.some((zero) => typeof zero === typeof prefix.ip) || isLinkLocal(prefix.ip)) return;
    prefixes.set(`${typeof prefix.ip} ${prefix.ip}/${prefix.len}`, prefix);
  };
  for (const device of netns.devices.values()) {
    if (device.kind === "loopback") {
      for (const { ip } of device.addresses) add(typeof ip === "number" ? { ip: 0x7f000000, len: 8 } : hostPrefix(ip));
      continue;
    }
    for (const { ip } of device.addresses) add(hostPrefix(ip));
    for (const ip of behind(network, netns, device)) add(hostPrefix(ip));
  }
  for (const { layers } of netns.tables.values()) {
    for (const { table, except } of layers) {
      for (const [prefix, route] of table.entries()) if (!except?.(route)) add(prefix);
    }
  }
  for (const { to } of netns.rules) if (to) add(to);
  for (const prefix of known) add(prefix);
  return buildPrefixTable([...prefixes.values()].map((prefix) => [prefix, undefined] as const));
}

/** The addresses of the veth peers of a bridge's ports. */
function* behind(network: Network, netns: Netns, bridge: Device): Iterable<Ip> {
  if (bridge.kind !== "bridge") return;
  for (const port of netns.devices.values()) {
    if (port.kind !== "veth" || port.master !== bridge.name) continue;
    const end = network.netns(port.peer.netns)?.devices.get(port.peer.device);
    for (const { ip } of end?.addresses ?? []) yield ip;
  }
}

/** The action for each prefix, computed for an address outside all longer prefixes; prefixes without such an address are omitted. */
function fates(
  network: Network,
  netns: Netns,
  prefixes: PrefixTable<undefined>,
  from: Prefix | undefined,
): readonly Fate[] {
  const all: Fate[] = [];
  for (const [prefix] of prefixes.entries()) {
    const inside = [...prefixes.coveredBy(prefix)].filter((match) => match.prefix.len > prefix.len);
    const { first, last } = prefixRange(prefix);
    const ip = kthFree(first, last, sortReserved(inside.map((match) => prefixRange(match.prefix))), 0);
    if (ip !== undefined) all.push(fateOf(network, netns, prefix, ip, from?.ip));
  }
  return all;
}

/* --------------------------------------------------------------- next hops */

function fateOf(network: Network, netns: Netns, prefix: Prefix, ip: Ip, src: Ip | undefined): Fate {
  const found = lookup(netns, localAddressesOf(netns), { dst: ip, src });
  if (!found) return { prefix, action: DISCARD, why: t`no route` };
  const { route, nexthops } = found;
  const entry = routeText(route, nexthops[0]);
  const why = found.table === "main" ? entry : t`${entry} in table ${found.table}`;
  if (isDelivered(route)) return { prefix, action: undefined, why: whyOf(route) };
  const to = nexthops.map((hop) => nextSwitch(network, netns, hop, ip, 0));
  const reached = [...new Set(to.filter((one) => one !== undefined))];
  if (route.type !== "unicast" || reached.length === 0) {
    return { prefix, action: DISCARD, why: route.type === "unicast" ? t`${why}: next hop unreachable` : why };
  }
  return { prefix, action: { kind: "forward", to: reached }, why };
}

/** Deeper nesting of tunnels is a configuration error. */
const MOST_TUNNELS = 3;
/** The default TTL. */
const MOST_HOPS = 64;

/** The switch on the other side of the link or tunnel that the next hop uses. */
function nextSwitch(network: Network, netns: Netns, hop: Nexthop, dst: Ip, depth: number): NetnsId | undefined {
  const device = netns.devices.get(hop.dev);
  const target = hop.via ?? dst;
  if (!device || depth > MOST_TUNNELS) return undefined;
  switch (device.kind) {
    case "loopback":
    case "dummy":
      return undefined;
    case "physical":
      return network.resolve(device.segment, target, netns.id)?.netns;
    case "macvlan":
    case "ipvlan":
      return device.parent.netns;
    case "veth":
      return device.peer.netns;
    case "bridge": {
      const port = netns.devices.get(device.portFor(target)?.port ?? "");
      return port?.kind === "veth" ? port.peer.netns : undefined;
    }
    case "vxlan": {
      const mac = netns.neighbours.lookup(device.name, target)?.mac;
      return farEnd(network, netns, mac === undefined ? undefined : device.fdb.lookup(mac)?.dst, depth);
    }
    case "ipip":
      return farEnd(network, netns, device.remote ?? target, depth);
    case "wireguard":
      return farEnd(network, netns, device.peers.allowed(dst)?.endpoint.ip, depth);
    case "tun":
      return farEnd(network, netns, device.daemon.lookup(dst)?.peer, depth);
  }
}

/** The switch that has the outer address, found by following the outer packet hop by hop. */
function farEnd(network: Network, from: Netns, outer: Ip | undefined, depth: number): NetnsId | undefined {
  if (outer === undefined) return undefined;
  let netns: Netns | undefined = from;
  for (let hops = 0; netns && hops < MOST_HOPS; hops++) {
    const found = lookup(netns, localAddressesOf(netns), { dst: outer });
    if (found && isDelivered(found.route)) return netns.id;
    const [hop] = found?.nexthops ?? [];
    const next: NetnsId | undefined = hop && nextSwitch(network, netns, hop, outer, depth + 1);
    netns = next === undefined ? undefined : network.netns(next);
  }
  return undefined;
}

/* -------------------------------------------------------------------- printing */

/** A table with aligned columns; the entry that each row is derived from follows `#`. */
export function printSwitch(netns: Netns, rows: readonly SwitchRow[]): string {
  const both = familiesOf(netns).length > 1;
  const cells = [
    ["src", "sport", "dst", "dport", "action", "from"],
    ...rows.map(({ src, dst, dport, action, why }) => [
      src ? prefixText(src) : "*",
      "*",
      dst.len === 0 && !both ? "*" : prefixText(dst),
      dport ? (dport.proto === "tcp" ? String(dport.port) : `${dport.port}/${dport.proto}`) : "*",
      actionText(action),
      `# ${why}`,
    ]),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  const lines = cells.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const title = t`switch ${`${netns.kind} ${netns.id}`}: the first matching row applies`;
  return `# ${title}\n${lines.join("\n")}\n`;
}

function prefixText(prefix: Prefix): string {
  return prefix.len === bits(prefix.ip) ? formatIp(prefix.ip) : formatPrefix(prefix);
}

function actionText(action: SwitchAction): string {
  switch (action.kind) {
    case "deliver":
      return `Deliver(${action.process})`;
    case "forward":
      return `Forward(${action.to.join(" | ")})`;
    case "discard":
      return "Discard";
  }
}
