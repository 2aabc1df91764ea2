/**
 * Kernel features that a lab requires, each with a minimal trial. Kernels differ: a kernel without ipip can still build the
 * rest of the topology.
 */
import type { Ip } from "../addressing/ip.ts";
import type { Device, Netns } from "../dataplane/model.ts";
import { t } from "../text/l10n.ts";
import { fixedKey } from "./encryption.ts";
import { netfilterTexts, type RulesText } from "./netfilter.ts";
import { needsBridgeNetfilter } from "./settings.ts";

/** How to test a feature, in a temporary network namespace. */
export type Trial =
  /** A line for `ip -batch`. */
  | { readonly name: string; readonly kind: "ip"; readonly line: string }
  | ({ readonly name: string; readonly kind: "rules" } & RulesText)
  /** A path below /proc/sys/net that must exist. */
  | { readonly name: string; readonly kind: "setting"; readonly path: string }
  /** The first kernel version that forwards as predicted; older kernels build the same state. */
  | { readonly name: string; readonly kind: "version"; readonly least: string };

/** Names of trials that failed. */
export type Lacks = ReadonlySet<string>;

/** `filters`: of the segments. */
export function trialsOf(spaces: readonly Netns[], filters: readonly RulesText[] = []): readonly Trial[] {
  const trials = new Map<string, Trial>();
  const add = (trial: Trial | undefined): void => {
    if (trial && !trials.has(trial.name)) trials.set(trial.name, trial);
  };
  for (const netns of spaces) {
    for (const device of netns.devices.values()) add(deviceTrial(device));
    if (netns.xfrm) add({ name: IPSEC, kind: "ip", line: XFRM_TRIAL });
    if (netns.sockets.some(({ proto }) => proto === "sctp")) add({ name: SCTP, kind: "setting", path: "sctp" });
    if (needsBridgeNetfilter(netns))
      add({ name: BRIDGE_NETFILTER, kind: "setting", path: "bridge/bridge-nf-call-iptables" });
    if (hasMultipath(netns)) add({ name: SOURCE_HOP, kind: "version", least: "6.16" });
    for (const text of netfilterTexts(netns)) for (const trial of ruleTrials(text)) add(trial);
  }
  if (filters.length > 0) add({ name: BRIDGE_NETFILTER, kind: "setting", path: "bridge/bridge-nf-call-iptables" });
  for (const text of filters) for (const trial of ruleTrials(text)) add(trial);
  return [...trials.values()];
}

export const IPSEC = "ipsec";
const XFRM_TRIAL = `xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x100 mode tunnel aead rfc4106(gcm(aes)) 0x${fixedKey(20)} 128`;
export const SCTP = "sctp";
export const BRIDGE_NETFILTER = "br_netfilter";
/**
 * connect() looks the route up again with the source address that the first lookup selected (ip_route_connect, include/net/route.h),
 * which can hash to another next hop of a multipath route. fib_select_multipath prefers the next hop with that source address since
 * Linux 6.16 (commit 32607a332cfe). IPv6 has a single lookup.
 */
export const SOURCE_HOP = "multipath by source address";

function hasMultipath({ tables }: Netns): boolean {
  for (const { layers } of tables.values()) {
    for (const { table } of layers) {
      for (const [, { dst, nexthops }] of table.entries())
        if (typeof dst.ip === "number" && nexthops.length > 1) return true;
    }
  }
  return false;
}

function deviceTrial({ kind }: Device): Trial | undefined {
  switch (kind) {
    case "loopback":
      return undefined;
    case "physical":
    case "veth":
      return { name: "veth", kind: "ip", line: "link add try0 type veth peer name try1" };
    case "bridge":
      return { name: "bridge", kind: "ip", line: "link add try0 type bridge" };
    case "macvlan":
    case "ipvlan":
      return {
        name: kind,
        kind: "ip",
        line: `link add try0 type veth peer name try2\nlink add link try0 name try1 type ${kind}`,
      };
    case "dummy":
      return { name: "dummy", kind: "ip", line: "link add try0 type dummy" };
    case "vxlan":
      return { name: "vxlan", kind: "ip", line: "link add try0 type vxlan id 1 dstport 4789" };
    case "ipip":
      return { name: "ipip", kind: "ip", line: "link add try0 type ipip remote 192.0.2.1" };
    case "wireguard":
      return { name: "wireguard", kind: "ip", line: "link add try0 type wireguard" };
    case "tun":
      return { name: "tun", kind: "ip", line: "tuntap add try0 mode tun" };
  }
}

