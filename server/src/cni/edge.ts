/** NAT and the other things of a network's edge as Linux state: for routers, hosts and nodes alike. */
import { hostPrefix } from "../addressing/ip.ts";
import { buildPrefixTable } from "../addressing/prefix-table.ts";
import type { Device, NfRule, PolicyRule, Route, RouteTable } from "../dataplane/model.ts";
import type { NatRule, Station } from "../topology/model.ts";
import { familyOf, LOOPBACK } from "./host.ts";
import type { ChainRules } from "./mode.ts";

export function loopbackOf({ edge }: Station): Device {
  if (!edge || edge.loopbacks.length === 0) return LOOPBACK;
  const own = edge.loopbacks.map(({ ip }) => hostPrefix(ip));
  return { ...LOOPBACK, addresses: [...LOOPBACK.addresses, ...own], origin: edge.loopbacks[0]?.source };
}

export function natChains(station: Station): readonly ChainRules[] {
  return (station.edge?.nat ?? []).flatMap((rule) => {
    const device = deviceOf(station, rule);
    // A segment to which the station is not attached is a finding of its own.
    if (rule.segment && device === undefined) return [];
    return rule.kind === "masquerade" ? masqueradeChains(rule, device) : forwardChains(rule, device);
  });
}

export function deviceOf(station: Station, { segment }: NatRule): string | undefined {
  return segment && station.interfaces.find((iface) => iface.segment === segment.name)?.device;
}

function masqueradeChains(rule: NatRule & { readonly kind: "masquerade" }, device: string | undefined): ChainRules[] {
  return ([4, 6] as const).flatMap((family) => {
    const from = rule.from.filter(({ ip }) => familyOf(ip) === family);
    if (rule.from.length > 0 && from.length === 0) return [];
    const out = device === undefined ? { is: "lo", not: true } : { is: device };
    const rules = (from.length === 0 ? [undefined] : from).map(
      (src): NfRule => ({
        match: { ...(src ? { src: { is: src } } : {}), out },
        target: { kind: "MASQUERADE" },
        origin: rule.source,
      }),
    );
    return [{ family, table: "nat", chain: "POSTROUTING", rules } as const];
  });
}

function forwardChains(rule: NatRule & { readonly kind: "port-forward" }, device: string | undefined): ChainRules[] {
  const { proto, port, to, toPort, source } = rule;
  const made: NfRule = {
    match: {
      proto,
      dport: { first: port, last: port },
      ...(device === undefined ? {} : { in: { is: device } }),
      addrtype: { side: "dst", type: "LOCAL" },
    },
    target: { kind: "DNAT", to, port: toPort ?? port },
    origin: source,
  };
  return [{ family: familyOf(to), table: "nat", chain: "PREROUTING", rules: [made] }];
}

const ANY_TABLE = "100";

/**
 * AnyIP: whatever comes in is for this host. Only what comes in: its own packets go by the main table, so that it needs a
 * route back like anybody else (Documentation/networking/policy-routing, ip-route(8) type local).
 */
export function anyAddress(station: Station): {
  rules: readonly PolicyRule[];
  tables: ReadonlyMap<string, RouteTable>;
} {
  if (!station.edge?.answersAny) return { rules: [], tables: new Map() };
  const route = (dst: Route["dst"]): Route => ({
    dst,
    type: "local",
    nexthops: [{ dev: "lo" }],
    scope: "host",
    why: `${station.name} answers for every address`,
    origin: station.source,
  });
  const routes = [route({ ip: 0, len: 0 }), route({ ip: 0n, len: 0 })];
  const table = buildPrefixTable(routes.map((one) => [one.dst, one] as const));
  return {
    rules: station.interfaces.map(({ device }, i) => ({ priority: 100 + i, iif: device, table: ANY_TABLE })),
    tables: new Map([[ANY_TABLE, { layers: [{ table }] }]]),
  };
}
