import { bits, compareIp, formatIp, formatPrefix, lastAddress, type Prefix } from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import { hasRules } from "./fib.ts";
import type {
  Device,
  FdbEntry,
  Neighbour,
  Netns,
  Network,
  Nexthop,
  NfChain,
  NfTable,
  PolicyRule,
  Route,
} from "./model.ts";
import type { ReportLocation, RouteReport, RoutesReport, RuleReport } from "./routes-schema.ts";
import { destination, markText, nexthopFlags, routeText, ruleText, whyOf, withPort } from "./text.ts";

/** The complete state, each part under the command that prints it; empty parts are omitted. */
export function printNetns(netns: Netns, network?: Network): string {
  return netnsParts(netns, network)
    .map(([command, lines]) => `# ${command}\n${lines.join("\n")}\n`)
    .join("\n");
}

/** The lines of each part with the command that prints it; empty parts are omitted. */
export function netnsParts(
  netns: Netns,
  network?: Network,
): readonly (readonly [command: string, lines: readonly string[]])[] {
  const parts: readonly (readonly [string, readonly string[]])[] = [
    ["ip -brief address", printAddresses(netns, network)],
    ["ip rule", printPolicyRules(netns)],
    ...tablesOf(netns).flatMap((table) => [
      [`ip route${table === "main" ? "" : ` show table ${table}`}`, printRoutes(netns, 4, table)] as const,
      [`ip -6 route${table === "main" ? "" : ` show table ${table}`}`, printRoutes(netns, 6, table)] as const,
    ]),
    ["ip neigh", printNeighbours(netns)],
    ["bridge fdb", printFdb(netns)],
    ["wg show", printWireguard(netns)],
    ["ip xfrm policy", printXfrmPolicies(netns)],
    ["ip xfrm state", printXfrmStates(netns)],
  ];
  return parts.filter(([, lines]) => lines.length > 0);
}

function tablesOf(netns: Netns): readonly string[] {
  return [...netns.tables.keys()].sort((a, b) => Number(b === "main") - Number(a === "main") || (a < b ? -1 : 1));
}

/* --------------------------------------------------------------- addresses */

/** `ip -brief address`. With `network`, the peer index of a veth is the position in the peer's device list. */
export function printAddresses(netns: Netns, network?: Network): string[] {
  return [...netns.devices.values()].map((device) => {
    const addresses = [...device.addresses]
      .sort((a, b) => Number(typeof a.ip === "bigint") - Number(typeof b.ip === "bigint"))
      .map(({ ip, len }) => `${formatIp(ip)}/${len}`);
    return `${deviceLabel(device, network).padEnd(16)} ${stateOf(netns, device).padEnd(14)} ${addresses.join(" ")}`.trimEnd();
  });
}

function deviceLabel(device: Device, network: Network | undefined): string {
  switch (device.kind) {
    case "veth": {
      const peers = network?.netns(device.peer.netns)?.devices.keys() ?? [];
      const index = [...peers].indexOf(device.peer.device) + 1;
      // In a pod, eth0 is created right after lo.
      return `${device.name}@if${index > 0 ? index : 2}`;
    }
    case "macvlan":
    case "ipvlan": {
      const below = network?.netns(device.parent.netns)?.devices.keys() ?? [];
      return `${device.name}@if${Math.max([...below].indexOf(device.parent.device) + 1, 2)}`;
    }
    case "ipip":
      return `${device.name}@NONE`;
    default:
      return device.name;
  }
}

/** Operational state; UNKNOWN for loopback and tunnel devices. */
function stateOf(netns: Netns, device: Device): "UP" | "DOWN" | "UNKNOWN" {
  if (device.isDown) return "DOWN";
  switch (device.kind) {
    case "physical":
    case "veth":
    case "macvlan":
    case "ipvlan":
      return "UP";
    case "bridge":
      return hasCarrier(netns, device) ? "UP" : "DOWN";
    case "dummy":
      // kube-proxy never sets the device up; its addresses are local anyway.
      return "DOWN";
    case "loopback":
    case "vxlan":
    case "ipip":
    case "wireguard":
    case "tun":
      return "UNKNOWN";
  }
}

