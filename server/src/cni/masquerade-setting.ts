/** Why a plugin leaves the source address of packets from pods to other networks unchanged. */
import { formatPrefix, type Ip, prefixContains } from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import { booleanIn, prefixesIn, statement } from "../declared/settings.ts";
import type { Cluster, Node } from "../topology/model.ts";
import { calicoSettings } from "./calico/settings.ts";
import { pluginOf, settingsOf } from "./settings.ts";

export type MasqueradeSetting =
  /** `keyword value` in the block would masquerade the packets. `pool`: the name of Calico's pool. */
  | {
      readonly kind: "off";
      readonly keyword: string;
      readonly value: string;
      readonly block: Origin;
      readonly source: Origin;
      readonly pool: string | undefined;
    }
  /** The statement excludes the destination. */
  | { readonly kind: "excluded"; readonly keyword: string; readonly range: string; readonly source: Origin };

/** The keyword that enables masquerading, and whether it is on by default. */
const SWITCHES: Readonly<Record<string, { readonly keyword: string; readonly value: string; readonly usual: string }>> =
  {
    bridge: { keyword: "ip-masq", value: "true", usual: "false" },
    docker: { keyword: "ip-masq", value: "true", usual: "true" },
    gke: { keyword: "ip-masq", value: "true", usual: "true" },
    "aws-vpc": { keyword: "external-snat", value: "false", usual: "false" },
  };
/** Plugins with a list of destinations that see the pods' addresses. */
const LISTS: ReadonlyMap<string, string> = new Map([
  ["gke", "non-masquerade"],
  ["azure", "non-masquerade"],
  ["kubenet", "non-masquerade"],
  ["aws-vpc", "exclude-snat"],
]);

/** Undefined if the plugin has no such setting, or if its value does not explain the unchanged source. */
export function masqueradeSetting(
  cluster: Cluster,
  node: Node,
  { src, dst }: { readonly src: Ip; readonly dst: Ip },
): MasqueradeSetting | undefined {
  const plugin = pluginOf(cluster, node);
  if (plugin === "calico") return poolSetting(cluster, src);
  const settings = settingsOf(cluster.cni, node.cni);
  const block = settings[0];
  const toggle = SWITCHES[plugin];
  if (!block) return undefined;
  if (toggle) {
    const { keyword, value, usual } = toggle;
    const found = statement(settings, keyword);
    if (booleanIn(found, usual === "true") !== (value === "true"))
      return { kind: "off", keyword, value, block, source: found ?? block, pool: undefined };
  }
  const keyword = LISTS.get(plugin);
  const list = keyword === undefined ? undefined : statement(settings, keyword);
  const range = list && prefixesIn(list).find((prefix) => prefixContains(prefix, dst));
  return keyword !== undefined && list && range
    ? { kind: "excluded", keyword, range: formatPrefix(range), source: list }
    : undefined;
}

/** `nat-outgoing` of an IPPool is false by default (libcalico-go, IPPoolSpec natOutgoing). */
function poolSetting({ cni, podCidrs }: Cluster, src: Ip): MasqueradeSetting | undefined {
  const pool = calicoSettings(cni, podCidrs).pools.find(({ cidr }) => prefixContains(cidr, src));
  if (!pool || pool.natOutgoing || pool.source.decl.spec?.keyword !== "pool") return undefined;
  const keyword = "nat-outgoing";
  const source = pool.sources.get(keyword) ?? pool.source;
  return { kind: "off", keyword, value: "true", block: pool.source, source, pool: pool.name };
}
