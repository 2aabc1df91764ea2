/**
 * Security groups as iptables rules. A cloud checks packets outside of the machine, before its DNAT and after its SNAT; the nearest
 * hooks on the machine are PREROUTING and POSTROUTING of table mangle. Each interface has a chain per direction, whose rules
 * return, so the remaining rules of table mangle still apply.
 */
import { hostPrefix, type Ip } from "../addressing/ip.ts";
import type { Device, IpSet, SetMatch } from "../dataplane/model.ts";
import type { RuleSpec } from "../dataplane/rule.ts";
import { memo, valueAt } from "../memo/memo.ts";
import { t } from "../text/l10n.ts";
import type { GroupRule, NamedPlace, SecurityGroup, Station } from "../topology/model.ts";
import { stationsOf } from "../topology/stations.ts";
import { conditionsOf } from "./acl.ts";
import { type Direction, groupsOn, isChecked, membersOf, rulesIn } from "./group-rules.ts";
import { hexOf } from "./hash.ts";
import { familyOf } from "./host.ts";
import type { ChainRules } from "./mode.ts";
import type { World } from "./world.ts";

/** `devices`: all devices of the machine; those that a plugin adds on a segment have the groups of the first interface. */
export function groupChains(world: World, station: Station, devices: readonly Device[]): readonly ChainRules[] {
  const { interfaces } = station;
  if (interfaces.every(({ groups }) => groups.length === 0)) return [];
  return devices.flatMap((device) => {
    if (device.kind !== "physical") return [];
    const iface = interfaces.find((one) => one.device === device.name) ?? interfaces[0];
    const groups = iface ? groupsOn(world.topology, iface) : [];
    if (iface === undefined || groups.length === 0) return [];
    return familiesOf(device).flatMap((family) => [
      ...directionChains(world, device.name, groups, family, "in"),
      ...directionChains(world, device.name, groups, family, "out"),
    ]);
  });
}

function familiesOf({ addresses }: Device): readonly (4 | 6)[] {
  return ([4, 6] as const).filter((family) => addresses.some(({ ip }) => familyOf(ip) === family));
}

function directionChains(
  world: World,
  device: string,
  groups: readonly SecurityGroup[],
  family: 4 | 6,
  direction: Direction,
): readonly ChainRules[] {
  const rules = rulesIn(groups, direction);
  const [first] = groups;
  if (!first || !isChecked(rules, direction)) return [];
  const origin = first.source;
  const chain = `SG-${direction.toUpperCase()}-${device}`;
  const at = direction === "in" ? { in: { is: device } } : { out: { is: device } };
  const pass = (match: RuleSpec["match"]): RuleSpec => ({ match, target: { kind: "RETURN" }, origin });
  // Clouds resolve neighbors themselves, without the rules of security groups.
  const discovery =
    family === 4
      ? []
      : (["neighbour-solicitation", "neighbour-advertisement"] as const).map((icmp) => pass({ proto: "icmp", icmp }));
  return [
    {
      family,
      table: "mangle",
      chain: direction === "in" ? "PREROUTING" : "POSTROUTING",
      rules: [{ match: at, target: { kind: "JUMP", chain }, origin }],
    },
    {
      family,
      table: "mangle",
      chain,
      rules: [
        pass({ ctstate: ["ESTABLISHED"] }),
        ...discovery,
        ...rules.flatMap((rule) => compiled(world, rule, family)),
        { match: {}, target: { kind: "DROP" }, origin, explain: () => unmatched(groups, direction) },
      ],
    },
  ];
}

function unmatched(
  groups: readonly SecurityGroup[],
  direction: Direction,
): { note: string; origin: SecurityGroup["source"] } {
  const names = groups.map(({ name }) => `\`${name}\``).join(", ");
  const note =
    direction === "in"
      ? t`no rule of security group ${names} allows it`
      : t`no outbound rule of security group ${names} allows it`;
  return { note, origin: groups[0]!.source };
}

/** One rule per pair of a source and a destination, which are prefixes or groups. */
function compiled(world: World, rule: GroupRule, family: 4 | 6): readonly RuleSpec[] {
  const { fromGroups, toGroups, ...acl } = rule;
  const froms = [...(rule.from.length > 0 || fromGroups.length === 0 ? [undefined] : []), ...fromGroups];
  const tos = [...(rule.to.length > 0 || toGroups.length === 0 ? [undefined] : []), ...toGroups];
  return froms.flatMap((from) =>
    tos.flatMap((to) => {
      const sets = [
        ...(from ? [matchOf(world, from, family, "src")] : []),
        ...(to ? [matchOf(world, to, family, "dst")] : []),
      ];
      const plain = { ...acl, from: from ? [] : rule.from, to: to ? [] : rule.to };
      return conditionsOf(plain, family).map(
        (match): RuleSpec => ({
          match: sets.length === 0 ? match : { ...match, sets },
          target: { kind: "RETURN" },
          origin: rule.source,
        }),
      );
    }),
  );
}

function matchOf(world: World, { name }: NamedPlace, family: 4 | 6, side: "src" | "dst"): SetMatch {
  return { set: memberSet(world)(name, family), side };
}

/** The addresses of the interfaces with a group, and those that the cloud delivers to these interfaces (pods). */
const memberSet = memo((world: World) => {
  const sets = new Map<string, IpSet>();
  return (name: string, family: 4 | 6): IpSet =>
    valueAt(sets, `${family} ${name}`, () => {
      const { topology, fabric } = world;
      const segments = [...topology.segments.keys()];
      const stations = new Set(
        stationsOf(topology)
          .filter((one) => isMember(one, name))
          .map(({ path }) => path),
      );
      const own = membersOf(topology).get(name) ?? new Set<Ip>();
      return {
        name: setName(name, family),
        type: "hash:ip",
        family,
        contains: (ip) =>
          familyOf(ip) === family &&
          (own.has(ip) ||
            segments.some((segment) => [...fabric.ends(segment, ip)].some(({ netns }) => stations.has(netns)))),
        members: () => {
          const pods = topology.clusters.flatMap(({ nodes, pods: all }) =>
            nodes
              .filter(({ path }) => stations.has(path))
              .flatMap((node) => [...all.podsOn(node)].flatMap(({ addresses }) => addresses)),
          );
          const delivered = pods.filter((ip) => segments.some((one) => [...fabric.ends(one, ip)].length > 0));
          const all = new Set([...own, ...delivered]);
          return [...all].filter((ip) => familyOf(ip) === family).map(hostPrefix);
        },
      };
    });
});

function isMember({ interfaces }: Station, name: string): boolean {
  return interfaces.some(({ groups }) => groups.includes(name));
}

/** At most 31 characters (IPSET_MAXNAMELEN). */
function setName(name: string, family: 4 | 6): string {
  const plain = `SG${family}-${name}`;
  return plain.length <= 31 && /^[\w.-]+$/.test(plain) ? plain : `SG${family}-${hexOf(name, 16)}`;
}
