/** Routes, rules, and devices as lines of text, with the same words for knet's prediction and for the kernel's state. */
import { formatIp, formatPrefix, isLinkLocal } from "../../server/src/addressing/ip.ts";
import type { Device, Netns, NfChain, NfRule, Route } from "../../server/src/dataplane/model.ts";
import { routesOf } from "../../server/src/dataplane/print.ts";
import { ruleText } from "../../server/src/dataplane/text.ts";
import { inSpace } from "./spaces.ts";

export type Lines = readonly string[];
export const FAMILIES = [4, 6] as const;

/* -------------------------------------------------------------------- routes */

/** Routes of table main, without link-local ones. */
export function predictedRoutes(netns: Netns): readonly Route[] {
  return FAMILIES.flatMap((family) => routesOf(netns, family)).filter(({ dst }) => !isLinkLocal(dst.ip));
}

export function routeLine({ dst, type, nexthops, src, scope, metric, mtu }: Route): string {
  const hops = nexthops.map(({ via, dev, onlink }) =>
    [...(via === undefined ? [] : ["via", formatIp(via)]), "dev", dev, ...(onlink ? ["onlink"] : [])].join(" "),
  );
  return words({
    dst: formatPrefix(dst),
    type,
    hops,
    src: src === undefined ? undefined : formatIp(src),
    scope: scope === "global" ? undefined : scope,
    metric,
    mtu,
  });
}

interface RouteWords {
  readonly dst: string;
  readonly type: string;
  readonly hops: Lines;
  readonly src: string | undefined;
  readonly scope: string | undefined;
  readonly metric: number | undefined;
  readonly mtu: number | undefined;
}

function words({ dst, type, hops, src, scope, metric, mtu }: RouteWords): string {
  return [
    "route",
    ...(type === "unicast" ? [] : [type]),
    dst,
    hops.join(", "),
    ...(src === undefined ? [] : ["src", src]),
    ...(scope === undefined ? [] : ["scope", scope]),
    ...(metric === undefined ? [] : ["metric", String(metric)]),
    ...(mtu === undefined ? [] : ["mtu", String(mtu)]),
  ].join(" ");
}

interface KernelHop {
  readonly gateway?: string;
  readonly dev?: string;
  readonly flags?: Lines;
}
interface KernelRoute extends KernelHop {
  readonly dst: string;
  readonly type?: string;
  readonly nexthops?: readonly KernelHop[];
  readonly prefsrc?: string;
  readonly scope?: string;
  readonly metric?: number;
  readonly metrics?: readonly { readonly mtu?: number }[];
}

/** The same lines for a network namespace of the kernel. */
export function kernelRoutes(name: string): Lines {
  return FAMILIES.flatMap((family) =>
    jsonOf<KernelRoute>(name, ["ip", `-${family}`, "-j", "-d", "route", "show", "table", "main"])
      .filter(({ dst }) => !dst.startsWith("fe80"))
      .map(({ dst, type = "unicast", nexthops, prefsrc, scope, metric, metrics, ...only }) =>
        words({
          dst: withLength(dst, family),
          type,
          hops: (nexthops ?? [only]).map(({ gateway, dev = "", flags }) =>
            [
              ...(gateway === undefined ? [] : ["via", gateway]),
              "dev",
              dev,
              ...(flags?.includes("onlink") ? ["onlink"] : []),
            ].join(" "),
          ),
          src: prefsrc,
          scope: scope === "global" ? undefined : scope,
          metric,
          mtu: metrics?.[0]?.mtu,
        }),
      ),
  );
}

function withLength(dst: string, family: 4 | 6): string {
  if (dst === "default") return family === 4 ? "0.0.0.0/0" : "::/0";
  return dst.includes("/") ? dst : `${dst}/${family === 4 ? 32 : 128}`;
}

export function jsonOf<T>(name: string, argv: Lines): readonly T[] {
  const out = inSpace(name, argv);
  return (out.trim() === "" ? [] : JSON.parse(out)) as readonly T[];
}

/* --------------------------------------------------------------------- links */

export interface Link {
  readonly ifname: string;
  readonly mtu: number;
  readonly address?: string;
  readonly master?: string;
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: Readonly<Record<string, unknown>>;
    readonly info_slave_data?: Readonly<Record<string, unknown>>;
  };
}