/** Whether the device has carrier; false only for a bridge without ports. */
function hasCarrier(netns: Netns, device: Device): boolean {
  if (device.kind !== "bridge") return true;
  for (const other of netns.devices.values()) if (other.master === device.name) return true;
  return false;
}

/* ------------------------------------------------------------------ routes */

/** The routes of a table in the order of the kernel's dump. */
export function routesOf(netns: Netns, family: 4 | 6, table = "main"): Route[] {
  const routes: Route[] = [];
  for (const layer of netns.tables.get(table)?.layers ?? []) {
    for (const [prefix, route] of layer.table.entries()) {
      if ((typeof prefix.ip === "number") === (family === 4) && !layer.except?.(route)) routes.push(route);
    }
  }
  return routes.sort(family === 4 ? compare4 : compare6);
}

/** fib_trie: by address, then longest prefix first, then lowest metric. */
function compare4(a: Route, b: Route): number {
  return compareIp(a.dst.ip, b.dst.ip) || b.dst.len - a.dst.len || (a.metric ?? 0) - (b.metric ?? 0);
}

/** ip6_fib: more specific prefixes precede the prefix that contains them, so the default route is last. */
function compare6(a: Route, b: Route): number {
  return (
    compareIp(lastAddress(a.dst), lastAddress(b.dst)) || b.dst.len - a.dst.len || (a.metric ?? 0) - (b.metric ?? 0)
  );
}

/** `ip route`, `ip -6 route`. */
export function printRoutes(netns: Netns, family: 4 | 6, table = "main"): string[] {
  return routesOf(netns, family, table).flatMap((route) => routeLines(netns, route));
}

function routeLines(netns: Netns, route: Route): readonly string[] {
  const single = route.nexthops.length === 1 ? route.nexthops[0] : undefined;
  const first = routeText(route, single, single ? flags(netns, single) : []);
  if (route.nexthops.length < 2) return [first];
  return [first, ...route.nexthops.map((hop) => nexthopLine(netns, hop))];
}

function nexthopLine(netns: Netns, hop: Nexthop): string {
  const via = hop.via === undefined ? [] : ["via", formatIp(hop.via)];
  return `\t${["nexthop", ...via, "dev", hop.dev, "weight", String(hop.weight ?? 1), ...flags(netns, hop)].join(" ")}`;
}

function flags(netns: Netns, hop: Nexthop): readonly string[] {
  const device = netns.devices.get(hop.dev);
  const down = device !== undefined && !hasCarrier(netns, device);
  return [...nexthopFlags(hop), ...(down ? ["linkdown"] : [])];
}

/** `ip rule`; empty if only the three default rules of the kernel exist. */
export function printPolicyRules(netns: Netns): string[] {
  return hasRules(netns) ? netns.rules.map(policyRuleText) : [];
}

export function policyRuleText({ priority, from, to, fwmark, iif, table }: PolicyRule): string {
  const words = [`${priority}:\tfrom ${from ? selector(from) : "all"}`];
  if (to) words.push("to", selector(to));
  if (fwmark) words.push("fwmark", markText(fwmark, 0xffffffff));
  if (iif !== undefined) words.push("iif", iif);
  words.push("lookup", table);
  return words.join(" ");
}

/** A single address without prefix length, like in `ip rule`. */
function selector(prefix: Prefix): string {
  return prefix.len === bits(prefix.ip) ? formatIp(prefix.ip) : formatPrefix(prefix);
}

/* ----------------------------------------------------- neighbors, FDB */

/** Permanent entries, sorted by address; the kernel lists them in hash order. */
function neighboursOf(netns: Netns): Neighbour[] {
  return [...netns.neighbours.entries()].sort((a, b) => compareIp(a.ip, b.ip));
}

/** `ip neigh`. */
export function printNeighbours(netns: Netns): string[] {
  return neighboursOf(netns).map(({ ip, device, mac }) => `${formatIp(ip)} dev ${device} lladdr ${mac} PERMANENT`);
}

function fdbOf(netns: Netns): FdbEntry[] {
  const entries: FdbEntry[] = [];
  for (const device of netns.devices.values()) if (device.kind === "vxlan") entries.push(...device.fdb.entries());
  return entries.sort((a, b) => (a.device < b.device ? -1 : a.device > b.device ? 1 : compareIp(a.dst, b.dst)));
}

