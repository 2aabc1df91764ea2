/** Declarations that several kinds of routers have in common. */
import { formatIp, formatPrefix, nthAddress, type Prefix, parseIp, prefixContains } from "../../addressing/ip.ts";
import type { Draft, Given } from "../../declared/build.ts";
import type { Range, Rule } from "./model.ts";
import { type At, draftAt, whole } from "./resource.ts";
import { ofFamily, type Wired } from "./wiring.ts";

/** The cloud's router has the first address of each subnet (AWS, Azure, Google). */
export function gatewayAddress({ prefix }: Range): string | undefined {
  const ip = nthAddress(prefix, 1);
  return ip === undefined ? undefined : formatIp(ip);
}

export function attach(place: At, segment: string, addresses: readonly string[]): Draft {
  return draftAt(place, { keyword: "attach", args: { segment, ...(addresses.length > 0 ? { addresses } : {}) } });
}

export function attachLink(place: At, { link }: Wired, name: string): readonly Draft[] {
  return link ? [attach(place, link.name, link.addresses(name).map(formatIp))] : [];
}

export type RouteArguments = Readonly<Record<string, Given | readonly Given[] | true>>;

export function route(place: At, destination: string, target: RouteArguments): Draft {
  return draftAt(place, { keyword: "route", args: { destination, ...target } });
}

/** Routes to the subnets of the other routers on the link. */
export function subnetRoutes(
  { routers, link }: Wired,
  except: string,
  written: ReadonlySet<string> = new Set(),
): readonly Draft[] {
  return routers
    .filter(({ name }) => name !== except)
    .flatMap(({ name, subnets }) =>
      subnets.flatMap(({ id, ranges }) =>
        ranges.flatMap(({ prefix }) => {
          const via = ofFamily(link?.addresses(name) ?? [], typeof prefix.ip === "number" ? 4 : 6);
          const text = formatPrefix(prefix);
          return via === undefined || written.has(text) ? [] : [route(whole(id), text, { via: [via] })];
        }),
      ),
    );
}

export function isIn(prefix: Prefix, address: string): boolean {
  const ip = parseIp(address);
  return ip !== undefined && prefixContains(prefix, ip);
}

export function ruleDraft(
  { action, direction, protocol, ports, from, to, at }: Rule,
  chain: string = direction,
): Draft {
  return draftAt(at, {
    keyword: action,
    args: {
      protocol,
      direction: chain,
      ...(ports.length > 0 ? { ports } : {}),
      ...(from.length > 0 ? { from } : {}),
      ...(to.length > 0 ? { to } : {}),
    },
  });
}

/** A route to each prefix once: of two equal ones, the peering can use only one, and the overlap is reported. */
export function distinct(routes: readonly Draft[]): readonly Draft[] {
  const seen = new Set<unknown>();
  return routes.filter(({ args }) => {
    const destination = args?.["destination"];
    return !seen.has(destination) && seen.add(destination);
  });
}