export function linksOf(name: string): readonly Link[] {
  return jsonOf<Link>(name, ["ip", "-j", "-d", "addr"]);
}

/** Without link-local addresses: knet shows them only on devices that also have another IPv6 address. */
export function addressLines({ ifname, addr_info }: Link): Lines {
  return addr_info
    .filter(({ local }) => !local.startsWith("fe80"))
    .map(({ local, prefixlen }) => `address ${local}/${prefixlen} dev ${ifname}`);
}

/* ------------------------------------------------------------ pods and devices */

export function predictedPod(netns: Netns): Lines {
  return [
    ...[...netns.devices.values()].filter(({ kind }) => kind !== "loopback").flatMap(predictedDevice),
    ...predictedRoutes(netns).map(routeLine),
  ];
}

export function predictedDevice(device: Device): Lines {
  const { name, mtu } = device;
  const addresses = device.addresses
    .map(({ ip, len }) => `${formatIp(ip)}/${len}`)
    .filter((text) => !text.startsWith("fe80"));
  return [`device ${name} ${kindOf(device)} mtu ${mtu}`, ...addresses.map((text) => `address ${text} dev ${name}`)];
}

function kindOf(device: Device): string {
  switch (device.kind) {
    case "macvlan":
    case "ipvlan":
      return `${device.kind} mode ${device.mode}`;
    case "veth":
      return [
        "veth",
        ...(device.master ? [`master ${device.master}`] : []),
        ...(device.hairpin ? ["hairpin"] : []),
      ].join(" ");
    default:
      return device.kind;
  }
}

export function observedPod(name: string): Lines {
  return [
    ...linksOf(name)
      .filter(({ ifname }) => ifname === "eth0")
      .flatMap((link) => observedDevice(link, link.ifname)),
    ...kernelRoutes(name),
  ];
}

export function observedDevice(link: Link, name: string): Lines {
  return [`device ${name} ${observedKind(link)} mtu ${link.mtu}`, ...addressLines({ ...link, ifname: name })];
}

function observedKind({ linkinfo, master }: Link): string {
  const kind = linkinfo?.info_kind ?? "";
  const mode = linkinfo?.info_data?.["mode"];
  if (kind === "macvlan" || kind === "ipvlan") return `${kind} mode ${mode}`;
  if (kind !== "veth") return kind;
  const hairpin = linkinfo?.info_slave_data?.["hairpin"] === true;
  return ["veth", ...(master ? [`master ${master}`] : []), ...(hairpin ? ["hairpin"] : [])].join(" ");
}

/* --------------------------------------------------------------------- rules */

/** Chain → its rules, in the words of iptables-save without comments. */
export type Chains = ReadonlyMap<string, Lines>;

export function predictedChains(netns: Netns, family: 4 | 6): Chains {
  const chains = new Map<string, Lines>();
  for (const { chain } of netns.netfilter.chains(family)) chains.set(chain.name, chainRules(chain, family));
  return chains;
}

function chainRules({ rules }: NfChain, family: 4 | 6): Lines {
  return rules.map((rule) => ruleWords(rule, family));
}

export function ruleWords(rule: NfRule, family: 4 | 6): string {
  return withoutComment(ruleText(rule, family));
}

export function withoutComment(text: string): string {
  return text
    .replace(/ ?-m comment --comment ("(?:[^"\\]|\\.)*"|\S+)/, "")
    .replaceAll(/-m (mark|tcp|udp|sctp|addrtype|multiport) /g, "")
    .trim();
}

/** With both programs: some use the old interface of the kernel. */
export function kernelChains(name: string, family: 4 | 6): Chains {
  const chains = new Map<string, Lines>();
  const programs =
    family === 4 ? ["iptables-nft-save", "iptables-legacy-save"] : ["ip6tables-nft-save", "ip6tables-legacy-save"];
  for (const program of programs) {
    for (const text of inSpace(name, [program]).split("\n")) {
      const [, chain = "", rule = ""] = /^-A (\S+) (.*)$/.exec(text) ?? [];
      if (chain !== "") chains.set(chain, [...(chains.get(chain) ?? []), withoutComment(rule)]);
    }
  }
  return chains;
}
