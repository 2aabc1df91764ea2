/** The rules of security groups, without the state that they compile to. */
import { type Ip, prefixContains } from "../addressing/ip.ts";
import { memo, valueAt } from "../memo/memo.ts";
import type { GroupRule, Interface, NamedPlace, SecurityGroup, Station, Topology } from "../topology/model.ts";
import { stationsOf } from "../topology/stations.ts";

export type Direction = "in" | "out";

/** The declared groups of an interface. */
export function groupsOn({ securityGroups }: Topology, { groups }: Interface): readonly SecurityGroup[] {
  return groups.flatMap((name) => securityGroups.get(name) ?? []);
}

export function rulesIn(groups: readonly SecurityGroup[], direction: Direction): readonly GroupRule[] {
  return groups.flatMap(({ rules }) => rules.filter((rule) => rule.direction === direction));
}

/** Whether a direction is checked at all: without outbound rules, all packets leave. */
export function isChecked(rules: readonly GroupRule[], direction: Direction): boolean {
  return direction === "in" || rules.length > 0;
}

/** The addresses of interfaces, by group. */
export const membersOf = memo((topology: Topology): ReadonlyMap<string, ReadonlySet<Ip>> => {
  const members = new Map<string, Set<Ip>>();
  for (const { interfaces } of stationsOf(topology))
    for (const { groups, addresses } of interfaces)
      for (const name of groups) for (const { ip } of addresses) valueAt(members, name, () => new Set<Ip>()).add(ip);
  return members;
});

interface Connection {
  readonly from: Ip;
  readonly to: Ip;
  readonly port: number;
}

/** The security group that drops TCP connections from or to the machine, without a simulation; undefined: none. */
export function refusingGroup(
  topology: Topology,
  station: Station,
  direction: Direction,
  connection: Connection,
): SecurityGroup | undefined {
  const own = direction === "in" ? connection.to : connection.from;
  const iface = station.interfaces.find(({ addresses }) => addresses.some(({ ip }) => ip === own));
  const groups = iface ? groupsOn(topology, iface) : [];
  const rules = rulesIn(groups, direction);
  if (groups.length === 0 || !isChecked(rules, direction)) return undefined;
  return rules.some((rule) => admits(topology, rule, connection)) ? undefined : groups[0];
}

function admits(topology: Topology, rule: GroupRule, { from, to, port }: Connection): boolean {
  const { proto, ports } = rule;
  if (proto !== undefined && proto !== "tcp") return false;
  if (ports.length > 0 && !ports.some(({ first, last }) => first <= port && port <= last)) return false;
  return isAmong(topology, rule.from, rule.fromGroups, from) && isAmong(topology, rule.to, rule.toGroups, to);
}

function isAmong(topology: Topology, prefixes: GroupRule["from"], groups: readonly NamedPlace[], ip: Ip): boolean {
  if (prefixes.length === 0 && groups.length === 0) return true;
  return (
    prefixes.some((prefix) => prefixContains(prefix, ip)) ||
    groups.some(({ name }) => membersOf(topology).get(name)?.has(ip))
  );
}
