/**
 * `cni macvlan` and `cni ipvlan` as read by containernetworking/plugins, with one range for the whole cluster
 * (whereabouts).
 */
import { addIp, type Ip, type IpRange, lastAddress, type Prefix, prefixRange } from "../../addressing/ip.ts";
import type { IpvlanMode, MacvlanMode } from "../../dataplane/model.ts";
import type { Origin } from "../../declared/origin.ts";
import { addressIn, numberIn, prefixesIn, statement, statements, wordIn } from "../../declared/settings.ts";
import type { SharedRange } from "../../topology/addressing.ts";
import type { CniSettings, Interface, Node } from "../../topology/model.ts";
import { defaultInterface, familyOf } from "../host.ts";
import { settingsOf } from "../settings.ts";

export type StackedSettings = StackedBase &
  (
    | { readonly plugin: "macvlan"; readonly mode: MacvlanMode }
    | { readonly plugin: "ipvlan"; readonly mode: IpvlanMode }
  );

interface StackedBase {
  /** The lower interface; undefined: the interface of the default route. */
  readonly master: string | undefined;
  readonly ranges: readonly SharedRange[];
  readonly gateways: readonly Ip[];
  readonly mtu: number | undefined;
  readonly sources: ReadonlyMap<string, Origin>;
  readonly source: Origin;
}

const MACVLAN: readonly MacvlanMode[] = ["bridge", "private", "vepa", "passthru"];
const IPVLAN: readonly IpvlanMode[] = ["l2", "l3", "l3s"];

export function stackedSettings(
  plugin: "macvlan" | "ipvlan",
  cluster: CniSettings,
  node: CniSettings | undefined,
): StackedSettings {
  const settings = settingsOf(cluster, node);
  const source = node?.plugin === plugin ? node.source : cluster.source;
  const mode = wordIn(statement(settings, "mode"));
  const excluded = statements(settings, "exclude").flatMap(prefixesIn).map(prefixRange);
  const sources = new Map<string, Origin>();
  for (const keyword of ["range", "mode", "master", "mtu", "gateway"]) {
    const found = statement(settings, keyword);
    if (found) sources.set(keyword, found);
  }
  const range = sources.get("range") ?? source;
  const base: StackedBase = {
    master: wordIn(statement(settings, "master")),
    ranges: statements(settings, "range")
      .flatMap(prefixesIn)
      .map((prefix) => ({
        range: usable(prefix),
        exclude: excluded.filter(({ first }) => familyOf(first) === familyOf(prefix.ip)),
        source: range,
      })),
    gateways: statements(settings, "gateway").flatMap((one) => addressIn(one) ?? []),
    mtu: numberIn(statement(settings, "mtu")) || undefined,
    sources,
    source,
  };
  return plugin === "macvlan"
    ? { ...base, plugin, mode: MACVLAN.find((one) => one === mode) ?? "bridge" }
    : { ...base, plugin, mode: IPVLAN.find((one) => one === mode) ?? "l2" };
}

/** whereabouts allocates the addresses between the network and broadcast addresses of its range (pkg/iphelpers). */
function usable(prefix: Prefix): IpRange {
  const last = lastAddress(prefix);
  if (prefix.len >= (typeof prefix.ip === "number" ? 31 : 127)) return { first: prefix.ip, last };
  return { first: addIp(prefix.ip, 1) ?? prefix.ip, last: addIp(last, -1) ?? last };
}

/** Layer-3 modes use the node's own range, allocated by host-local. */
export function isRouted({ mode }: StackedSettings): boolean {
  return mode === "l3" || mode === "l3s";
}

export function masterOf(node: Node, settings: StackedSettings): Interface | undefined {
  if (settings.master !== undefined) return node.interfaces.find(({ device }) => device === settings.master);
  return defaultInterface(node, 4) ?? defaultInterface(node, 6) ?? node.interfaces[0];
}
