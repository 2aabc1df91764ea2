/** Routes, policy rules, neighbor entries, FDB entries, and IPsec. */
import { formatIp, formatPrefix, type Ip, isLinkLocal, type Prefix, prefixCovers } from "../../addressing/ip.ts";
import { sourceOn } from "../../dataplane/fib.ts";
import type { FdbEntry, Netns, Nexthop, PolicyRule, Route } from "../../dataplane/model.ts";
import { policyRuleText, routesOf } from "../../dataplane/print.ts";
import { FLOODED, ruleKey } from "../../dataplane/real/netns.ts";
import { destination, policyText, routeText, stateText, whyOf } from "../../dataplane/text.ts";
import { type Comparison, paired, placeIn } from "./comparison.ts";
import type { Difference } from "./difference.ts";

/** Devices with differences, which explain differences of the entries that use them. */
export interface Explained {
  /** Real names of devices whose addresses differ, and derived names of devices that do not exist. */
  readonly addresses: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
}

export function routeDifferences(comparison: Comparison, explained: Explained): readonly Difference[] {
  const { netns, real } = comparison;
  const tables = new Set([...netns.tables.keys(), ...real.tables.keys()]);
  return ([4, 6] as const).flatMap((family) => {
    if (!comparison.machine.outputs.has(family === 4 ? "routes4" : "routes6")) return [];
    return [...tables].flatMap((table) => tableDifferences(comparison, family, table, explained));
  });
}

function tableDifferences(
  comparison: Comparison,
  family: 4 | 6,
  table: string,
  explained: Explained,
): readonly Difference[] {
  const { netns, real, report, nameOf } = comparison;
  const place = placeIn(comparison, family === 4 ? "routes4" : "routes6");
  if (!place) return [];
  const derived = routesOf(netns, family, table).filter(isGlobal);
  const renamed = derived.map((route) => ({
    ...route,
    nexthops: route.nexthops.map((hop) => ({ ...hop, dev: nameOf(hop.dev) })),
  }));
  const key = ({ dst }: Route): string => formatPrefix(dst);
  const { missing, extra, both } = paired(renamed, routesOf(real, family, table).filter(isGlobal), {
    expected: key,
    actual: key,
  });
  const suffix = table === "main" ? "" : ` table ${table}`;
  const found: Difference[] = [];
  for (const route of missing)
    if (!isExplained(route, explained))
      found.push(
        report.missing({
          aspect: "route",
          subject: `${destination(route)}${suffix}`,
          expected: `${textOf(route)}${suffix}`,
          real: place,
          derived: route.origin,
          why: whyOf(route),
        }),
      );
  for (const [expected, actual] of both)
    if (!isExplained(expected, explained) && !isEqual(expected, actual, comparison, explained))
      found.push(
        report.changed({
          aspect: "route",
          subject: `${destination(expected)}${suffix}`,
          expected: `${textOf(expected)}${suffix}`,
          actual: `${textOf(actual)}${suffix}`,
          real: actual.origin ?? place,
          derived: expected.origin,
          why: whyOf(expected),
        }),
      );
  for (const route of extra)
    if (matters(route, derived, comparison, explained))
      found.push(
        report.extra({
          aspect: "route",
          subject: `${destination(route)}${suffix}`,
          actual: `${textOf(route)}${suffix}`,
          real: route.origin ?? place,
          derived: undefined,
        }),
      );
  return found;
}

/** Each device with IPv6 has a route to fe80::/64. */
function isGlobal({ dst }: Route): boolean {
  return !isLinkLocal(dst.ip);
}

function textOf(route: Route): string {
  const single = route.nexthops.length === 1 ? route.nexthops[0] : undefined;
  const first = routeText(route, single);
  if (route.nexthops.length < 2) return first;
  return `${first} ${route.nexthops.map(hopText).join(" ")}`;
}

function hopText({ via, dev, weight }: Nexthop): string {
  return `nexthop${via === undefined ? "" : ` via ${formatIp(via)}`} dev ${dev} weight ${weight ?? 1}`;
}

/** A device that does not exist has no routes, and the kernel creates and deletes connected routes with addresses. */
function isExplained({ nexthops, proto }: Route, { addresses, missing }: Explained): boolean {
  return (
    nexthops.length > 0 && nexthops.every(({ dev }) => missing.has(dev) || (proto === "kernel" && addresses.has(dev)))
  );
}

