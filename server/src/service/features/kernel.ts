/** Network namespaces in hovers: devices and routes as the kernel's tools print them, and the state that a declaration creates. */

import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import type { Device, Netns, Route } from "../../dataplane/model.ts";
import { printRoutes, routesOf } from "../../dataplane/print.ts";
import { routeText, whyOf } from "../../dataplane/text.ts";
import type { Handle } from "../../declared/handle.ts";
import type { Origin } from "../../declared/origin.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { bullets, code, codeBlock } from "./markdown.ts";

/** `ip route` and `ip -6 route`, the first lines of each. */
export function routeTable(netns: Netns): string {
  return ([4, 6] as const)
    .map((family) => {
      const lines = printRoutes(netns, family);
      // Without IPv6 addresses, the automatic IPv6 routes of the kernel are irrelevant.
      if (lines.length === 0 || (family === 6 && !hasIpv6(netns))) return "";
      return codeBlock([`# ip ${family === 6 ? "-6 " : ""}route`, ...lines], 16);
    })
    .filter((text) => text !== "")
    .join("\n\n");
}

const MOST_REASONS = 4;

/** The reason for each route that neither the kernel nor the machine's own configuration installs. */
export function routeReasons(netns: Netns): string {
  const made = ([4, 6] as const)
    .flatMap((family) => routesOf(netns, family))
    .filter((route) => route.proto !== "kernel" && whyOf(route) !== "" && route.dst.len > 0);
  if (made.length === 0) return "";
  const rest = made.length - MOST_REASONS;
  return `${t`Reasons:`}\n\n${bullets([
    ...made.slice(0, MOST_REASONS).map((route) => `${code(formatPrefix(route.dst))} ${whyOf(route)}`),
    rest > 0 ? t`and ${number(rest)} more` : undefined,
  ])}`;
}

function hasIpv6(netns: Netns): boolean {
  return [...netns.devices.values()].some(
    ({ name, addresses }) => name !== "lo" && addresses.some(({ ip }) => typeof ip === "bigint"),
  );
}

/** One line per device, without the loopback device and veth devices that are attached to a bridge. */
export function deviceLines(netns: Netns): readonly string[] {
  return [...netns.devices.values()]
    .filter(({ kind, master }) => kind !== "loopback" && !(kind === "veth" && master !== undefined))
    .map((device) => {
      const addresses = device.addresses.map(({ ip, len }) => `${formatIp(ip)}/${len}`).join(" ");
      return `${code(device.name)} ${kindText(device)}${addresses === "" ? "" : ` ${addresses}`}, MTU ${device.mtu}`;
    });
}

function kindText(device: Device): string {
  switch (device.kind) {
    case "physical":
      return t`on segment ${code(device.segment)}`;
    case "vxlan":
      return device.lower === undefined
        ? t`VXLAN ${device.vni}, UDP port ${device.port}`
        : t`VXLAN ${device.vni} over ${device.lower}, UDP port ${device.port}`;
    case "ipip":
      return "IP-in-IP";
    case "macvlan":
    case "ipvlan":
      return t`${device.kind} ${device.mode} on ${device.parent.device}`;
    case "wireguard":
      return t`WireGuard, UDP port ${device.port}`;
    case "tun":
      return t`TUN device of ${device.daemon.process}, UDP port ${device.daemon.port}`;
    case "loopback":
    case "dummy":
    case "veth":
    case "bridge":
      return device.kind;
  }
}

export interface Made {
  readonly devices: readonly Device[];
  readonly routes: readonly Route[];
}

/** The devices and routes of a network namespace that originate from one of the declarations. */
export function madeBy(netns: Netns, handles: ReadonlySet<Handle>): Made {
  const isOwn = (one: { readonly origin: Origin | undefined }): boolean =>
    one.origin !== undefined && handles.has(one.origin.decl.handle);
  const routes = [...netns.tables.keys()].flatMap((table) =>
    ([4, 6] as const).flatMap((family) => routesOf(netns, family, table).filter(isOwn)),
  );
  return { devices: [...netns.devices.values()].filter(isOwn), routes };
}

export function defaultRoutes(netns: Netns, device: string): readonly Route[] {
  return ([4, 6] as const).flatMap((family) =>
    routesOf(netns, family).filter(({ dst, nexthops }) => dst.len === 0 && nexthops.some(({ dev }) => dev === device)),
  );
}

const MOST_ROUTES = 8;

export function madeText(made: Made): string {
  const { devices, routes } = made;
  const lines = routes.slice(0, MOST_ROUTES).map((route) => routeText(route, route.nexthops[0]));
  const why = [...new Set(routes.map(whyOf))].slice(0, 2);
  return [
    bullets([
      ...devices.map(({ name, mtu, addresses }) => {
        const own = addresses.map(({ ip, len }) => `${formatIp(ip)}/${len}`).join(" ");
        return own === "" ? t`device ${code(name)}, MTU ${mtu}` : t`device ${code(name)} with ${own}, MTU ${mtu}`;
      }),
      routes.length === 0
        ? undefined
        : `${plural(routes.length, "route")}${why.length > 0 ? `: ${why.join("; ")}` : ""}`,
    ]),
    lines.length === 0 ? "" : codeBlock(lines, MOST_ROUTES, routes.length),
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

/** The state of a plugin on a node: its devices, and the number of routes, neighbor entries, and FDB entries that use each. */
export function pluginText(netns: Netns): string {
  const routes = ([4, 6] as const).flatMap((family) => routesOf(netns, family));
  const neighbors = new Map<string, number>();
  for (const { device } of netns.neighbours.entries()) neighbors.set(device, (neighbors.get(device) ?? 0) + 1);
  const made = [...netns.devices.values()].filter(
    ({ kind, master }) => kind !== "loopback" && kind !== "physical" && !(kind === "veth" && master !== undefined),
  );
  const remote = routes.filter(
    ({ nexthops, proto }) => proto !== "kernel" && nexthops.some(({ via }) => via !== undefined),
  );
  return bullets([
    ...made.map((device) => {
      const own = routes.filter(({ nexthops }) => nexthops.some(({ dev }) => dev === device.name)).length;
      const entries = device.kind === "vxlan" ? [...device.fdb.entries()].length : 0;
      const known = neighbors.get(device.name) ?? 0;
      return [
        `${code(device.name)} ${kindText(device)}, MTU ${device.mtu}`,
        own > 0 ? plural(own, "route") : "",
        known > 0 ? plural(known, "static neighbor entry", "static neighbor entries") : "",
        entries > 0 ? plural(entries, "FDB entry", "FDB entries") : "",
      ]
        .filter((text) => text !== "")
        .join(", ");
    }),
    ...physicalRoutes(netns, remote),
  ]);
}

/** Routes to pods through the node's own interfaces, for example with host-gw. */
function physicalRoutes(netns: Netns, remote: readonly Route[]): readonly string[] {
  return [...netns.devices.values()].flatMap((device) => {
    if (device.kind !== "physical") return [];
    const own = remote.filter(({ dst, nexthops }) => dst.len > 0 && nexthops.some(({ dev }) => dev === device.name));
    const example = own[0];
    if (!example) return [];
    const routes = plural(own.length, "route");
    return [t`${code(device.name)}: ${routes} via other machines, such as ${formatPrefix(example.dst)}`];
  });
}
