/** Routes, policy rules, neighbor entries, and FDB entries as lines for `ip -batch` and `bridge -batch`. */
import { formatIp, type Prefix } from "../addressing/ip.ts";
import type { Device, Netns, Nexthop, PolicyRule, Route } from "../dataplane/model.ts";
import { markText } from "../dataplane/text.ts";

type Has = (device: string) => boolean;

/** Routes except the connected routes of table main, which are created with the addresses. Routes via a gateway are last, because the kernel requires an on-link gateway. */
export function routeLines(netns: Netns, has: Has): readonly string[] {
  const direct: string[] = [];
  const indirect: string[] = [];
  const given = new Set<string>();
  for (const [table, { layers }] of netns.tables) {
    for (const layer of layers) {
      for (const [, route] of layer.table.entries()) {
        if ((table === "main" && route.proto === "kernel") || layer.except?.(route)) continue;
        if (!route.nexthops.every((hop) => has(hop.dev))) continue;
        // The first of two routes to the same destination applies; the kernel rejects the second.
        const key = `${table} ${prefix(route.dst)} ${route.metric ?? 0}`;
        if (given.has(key)) continue;
        const line = `route add ${routeWords(route)}${table === "main" ? "" : ` table ${tableNumber(table)}`}`;
        given.add(key);
        (route.nexthops.some((hop) => hop.via !== undefined) ? indirect : direct).push(line);
      }
    }
  }
  return [...direct, ...indirect];
}

function routeWords(route: Route): string {
  const v6 = typeof route.dst.ip === "bigint";
  const words: string[] = [];
  if (route.type !== "unicast") words.push(route.type);
  words.push(prefix(route.dst));
  if (route.nexthops.length === 1) words.push(...route.nexthops.map(nexthop));
  if (route.proto !== undefined) words.push("proto", route.proto);
  if (route.src !== undefined) words.push("src", formatIp(route.src));
  if (route.scope !== undefined && !v6) words.push("scope", route.scope);
  if (route.metric !== undefined) words.push("metric", String(route.metric));
  if (route.mtu !== undefined) words.push("mtu", String(route.mtu));
  if (route.nexthops.length > 1)
    for (const hop of route.nexthops) words.push("nexthop", nexthop(hop), "weight", String(hop.weight ?? 1));
  return words.join(" ");
}

function nexthop({ via, dev, onlink }: Nexthop): string {
  return `${via === undefined ? "" : `via ${formatIp(via)} `}dev ${dev}${onlink ? " onlink" : ""}`;
}

function prefix({ ip, len }: Prefix): string {
  return `${formatIp(ip)}/${len}`;
}

/** Rules except the kernel's three default rules; a rule without addresses applies to both families. */
export function ruleLines(netns: Netns, family: 4 | 6): readonly string[] {
  return netns.rules
    .filter((rule) => rule.priority > 0 && rule.priority < 32766)
    .filter((rule) =>
      [rule.from, rule.to].every((one) => one === undefined || (typeof one.ip === "number") === (family === 4)),
    )
    .map(ruleLine);
}

function ruleLine(rule: PolicyRule): string {
  const words = ["priority", String(rule.priority)];
  if (rule.from) words.push("from", prefix(rule.from));
  if (rule.to) words.push("to", prefix(rule.to));
  if (rule.fwmark) words.push("fwmark", markText(rule.fwmark, 0xffffffff));
  if (rule.iif !== undefined) words.push("iif", rule.iif);
  return `rule add ${words.join(" ")} table ${tableNumber(rule.table)}`;
}

/** Named tables are not in /etc/iproute2/rt_tables, so the number is a hash of the name (djb2) above the reserved numbers. */
function tableNumber(table: string): string {
  if (/^\d+$/.test(table) || ["main", "local", "default"].includes(table)) return table;
  let hash = 5381;
  for (const letter of table) hash = (hash * 33 + letter.charCodeAt(0)) % 1_000_000_007;
  return String(1000 + hash);
}

export function neighbourLines(netns: Netns, has: Has): readonly string[] {
  return [...netns.neighbours.entries()]
    .filter(({ device }) => has(device))
    .map(({ ip, mac, device }) => `neigh replace ${formatIp(ip)} lladdr ${mac} dev ${device} nud permanent`);
}

export function forwardingLines(devices: readonly Device[]): readonly string[] {
  return devices.flatMap((device) =>
    device.kind !== "vxlan"
      ? []
      : [...device.fdb.entries()].map(
          ({ mac, dst, learned }) =>
            `fdb append ${mac} dev ${device.name} dst ${formatIp(dst)} self ${learned ? "dynamic" : "permanent"}`,
        ),
  );
}