/** Protocol, scope, metric, and `onlink` do not change where a packet goes; the order of next hops does not either. */
function isEqual(a: Route, b: Route, { netns, real, names }: Comparison, { addresses }: Explained): boolean {
  const hops = ({ nexthops }: Route): string =>
    nexthops
      .map(({ via, dev, weight }) => `${via ?? ""}%${dev}*${nexthops.length > 1 ? (weight ?? 1) : 1}`)
      .sort()
      .join();
  if (a.type !== b.type || hops(a) !== hops(b)) return false;
  if (a.mtu !== undefined && a.mtu !== b.mtu) return false;
  const [hop] = a.nexthops;
  // Without `src`, the kernel can choose an address of any device.
  if (!hop || addresses.has(hop.dev) || (addresses.size > 0 && (a.src ?? b.src) === undefined)) return true;
  const derivedName = names.derived(hop.dev) ?? hop.dev;
  return sourceOf(netns, a, hop, derivedName) === sourceOf(real, b, hop, hop.dev);
}

/** `src`, or the address that the kernel chooses. */
function sourceOf(netns: Netns, { src, dst }: Route, { via }: Nexthop, dev: string): Ip | undefined {
  return src ?? sourceOn(netns, netns.devices.get(dev), via, dst.ip);
}

/** Protocols whose routes a topology does not contain: they come with the addresses of a network. */
const LEARNED: ReadonlySet<string> = new Set(["dhcp", "ra", "redirect"]);

/** Whether an additional route is a difference, not a part of the machine that the topology does not describe. */
function matters(route: Route, derived: readonly Route[], { names }: Comparison, { addresses }: Explained): boolean {
  const { proto, nexthops, dst } = route;
  if (proto !== undefined && LEARNED.has(proto)) return false;
  const isKnown = nexthops.every(({ dev }) => names.derived(dev) !== undefined);
  if (isKnown) return !(proto === "kernel" && nexthops.some(({ dev }) => addresses.has(dev)));
  return derived.some((one) => one.dst.len > 0 && dst.len > 0 && overlaps(one.dst, dst));
}

function overlaps(a: Prefix, b: Prefix): boolean {
  return typeof a.ip === typeof b.ip && (prefixCovers(a, b) || prefixCovers(b, a));
}

/* ------------------------------------------------------------------- rules */

const DEFAULTS: ReadonlySet<string> = new Set(["0 local", "32766 main", "32767 default"]);

export function ruleDifferences(comparison: Comparison): readonly Difference[] {
  const { machine, netns, real, report, nameOf } = comparison;
  const place = placeIn(comparison, "rules4", "rules6");
  if (!place) return [];
  const isOwn = ({ priority, table, from, to, fwmark, iif }: PolicyRule): boolean =>
    !DEFAULTS.has(`${priority} ${table}`) || Boolean(from || to || fwmark || iif);
  const expected = netns.rules
    .filter(isOwn)
    .map((rule) => ({ ...rule, ...(rule.iif === undefined ? {} : { iif: nameOf(rule.iif) }) }));
  const { missing, extra } = paired(expected, real.rules.filter(isOwn), { expected: ruleKey, actual: ruleKey });
  const places = new Map(machine.rules.map(({ rule, origin }) => [ruleKey(rule), origin]));
  const text = (rule: PolicyRule): string => policyRuleText(rule).replace("\t", " ");
  return [
    ...missing.map((rule) =>
      report.missing({ aspect: "rule", subject: text(rule), expected: text(rule), real: place, derived: netns.origin }),
    ),
    ...extra.map((rule) =>
      report.extra({
        aspect: "rule",
        subject: text(rule),
        actual: text(rule),
        real: places.get(ruleKey(rule)) ?? place,
        derived: undefined,
      }),
    ),
    ...machine.rules
      .filter(({ more }) => more !== "")
      .map(({ rule, more, origin }) => {
        const actual = `${text(rule).replace(/ lookup $/, "")} ${more}`;
        return report.extra({ aspect: "rule", subject: actual, actual, real: origin, derived: undefined });
      }),
  ];
}

/* ----------------------------------------------------- neighbors and FDB */

