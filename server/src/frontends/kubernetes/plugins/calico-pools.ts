/** Calico's pools: IPPools, the operator's Installation, or the variables that calico-node creates a pool from. */

import { type Prefix, prefixEquals } from "../../../addressing/ip.ts";
import type { Draft } from "../../../declared/build.ts";
import { at, listAt, type Path, textAt } from "../../../text/json.ts";
import { t } from "../../../text/l10n.ts";
import { entryOf } from "../../../text/table.ts";
import {
  type Evidence,
  flagOf,
  mapped,
  prefixesIn,
  rangesIn,
  resources,
  setting,
  textOf,
  unless,
} from "../evidence.ts";
import { disagree, note, type Reading } from "../inference.ts";
import { drafted, type KubeObject, podCidrTexts } from "../object.ts";
import { hasVariable, variable } from "../programs.ts";
import { labelsFor } from "./calico-labels.ts";
import { type CalicoSources, hostLocal } from "./calico-sources.ts";

export interface CalicoPools {
  readonly drafts: readonly Draft[];
  readonly ranges: readonly Evidence<Prefix>[];
  readonly hasVxlan: boolean;
  readonly hasIpip: boolean;
  /** The block size of the pool with the address; undefined: outside of all pools. */
  readonly blockSizes: readonly { readonly cidr: Prefix; readonly size: number }[];
  /** Nodes have one block each: their podCIDR. */
  readonly byPodCidr: boolean;
}

/** The values of a pool. */
interface Pool {
  readonly name: string;
  readonly cidr: Evidence<string>;
  readonly ipip: Evidence<string> | undefined;
  readonly vxlan: Evidence<string> | undefined;
  readonly natOutgoing: Evidence<boolean> | undefined;
  readonly blockSize: Evidence<string> | undefined;
  readonly more: readonly Draft[];
  readonly namePath: Path | undefined;
}

/** Of IPPools and, in any case, of calico-node's variables; all others are "never". */
const MODES: Readonly<Record<string, string>> = {
  always: "always",
  crosssubnet: "cross-subnet",
  "cross-subnet": "cross-subnet",
};

/** Of the operator's type; IPIP is its default. */
const ENCAPSULATIONS: Readonly<Record<string, readonly ["ipip" | "vxlan", string]>> = {
  IPIP: ["ipip", "always"],
  IPIPCrossSubnet: ["ipip", "cross-subnet"],
  VXLAN: ["vxlan", "always"],
  VXLANCrossSubnet: ["vxlan", "cross-subnet"],
};

export function calicoPools(sources: CalicoSources): CalicoPools {
  const { reading, installation } = sources;
  const objects = resources(reading.dump, "IPPool", "projectcalico.org").filter(isForWorkloads);
  const local = hostLocal(reading);
  const fromVariables = variablePools(sources);
  const stated =
    objects.length > 0
      ? objects.map((object) => poolOf(reading, object))
      : installation
        ? operatorPools(reading, installation)
        : fromVariables;
  const pools = local ? podCidrPools(reading, stated, local) : stated;
  if (objects.length > 0) unusedVariables(reading, pools, fromVariables);
  return {
    drafts: pools.map((pool) => draftOf(pool)),
    ranges: pools.flatMap(({ cidr }) => rangesIn(cidr)),
    hasIpip: pools.some(({ ipip }) => ipip !== undefined),
    hasVxlan: pools.some(({ vxlan }) => vxlan !== undefined),
    blockSizes: pools.flatMap(({ cidr, blockSize }) =>
      prefixesIn(cidr.value).map((prefix) => ({
        cidr: prefix,
        size: Number(blockSize?.value ?? (typeof prefix.ip === "number" ? 26 : 122)),
      })),
    ),
    byPodCidr: local !== undefined,
  };
}

/** With host-local, the block of a node is its podCIDR: the pools have its length. */
function podCidrPools({ dump }: Reading, pools: readonly Pool[], local: Evidence<unknown>): readonly Pool[] {
  const lengths = dump.nodes.flatMap((node) =>
    podCidrTexts(node).flatMap(({ text, path }) => prefixesIn(text).map(({ ip, len }) => ({ ip, len, node, path }))),
  );
  const sized = (pool: Pool): Pool => {
    const kind = typeof prefixesIn(pool.cidr.value)[0]?.ip;
    const found = lengths.find(({ ip }) => kind === "undefined" || typeof ip === kind);
    return found ? { ...pool, blockSize: { value: String(found.len), object: found.node, path: found.path } } : pool;
  };
  if (pools.length > 0) return pools.map(sized);
  const cidr = { object: local.object, path: local.path, value: "" };
  const none = { ipip: undefined, vxlan: undefined, natOutgoing: undefined, blockSize: undefined };
  return [sized({ name: "default-ipv4-ippool", namePath: undefined, cidr, ...none, more: [] })];
}

function isForWorkloads({ value }: KubeObject): boolean {
  const uses = listAt(value, "spec", "allowedUses");
  return uses.length === 0 || uses.includes("Workload");
}

function poolOf(reading: Reading, object: KubeObject): Pool {
  const mode = (field: string): Evidence<string> | undefined =>
    mapped(textOf(object, "spec", field), (value) => entryOf(MODES, value.toLowerCase()));
  return {
    name: object.name,
    namePath: ["metadata", "name"],
    cidr: textOf(object, "spec", "cidr") ?? { value: "", object, path: ["spec"] },
    ipip: mode("ipipMode"),
    vxlan: mode("vxlanMode"),
    natOutgoing: flagOf(object, "spec", "natOutgoing"),
    blockSize: textOf(object, "spec", "blockSize"),
    more: [
      ...selectorDrafts(reading, textOf(object, "spec", "nodeSelector")),
      ...setting("disabled", unless(flagOf(object, "spec", "disabled"), false)),
      ...setting("disable-bgp-export", unless(flagOf(object, "spec", "disableBGPExport"), false)),
    ],
  };
}