/** One trial per program, table, match, and target: the first rule that uses it, in an unreferenced chain. */
function ruleTrials({ program, text }: RulesText): readonly Trial[] {
  // The input of nft and ipset is tried as a whole.
  // Without routes, a network namespace rejects every real server; a virtual server is enough.
  if (program === "ipvsadm") return [{ name: program, kind: "rules", program, text: text.split("\n")[0] ?? "" }];
  if (program === "nft" || program === "ipset") return [{ name: program, kind: "rules", program, text }];
  const trials: Trial[] = [];
  let table = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) {
      table = line.slice(1);
      trials.push({ name: `${program} ${table}`, kind: "rules", program, text: `*${table}\nCOMMIT` });
    }
    const rule = /^-A \S+ (.*)$/.exec(line)?.[1];
    if (rule === undefined) continue;
    // Sets do not exist during the trial.
    if (rule.includes("--match-set")) continue;
    for (const used of extensions(rule)) {
      const jump = /-[jg] (\S+)/.exec(rule)?.[1] ?? "";
      const own = isChain(text, jump) ? [`:${jump} - [0:0]`] : [];
      if (used === `-j ${jump}` && own.length > 0) continue;
      const lines = [`*${table}`, ":KNET-TRY - [0:0]", ...own, `-A KNET-TRY ${rule}`, "COMMIT"];
      trials.push({ name: `${program} ${used}`, kind: "rules", program, text: lines.join("\n") });
    }
  }
  return trials;
}

/** Matches and targets of a rule: "-m conntrack", "-j MASQUERADE". */
function extensions(rule: string): readonly string[] {
  const unquoted = rule.replace(/"(?:[^"\\]|\\.)*"/g, "");
  return [...unquoted.matchAll(/-([mj]) (\S+)/g)].map((found) => `-${found[1]} ${found[2]}`);
}

function isChain(text: string, name: string): boolean {
  return text.includes(`\n:${name} `) || text.includes(`*\n:${name} `);
}

/* --------------------------------------------------------------- missing features */

export function lacksDevice(lacks: Lacks, device: Device): boolean {
  const trial = deviceTrial(device);
  return trial !== undefined && lacks.has(trial.name);
}

export function lacksRules(lacks: Lacks, text: RulesText): boolean {
  return lacks.size > 0 && ruleTrials(text).some((trial) => lacks.has(trial.name));
}

/** Programs on devices and on connect(): a lab does not load them, with any kernel. */
const PROGRAMS = "programs";

/** The reason for a failed trial, as a clause. */
export function whyLacking(name: string): string {
  if (name === PROGRAMS) return t`a lab does not load programs on devices`;
  return t`${name}: not supported by this kernel`;
}

/** Missing parts of a network namespace: devices by name, and the feature that invalidates predictions for the whole namespace. */
export interface Incomplete {
  readonly devices: ReadonlyMap<string, string>;
  /** Addresses of the missing devices. */
  readonly addresses: ReadonlySet<Ip>;
  readonly whole: string | undefined;
}

export function incomplete(netns: Netns, lacks: Lacks): Incomplete {
  const devices = new Map<string, string>();
  const addresses = new Set<Ip>();
  if (netns.connect || [...netns.devices.values()].some(({ tc }) => tc !== undefined))
    return { devices, addresses, whole: PROGRAMS };
  if (lacks.size === 0) return { devices, addresses, whole: undefined };
  for (const device of netns.devices.values()) {
    const trial = deviceTrial(device);
    if (!trial || !lacks.has(trial.name)) continue;
    devices.set(device.name, trial.name);
    for (const { ip } of device.addresses) addresses.add(ip);
  }
  if (needsBridgeNetfilter(netns) && lacks.has(BRIDGE_NETFILTER))
    return { devices, addresses, whole: BRIDGE_NETFILTER };
  if (netns.xfrm && lacks.has(IPSEC)) return { devices, addresses, whole: IPSEC };
  const rules = netfilterTexts(netns).flatMap(ruleTrials);
  return { devices, addresses, whole: rules.find((trial) => lacks.has(trial.name))?.name };
}