/** `bridge fdb`: the entries of VXLAN devices. Entries learned by bridges are omitted, because they are not configured state. */
export function printFdb(netns: Netns): string[] {
  return fdbOf(netns).map(({ mac, device, dst }) => `${mac} dev ${device} dst ${formatIp(dst)} self permanent`);
}

/* --------------------------------------------------------- WireGuard, IPsec */

/** `wg show`; the model does not contain secrets. */
export function printWireguard(netns: Netns): string[] {
  const lines: string[] = [];
  for (const device of netns.devices.values()) {
    if (device.kind !== "wireguard") continue;
    lines.push(
      `interface: ${device.name}`,
      `  public key: ${device.publicKey}`,
      "  private key: (hidden)",
      `  listening port: ${device.port}`,
    );
    for (const { publicKey, presharedKey, endpoint, allowedIps, keepalive } of device.peers.entries()) {
      lines.push("", `peer: ${publicKey}`);
      if (presharedKey !== undefined) lines.push("  preshared key: (hidden)");
      lines.push(
        `  endpoint: ${withPort(endpoint.ip, endpoint.port)}`,
        `  allowed ips: ${allowedIps.map(formatPrefix).join(", ")}`,
      );
      if (keepalive !== undefined) lines.push(`  persistent keepalive: every ${keepalive} seconds`);
    }
  }
  return lines;
}

/** `ip xfrm policy`. */
export function printXfrmPolicies(netns: Netns): string[] {
  return [...(netns.xfrm?.policies() ?? [])].flatMap(({ direction, src, dst, template }) => [
    `src ${formatPrefix(src)} dst ${formatPrefix(dst)}`,
    `\tdir ${direction} priority 0`,
    `\ttmpl src ${formatIp(template.src)} dst ${formatIp(template.dst)}`,
    `\t\tproto esp reqid ${template.reqid} mode tunnel`,
  ]);
}

/** `ip xfrm state`, without keys and counters. */
export function printXfrmStates(netns: Netns): string[] {
  return [...(netns.xfrm?.states() ?? [])].flatMap(({ src, dst, spi, reqid, udpPort }) => [
    `src ${formatIp(src)} dst ${formatIp(dst)}`,
    `\tproto esp spi 0x${spi.toString(16).padStart(8, "0")} reqid ${reqid} mode tunnel`,
    ...(udpPort === undefined ? [] : [`\tencap type espinudp sport ${udpPort} dport ${udpPort}`]),
  ]);
}

/* -------------------------------------------------------------------- JSON */

/** `knet-routes/1`. */
export function routesReport(netns: Netns, locate: (source: Origin) => ReportLocation | undefined): RoutesReport {
  const located = (origin: Origin | undefined): { location?: ReportLocation } => {
    const location = origin && locate(origin);
    return location === undefined ? {} : { location };
  };
  return {
    schema: "knet-routes/1",
    netns: netns.id,
    interfaces: [...netns.devices.values()].map((device) => ({
      name: device.name,
      kind: device.kind,
      mtu: device.mtu,
      addresses: device.addresses.map(({ ip, len }) => `${formatIp(ip)}/${len}`),
      ...(device.mac === undefined ? {} : { mac: device.mac }),
      ...(device.master === undefined ? {} : { master: device.master }),
    })),
    ...(hasRules(netns)
      ? { rules: netns.rules.map((rule) => ({ ...ruleReport(rule), ...located(rule.origin) })) }
      : {}),
    routes: tablesOf(netns).flatMap((table) =>
      ([4, 6] as const).flatMap((family) =>
        routesOf(netns, family, table).map((route) => ({ ...routeReport(route, table), ...located(route.origin) })),
      ),
    ),
    neighbours: neighboursOf(netns).map(({ ip, device, mac, origin }) => ({
      dst: formatIp(ip),
      dev: device,
      lladdr: mac,
      state: ["PERMANENT"],
      ...located(origin),
    })),
    fdb: fdbOf(netns).map(({ mac, device, dst, origin }) => ({
      mac,
      dev: device,
      dst: formatIp(dst),
      ...located(origin),
    })),
    ...encrypted(netns, located),
  };
}

type Located = (origin: Origin | undefined) => { location?: ReportLocation };