function selectorDrafts(reading: Reading, selector: Evidence<string> | undefined): readonly Draft[] {
  const text = selector?.value.trim() ?? "";
  if (!selector || text === "" || text === "all()") return [];
  const labels = labelsFor(text, reading.dump.nodes);
  if (labels) {
    const draft = { keyword: "node-selector", args: { labels: [...labels] } };
    return [drafted(selector.object, selector.path, draft, { labels: selector.path })];
  }
  note(reading, selector, t`node selector \`${text}\` cannot be expressed as labels: the pool is used by all nodes`);
  return [];
}

/**
 * The pools that calico-node creates at its first start (node/pkg/lifecycle/startup). Without CALICO_IPV4POOL_CIDR, the
 * IPv4 pool is kubeadm's podSubnet, or 192.168.0.0/16; an IPv6 pool needs a range.
 */
function variablePools({ reading, program }: CalicoSources): readonly Pool[] {
  if (!program) return [];
  const found = (name: string): Evidence<string> | undefined => variable(reading.dump, program, name);
  const mode = (name: string): Evidence<string> | undefined =>
    mapped(found(name), (value) => entryOf(MODES, value.toLowerCase()));
  if (found("NO_DEFAULT_POOLS")?.value.toLowerCase() === "true") return [];
  const place = { object: program.object, path: program.spec, value: "" };
  return (["4", "6"] as const).flatMap((of) => {
    const modes = {
      ipip: of === "4" ? mode("CALICO_IPV4POOL_IPIP") : undefined,
      vxlan: mode(`CALICO_IPV${of}POOL_VXLAN`),
    };
    const isShown = hasVariable(program, "CALICO_IPV4POOL_IPIP") || hasVariable(program, "CALICO_IPV4POOL_VXLAN");
    const cidr = found(`CALICO_IPV${of}POOL_CIDR`) ?? (of === "4" && isShown ? place : undefined);
    if (!cidr) return [];
    const stated = found(`CALICO_IPV${of}POOL_NAT_OUTGOING`);
    // NAT by default for IPv4 only.
    const natOutgoing = stated ? { ...stated, value: stated.value !== "false" } : { ...cidr, value: of === "4" };
    const blockSize = found(`CALICO_IPV${of}POOL_BLOCK_SIZE`);
    return [{ name: `default-ipv${of}-ippool`, namePath: undefined, cidr, ...modes, natOutgoing, blockSize, more: [] }];
  });
}

/** The variables act only when calico-node starts without any pool. */
function unusedVariables(reading: Reading, pools: readonly Pool[], stated: readonly Pool[]): void {
  for (const { cidr } of stated) {
    const [prefix] = prefixesIn(cidr.value);
    const own = pools.filter((pool) => typeof prefixesIn(pool.cidr.value)[0]?.ip === typeof prefix?.ip);
    const first = own[0];
    if (!prefix || !first) continue;
    if (own.some((pool) => prefixesIn(pool.cidr.value).some((one) => prefixEquals(one, prefix)))) continue;
    disagree(reading, t`pod CIDR`, cidr, first.cidr);
  }
}

function operatorPools(reading: Reading, object: KubeObject): readonly Pool[] {
  const computed: Path = ["status", "computed", "calicoNetwork", "ipPools"];
  const spec: Path = ["spec", "calicoNetwork", "ipPools"];
  const base = listAt(object.value, ...spec).length > 0 ? spec : computed;
  return listAt(object.value, ...base).map((pool, index) => {
    const path = [...base, index];
    const field = (name: string): Evidence<string> | undefined => textOf(object, ...path, name);
    const stated = field("encapsulation") ?? { value: "IPIP", object, path };
    const way = entryOf(ENCAPSULATIONS, stated.value);
    const of = (kind: "ipip" | "vxlan"): Evidence<string> | undefined =>
      way?.[0] === kind ? { ...stated, value: way[1] } : undefined;
    const isIpv6 = (textAt(pool, "cidr") ?? "").includes(":");
    const nat = field("natOutgoing") ?? { value: "Enabled", object, path };
    return {
      name: textAt(pool, "name") ?? `default-ipv${isIpv6 ? 6 : 4}-ippool`,
      namePath: [...path, "name"],
      cidr: field("cidr") ?? { value: "", object, path },
      ipip: isIpv6 ? undefined : of("ipip"),
      vxlan: of("vxlan"),
      natOutgoing: { ...nat, value: nat.value !== "Disabled" },
      blockSize: field("blockSize"),
      more: [
        ...selectorDrafts(reading, field("nodeSelector")),
        ...(at(pool, "disableBGPExport") === true
          ? setting("disable-bgp-export", { value: true, object, path: [...path, "disableBGPExport"] })
          : []),
      ],
    };
  });
}

function draftOf({ name, cidr, ipip, vxlan, natOutgoing, blockSize, more, namePath }: Pool): Draft {
  const isUsual = blockSize?.value === (cidr.value.includes(":") ? "122" : "26");
  return drafted(
    cidr.object,
    cidr.path,
    {
      keyword: "pool",
      args: { name, ...(cidr.value === "" ? {} : { cidr: cidr.value }) },
      children: [
        ...setting("ipip", ipip),
        ...setting("vxlan", vxlan),
        ...setting("block-size", blockSize && !isUsual ? { ...blockSize, value: `/${blockSize.value}` } : undefined),
        ...setting("nat-outgoing", natOutgoing?.value === true ? natOutgoing : undefined),
        ...more,
      ],
    },
    { name: namePath, cidr: cidr.path },
  );
}
