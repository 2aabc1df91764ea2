/** What hovers say of a namespace: its devices and routes as the kernel's tools print them, and what a declaration made. */
import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import type { Device, Netns, Route } from "../../dataplane/model.ts";
import { printRoutes, routesOf } from "../../dataplane/print.ts";
import { routeText } from "../../dataplane/text.ts";
import type { Statement } from "../../language/tree.ts";
import { plural } from "../../text/words.ts";
import { bullets, code, codeBlock } from "./markdown.ts";

/** `ip route` and `ip -6 route`, the first lines of each. */
export function routeTable(netns: Netns): string {
  return ([4, 6] as const)
    .map((family) => {
      const lines = printRoutes(netns, family);
      // What the kernel makes of IPv6 by itself says little where nobody uses it.
      if (lines.length === 0 || (family === 6 && !hasIpv6(netns))) return "";
      return codeBlock([`# ip ${family === 6 ? "-6 " : ""}route`, ...lines], 16);
    })
    .filter((text) => text !== "")
    .join("\n\n");
}

const MOST_REASONS = 4;

/** Why the routes are there that neither the kernel nor the host's own configuration made: the reason for each. */
export function routeReasons(netns: Netns): string {
  const made = ([4, 6] as const)
    .flatMap((family) => routesOf(netns, family))
    .filter(({ proto, why, dst }) => proto !== "kernel" && why !== "" && dst.len > 0);
  if (made.length === 0) return "";
  const rest = made.length - MOST_REASONS;
  return `Why:\n\n${bullets([
    ...made.slice(0, MOST_REASONS).map(({ dst, why }) => `${code(formatPrefix(dst))} ${why}`),
    rest > 0 ? `and ${rest.toLocaleString("en")} more` : undefined,
  ])}`;
}

function hasIpv6(netns: Netns): boolean {
  return [...netns.devices.values()].some(
    ({ name, addresses }) => name !== "lo" && addresses.some(({ ip }) => typeof ip === "bigint"),
  );
}

/** The devices in one line each, without the loopback and the pods' ends of veth pairs. */
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
      return `on segment ${code(device.segment)}`;
    case "vxlan":
      return `VXLAN ${device.vni}${device.lower === undefined ? "" : ` over ${device.lower}`}, UDP ${device.port}`;
    case "ipip":
      return "IP in IP";
    case "macvlan":
    case "ipvlan":
      return `${device.kind} ${device.mode} on ${device.parent.device}`;
    case "wireguard":
      return `WireGuard, UDP ${device.port}`;
    case "tun":
      return `TUN of ${device.daemon.process}, UDP ${device.daemon.port}`;
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

/** What of a namespace goes back to one of the statements. */
export function madeBy(netns: Netns, statements: ReadonlySet<Statement>): Made {
  const isOwn = (one: { readonly origin: { readonly statement: Statement } | undefined }): boolean =>
    one.origin !== undefined && statements.has(one.origin.statement);
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
  const why = [...new Set(routes.map((route) => route.why))].slice(0, 2);
  return [
    bullets([
      ...devices.map(({ name, mtu, addresses }) => {
        const own = addresses.map(({ ip, len }) => `${formatIp(ip)}/${len}`).join(" ");
        return `device ${code(name)}${own === "" ? "" : ` with ${own}`}, MTU ${mtu}`;
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

/** What a plugin made of a node: its devices with the routes, neighbours and forwarding entries that use each. */
export function pluginText(netns: Netns): string {
  const routes = ([4, 6] as const).flatMap((family) => routesOf(netns, family));
  const neighbours = new Map<string, number>();
  for (const { device } of netns.neighbours.entries()) neighbours.set(device, (neighbours.get(device) ?? 0) + 1);
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
      const known = neighbours.get(device.name) ?? 0;
      return [
        `${code(device.name)} ${kindText(device)}, MTU ${device.mtu}`,
        own > 0 ? plural(own, "route") : "",
        known > 0 ? plural(known, "permanent neighbour") : "",
        entries > 0 ? `${entries} forwarding ${entries === 1 ? "entry" : "entries"}` : "",
      ]
        .filter((text) => text !== "")
        .join(", ");
    }),
    ...physicalRoutes(netns, remote),
  ]);
}

/** Routes to pods by the nodes' own interfaces: host-gw and its like. */
function physicalRoutes(netns: Netns, remote: readonly Route[]): readonly string[] {
  return [...netns.devices.values()].flatMap((device) => {
    if (device.kind !== "physical") return [];
    const own = remote.filter(({ dst, nexthops }) => dst.len > 0 && nexthops.some(({ dev }) => dev === device.name));
    const example = own[0];
    return example
      ? [`${code(device.name)}: ${plural(own.length, "route")} by other stations, such as ${formatPrefix(example.dst)}`]
      : [];
  });
}