/** Only for network namespaces with WireGuard or IPsec. */
function encrypted(netns: Netns, located: Located): Pick<RoutesReport, "wireguard" | "xfrm"> {
  const devices = [...netns.devices.values()].filter((device) => device.kind === "wireguard");
  const { xfrm } = netns;
  return {
    ...(devices.length === 0
      ? {}
      : {
          wireguard: devices.map(({ name, publicKey, port, peers }) => ({
            name,
            publicKey,
            listenPort: port,
            peers: [...peers.entries()].map((peer) => ({
              publicKey: peer.publicKey,
              endpoint: withPort(peer.endpoint.ip, peer.endpoint.port),
              allowedIps: peer.allowedIps.map(formatPrefix),
              ...located(peer.origin),
            })),
          })),
        }),
    ...(xfrm === undefined
      ? {}
      : {
          xfrm: {
            policies: [...xfrm.policies()].map(({ direction, src, dst, template, origin }) => ({
              dir: direction,
              src: formatPrefix(src),
              dst: formatPrefix(dst),
              tmpl: { src: formatIp(template.src), dst: formatIp(template.dst), proto: "esp", mode: "tunnel" },
              ...located(origin),
            })),
            states: [...xfrm.states()].map(({ src, dst, udpPort, origin }) => ({
              src: formatIp(src),
              dst: formatIp(dst),
              proto: "esp",
              mode: "tunnel",
              ...(udpPort === undefined ? {} : { encap: `udp ${udpPort}` }),
              ...located(origin),
            })),
          },
        }),
  };
}

function ruleReport({ priority, from, to, fwmark, iif, table }: PolicyRule): RuleReport {
  return {
    priority,
    ...(from ? { src: selector(from) } : {}),
    ...(to ? { dst: selector(to) } : {}),
    ...(fwmark ? { fwmark: markText(fwmark, 0xffffffff) } : {}),
    ...(iif === undefined ? {} : { iif }),
    table,
  };
}

function routeReport(route: Route, table: string): RouteReport {
  const single = route.nexthops.length === 1 ? route.nexthops[0] : undefined;
  return {
    dst: destination(route),
    ...(route.type === "unicast" ? {} : { type: route.type }),
    ...(single?.via === undefined ? {} : { via: formatIp(single.via) }),
    ...(single ? { dev: single.dev } : {}),
    ...(route.proto === undefined ? {} : { proto: route.proto }),
    ...(route.scope === undefined || route.scope === "global" ? {} : { scope: route.scope }),
    ...(route.src === undefined ? {} : { src: formatIp(route.src) }),
    ...(route.metric === undefined ? {} : { metric: route.metric }),
    ...(route.mtu === undefined ? {} : { mtu: route.mtu }),
    ...(single?.onlink ? { onlink: true } : {}),
    ...(route.nexthops.length < 2
      ? {}
      : {
          nexthops: route.nexthops.map((hop) => ({
            ...(hop.via === undefined ? {} : { via: formatIp(hop.via) }),
            dev: hop.dev,
            weight: hop.weight ?? 1,
            ...(hop.onlink ? { onlink: true as const } : {}),
          })),
        }),
    table,
    why: whyOf(route),
  };
}

/* --------------------------------------------------------------- netfilter */

const TABLE_ORDER: readonly NfTable[] = ["raw", "mangle", "filter", "nat"];

/** `iptables-save` or `ip6tables-save`, without counter values and timestamp comments. */
export function printNetfilter(netns: Netns, family: 4 | 6): string[] {
  const tables = new Map<NfTable, NfChain[]>();
  for (const { table, chain } of netns.netfilter.chains(family)) {
    const chains = tables.get(table) ?? [];
    chains.push(chain);
    tables.set(table, chains);
  }
  return TABLE_ORDER.flatMap((table) => {
    const chains = tables.get(table);
    if (!chains) return [];
    // Built-in chains in hook order, then user-defined chains by name.
    const own = chains.filter(({ policy }) => policy === undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
    const ordered = [...chains.filter(({ policy }) => policy !== undefined), ...own];
    return [
      `*${table}`,
      ...ordered.map(({ name, policy }) => `:${name} ${policy ?? "-"} [0:0]`),
      ...ordered.flatMap((chain) => chain.rules.map((rule) => `-A ${chain.name} ${ruleText(rule, family)}`)),
      "COMMIT",
    ];
  });
}