export function neighbourDifferences(comparison: Comparison, { missing: gone }: Explained): readonly Difference[] {
  const { machine, netns, real, names, report, nameOf } = comparison;
  const place = machine.outputs.get("neighbours");
  if (!place) return [];
  const text = (ip: Ip, dev: string, mac: string): string => `${formatIp(ip)} dev ${dev} lladdr ${mac} PERMANENT`;
  const found: Difference[] = [];
  const known = new Set<string>();
  for (const { ip, device, mac, origin } of netns.neighbours.entries()) {
    const dev = nameOf(device);
    if (gone.has(device)) continue;
    known.add(`${dev} ${ip}`);
    const entry = real.neighbours.lookup(dev, ip);
    const subject = `${formatIp(ip)} dev ${dev}`;
    const shown = machine.neighbours.find((one) => one.ip === ip && one.device === dev);
    if (!entry)
      found.push(
        report.missing({ aspect: "neighbour", subject, expected: text(ip, dev, mac), real: place, derived: origin }),
      );
    else if (entry.mac !== mac)
      found.push(
        report.changed({
          aspect: "neighbour",
          subject,
          expected: text(ip, dev, mac),
          actual: text(ip, dev, shown?.mac ?? entry.mac),
          real: entry.origin ?? place,
          derived: origin,
        }),
      );
  }
  for (const { ip, device, mac, origin } of real.neighbours.entries()) {
    if (known.has(`${device} ${ip}`) || !isTunnel(netns, names.derived(device))) continue;
    const subject = `${formatIp(ip)} dev ${device}`;
    found.push(
      report.extra({
        aspect: "neighbour",
        subject,
        actual: text(ip, device, mac),
        real: origin ?? place,
        derived: undefined,
      }),
    );
  }
  return found;
}

function isTunnel({ devices }: Netns, name: string | undefined): boolean {
  return name !== undefined && devices.get(name)?.kind === "vxlan";
}

export function fdbDifferences(comparison: Comparison): readonly Difference[] {
  const { machine, netns, real, report, names } = comparison;
  const place = machine.outputs.get("fdb");
  if (!place) return [];
  return [...netns.devices.values()].flatMap((derived): readonly Difference[] => {
    const name = names.real(derived.name);
    const device = name === undefined ? undefined : real.devices.get(name);
    if (derived.kind !== "vxlan" || device?.kind !== "vxlan" || name === undefined) return [];
    const text = (mac: string, dst: Ip): string => `${mac} dev ${name} dst ${formatIp(dst)} self permanent`;
    // The entries for frames to unknown addresses are a list.
    const key = ({ mac, dst }: FdbEntry): string => (mac === FLOODED ? `${mac} ${formatIp(dst)}` : mac);
    const own = [...device.fdb.entries()].filter(({ learned }) => !learned);
    const { missing, extra, both } = paired(derived.fdb.entries(), own, {
      expected: key,
      actual: key,
    });
    return [
      ...missing.map(({ mac, dst, origin }) =>
        report.missing({
          aspect: "fdb",
          subject: `${formatIp(dst)} dev ${name}`,
          expected: text(mac, dst),
          real: place,
          derived: origin,
        }),
      ),
      ...both.flatMap(([one, other]) =>
        one.dst === other.dst
          ? []
          : report.changed({
              aspect: "fdb",
              subject: `${formatIp(one.dst)} dev ${name}`,
              expected: text(one.mac, one.dst),
              actual: text(other.mac, other.dst),
              real: other.origin ?? place,
              derived: one.origin,
            }),
      ),
      ...extra.map(({ mac, dst, origin }) =>
        report.extra({
          aspect: "fdb",
          subject: `${formatIp(dst)} dev ${name}`,
          actual: text(mac, dst),
          real: origin ?? place,
          derived: undefined,
        }),
      ),
    ];
  });
}

/* ------------------------------------------------------------------- IPsec */

export function ipsecDifferences({ machine, netns, report }: Comparison): readonly Difference[] {
  const found: Difference[] = [];
  const policies = machine.outputs.get("xfrm-policies");
  if (policies) {
    const expected = [...(netns.xfrm?.policies() ?? [])];
    const { missing, extra } = paired(expected, machine.xfrmPolicies, { expected: policyText, actual: policyText });
    for (const one of missing)
      found.push(
        report.missing({
          aspect: "ipsec",
          subject: policyText(one),
          expected: policyText(one),
          real: policies,
          derived: one.origin,
        }),
      );
    for (const one of extra)
      found.push(
        report.extra({
          aspect: "ipsec",
          subject: policyText(one),
          actual: policyText(one),
          real: one.origin,
          derived: undefined,
        }),
      );
  }
  const states = machine.outputs.get("xfrm-states");
  if (states) {
    const key = ({ src, dst }: { readonly src: Ip; readonly dst: Ip }): string => `${src} ${dst}`;
    const { missing } = paired(netns.xfrm?.states() ?? [], machine.xfrmStates, { expected: key, actual: key });
    for (const one of missing) {
      const subject = `${formatIp(one.src)} ${formatIp(one.dst)}`;
      found.push(
        report.missing({ aspect: "ipsec", subject, expected: stateText(one), real: states, derived: one.origin }),
      );
    }
  }
  return found;
}
