/** `tunnel` statements, with the machines and the outer addresses of their two sides. */
import { family, type InterfaceAddress, type Ip, isNear, prefixContains } from "../addressing/ip.ts";
import { all, child, childrenOf, one, oneOf, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { sourceOf } from "../declared/origin.ts";
import { checkName } from "./expectations.ts";
import type { Station, Tunnel, TunnelKind, TunnelSide } from "./model.ts";
import type { Names } from "./names.ts";
import { CODES, problem, type TopologyProblem, type TopologyProblemData } from "./problems.ts";

interface Written {
  readonly file: string;
  readonly decl: Decl;
}

export function buildTunnels(
  written: readonly Written[],
  names: Names,
  problems: TopologyProblem[],
): readonly Tunnel[] {
  let wireguards = 0;
  return written.flatMap(({ file, decl }, index): Tunnel[] => {
    const name = oneOf(decl, "name", "name")?.text;
    const kind = kindOf(oneOf(decl, "kind", "word")?.text);
    if (name === undefined || kind === undefined) return [];
    const sides = sidesOf({ file, decl }, names, problems);
    if (typeof sides === "string")
      problems.push(problem(CODES.tunnelIncomplete, sourceOf(file, decl), { tunnel: name, cause: sides }));
    if (sides === undefined || typeof sides === "string") return [];
    if (kind === "ipip" && typeof sides[0].endpoint === "bigint") {
      problems.push(problem(CODES.tunnelIncomplete, sourceOf(file, decl), { tunnel: name, cause: "family" }));
      return [];
    }
    const first = kind === "wireguard" ? WIREGUARD_PORT + wireguards++ : VXLAN_PORT;
    const port = oneOf(child(decl, "port"), "port", "number")?.value ?? first;
    const mtu = oneOf(child(decl, "mtu"), "value", "number")?.value;
    return [{ name, kind, mtu, port, index, sides, source: sourceOf(file, decl) }];
  });
}

/** wg-quick's default, and IANA's port for VXLAN (RFC 7348). */
const WIREGUARD_PORT = 51820;
const VXLAN_PORT = 4789;

function kindOf(text: string | undefined): TunnelKind | undefined {
  return text === "wireguard" || text === "ipsec" || text === "ipip" || text === "vxlan" ? text : undefined;
}

type Cause = TopologyProblemData["KN270"]["cause"];

function sidesOf(
  { file, decl }: Written,
  names: Names,
  problems: TopologyProblem[],
): Tunnel["sides"] | Cause | undefined {
  const between = child(decl, "between");
  const [a, b] = ["first", "second"].map((name) => machineAt({ file, decl: between ?? decl }, name, names, problems));
  if (!between || !a || !b) return undefined;
  if (a.path === b.path) return "one-machine";
  const prefixes = new Map<string, TunnelSide["prefixes"]>([
    [a.path, []],
    [b.path, []],
  ]);
  for (const statement of childrenOf(decl, "carries")) {
    const side = machineAt({ file, decl: statement }, "to", names, problems);
    if (!side) continue;
    const known = prefixes.get(side.path);
    if (!known) return "not-a-side";
    const own = all(statement, "prefixes").flatMap((read) =>
      read.value.kind === "prefix" ? [{ prefix: read.value.prefix, source: sourceOfRead(file, statement, read) }] : [],
    );
    prefixes.set(side.path, [...known, ...own]);
  }
  const endpoints = endpointsOf(decl, a, b, [...prefixes.values()].flat());
  if (!endpoints) return "no-address";
  const sideOf = (station: Station, place: "first" | "second", endpoint: Ip): TunnelSide => ({
    path: station.path,
    endpoint,
    address: addressOf(child(decl, "addresses"), place),
    prefixes: prefixes.get(station.path) ?? [],
  });
  return [sideOf(a, "first", endpoints[0]), sideOf(b, "second", endpoints[1])];
}

function addressOf(decl: Decl | undefined, place: string): InterfaceAddress | undefined {
  const value = oneOf(decl, place, "interface-address");
  return value?.len === undefined ? undefined : { ip: value.ip, len: value.len };
}

function machineAt(
  { file, decl }: Written,
  name: string,
  names: Names,
  problems: TopologyProblem[],
): Station | undefined {
  const read = one(decl, name);
  if (read?.value.kind !== "ref") return undefined;
  checkName(read.value.text, sourceOfRead(file, decl, read), names, problems, "station");
  const [found] = names.find(read.value.text, "station");
  switch (found?.kind) {
    case "router":
      return found.router;
    case "host":
      return found.host;
    case "node":
      return found.node;
    default:
      return undefined;
  }
}

/** Of one family, IPv4 first. */
function endpointsOf(
  decl: Decl,
  a: Station,
  b: Station,
  carried: TunnelSide["prefixes"],
): readonly [Ip, Ip] | undefined {
  const written = child(decl, "endpoints");
  const [first, second] = [oneOf(written, "first", "address")?.ip, oneOf(written, "second", "address")?.ip];
  if (first !== undefined && second !== undefined)
    return family(first) === family(second) ? [first, second] : undefined;
  for (const wanted of [4, 6] as const) {
    const [own, other] = [outerAddress(a, b, carried, wanted), outerAddress(b, a, carried, wanted)];
    if (own !== undefined && other !== undefined) return [own, other];
  }
  return undefined;
}

/** See the documentation of `between`. */
function outerAddress(
  { interfaces, routes }: Station,
  other: Station,
  carried: TunnelSide["prefixes"],
  of: 4 | 6,
): Ip | undefined {
  const all = interfaces.flatMap(({ segment, addresses }) =>
    addresses.filter(({ ip }) => family(ip) === of).map((address) => ({ segment, address })),
  );
  const shared = all.find(({ segment }) => other.interfaces.some((iface) => iface.segment === segment));
  const gateways = routes.flatMap(({ dst, via }) => (dst.len === 0 ? via : []));
  const upstream = all.find(({ address }) => gateways.some((via) => isNear(address, via)));
  const isCarried = (ip: Ip): boolean => carried.some(({ prefix }) => prefix.len > 0 && prefixContains(prefix, ip));
  const outside = all.find(({ address }) => !isCarried(address.ip));
  return (shared ?? upstream ?? outside ?? all[0])?.address.ip;
}
