/**
 * What a kernel must be able to make for a lab, each with the smallest thing by which one finds out. Kernels differ: one
 * without ipip can still hold the rest of the topology.
 */
import type { Ip } from "../addressing/ip.ts";
import type { Device, Netns } from "../dataplane/model.ts";
import { netfilterTexts, type RulesText } from "./netfilter.ts";
import { needsBridgeNetfilter } from "./settings.ts";

/** How to find out, in a namespace that is thrown away. */
export type Trial =
  /** A line for `ip -batch`. */
  | { readonly name: string; readonly kind: "ip"; readonly line: string }
  | ({ readonly name: string; readonly kind: "rules" } & RulesText)
  /** A path below /proc/sys/net that has to be there. */
  | { readonly name: string; readonly kind: "setting"; readonly path: string }
  /** Not to be made by any kernel: labs do not build it. */
  | { readonly name: string; readonly kind: "never" };

/** Names of trials that failed. */
export type Lacks = ReadonlySet<string>;

export function trialsOf(spaces: readonly Netns[]): readonly Trial[] {
  const trials = new Map<string, Trial>();
  const add = (trial: Trial | undefined): void => {
    if (trial && !trials.has(trial.name)) trials.set(trial.name, trial);
  };
  for (const netns of spaces) {
    for (const device of netns.devices.values()) add(deviceTrial(device));
    if (netns.xfrm) add({ name: IPSEC, kind: "never" });
    if (netns.ipvs) add({ name: IPVS, kind: "never" });
    if (needsBridgeNetfilter(netns))
      add({ name: BRIDGE_NETFILTER, kind: "setting", path: "bridge/bridge-nf-call-iptables" });
    for (const text of netfilterTexts(netns)) for (const trial of ruleTrials(text)) add(trial);
  }
  return [...trials.values()];
}

const IPSEC = "ipsec";
const IPVS = "ipvs";
const QUEUE = "nfqueue";
const BRIDGE_NETFILTER = "br_netfilter";

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
      return { name: "wireguard", kind: "never" };
    case "tun":
      return { name: "tun", kind: "ip", line: "tuntap add try0 mode tun" };
  }
}

/** One trial for each program, table, match and target: the first rule that uses it, in a chain that nothing calls. */
function ruleTrials({ program, text }: RulesText): readonly Trial[] {
  // What nft and ipset were given is tried as a whole.
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
    if (rule.includes("-j NFQUEUE")) trials.push({ name: QUEUE, kind: "never" });
    // Sets are not there while this is tried.
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

/** "-m conntrack", "-j MASQUERADE" of a rule. */
function extensions(rule: string): readonly string[] {
  const unquoted = rule.replace(/"(?:[^"\\]|\\.)*"/g, "");
  return [...unquoted.matchAll(/-([mj]) (\S+)/g)].map((found) => `-${found[1]} ${found[2]}`);
}

function isChain(text: string, name: string): boolean {
  return text.includes(`\n:${name} `) || text.includes(`*\n:${name} `);
}

/* --------------------------------------------------------------- what then */

export function lacksDevice(lacks: Lacks, device: Device): boolean {
  const trial = deviceTrial(device);
  return trial !== undefined && lacks.has(trial.name);
}

export function lacksRules(lacks: Lacks, text: RulesText): boolean {
  return lacks.size > 0 && ruleTrials(text).some((trial) => lacks.has(trial.name));
}

/** Why labs do not build something, whatever the kernel. */
const NEVER: Readonly<Record<string, string>> = {
  [IPSEC]: "labs do not build what encrypts packets",
  wireguard: "labs do not build what encrypts packets",
  [IPVS]: "labs do not build its virtual servers",
  [QUEUE]: "labs have no program that gives the verdicts",
};

/** In a sentence's second half, for the name of a trial that failed. */
export function whyLacking(name: string): string {
  return `${name}: ${NEVER[name] ?? "this kernel cannot make it"}`;
}

/** What a namespace lacks: devices by name, and what makes all of it differ from the prediction. */
export interface Incomplete {
  readonly devices: ReadonlyMap<string, string>;
  /** Addresses of those devices. */
  readonly addresses: ReadonlySet<Ip>;
  readonly whole: string | undefined;
}

export function incomplete(netns: Netns, lacks: Lacks): Incomplete {
  const devices = new Map<string, string>();
  const addresses = new Set<Ip>();
  if (lacks.size === 0) return { devices, addresses, whole: undefined };
  for (const device of netns.devices.values()) {
    const trial = deviceTrial(device);
    if (!trial || !lacks.has(trial.name)) continue;
    devices.set(device.name, trial.name);
    for (const { ip } of device.addresses) addresses.add(ip);
  }
  if (needsBridgeNetfilter(netns) && lacks.has(BRIDGE_NETFILTER))
    return { devices, addresses, whole: BRIDGE_NETFILTER };
  const without = [netns.xfrm && IPSEC, netns.ipvs && IPVS].find((name) => name !== undefined && lacks.has(name));
  if (without !== undefined) return { devices, addresses, whole: without };
  const rules = netfilterTexts(netns).flatMap(ruleTrials);
  return { devices, addresses, whole: rules.find((trial) => lacks.has(trial.name))?.name };
}
