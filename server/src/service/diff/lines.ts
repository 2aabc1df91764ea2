/**
 * The listings of a machine, line by line, with names in place of the machine's own values: then machines with the same change
 * have the same text.
 */
import { bits, formatIp, formatPrefix, type Ip, parseIp, parsePrefix } from "../../addressing/ip.ts";
import type { Netns } from "../../dataplane/model.ts";
import { netnsParts } from "../../dataplane/print.ts";
import { ruleSections } from "../../dataplane/rules.ts";
import { memo, valueAt } from "../../memo/memo.ts";
import type { Cluster, Node, Topology } from "../../topology/model.ts";
import { ownerOf } from "../../topology/owners.ts";
import type { Side } from "./side.ts";

/** A line in three forms. */
export interface Line {
  readonly literal: string;
  /** With names in place of the machine's own values. */
  readonly named: string;
  /** Also with names in place of the values of its peers. */
  readonly general: string;
}

/** The lines that one side has and the other does not; each once. */
export interface ChangedLines {
  readonly command: string;
  readonly removed: readonly Line[];
  readonly added: readonly Line[];
  /** Lines of both sides whose order matters, in the order of each side. */
  readonly common: { readonly before: readonly string[]; readonly after: readonly string[] };
}

/** A value of a machine, such as ["eth0 address", "192.168.10.11"]. */
type Own = readonly [name: string, value: string];

export interface Machine {
  readonly side: Side;
  readonly netns: Netns;
  readonly node: Node | undefined;
}

interface Listing {
  readonly command: string;
  readonly kind: "routes" | "rules";
  readonly lines: ReadonlySet<string>;
}

/** Whether a node is a peer of the machine: nodes that have the same change, except for each other's values. */
export type Peers = (node: Node) => boolean;

/** The names are for the lines that differ: a line that both sides have has not changed. */
export function changedLines(
  before: Machine,
  after: Machine,
  { withRules, peers }: { readonly withRules: boolean; readonly peers: Peers },
): readonly ChangedLines[] {
  const [old, current] = [listingsOf(before, withRules), listingsOf(after, withRules)];
  const commands = new Set([...old.keys(), ...current.keys()]);
  const names = namers(before, after);
  return [...commands].flatMap((command) => {
    const [one, other] = [old.get(command), current.get(command)];
    const kind = (one ?? other)?.kind ?? "routes";
    const [gone, come] = [without(one, other), without(other, one)];
    const isOrdered = kind === "rules" && one !== undefined && other !== undefined;
    if (gone.length + come.length === 0 && !isOrdered) return [];
    const removed = linesOf(gone, kind, before, names.before);
    const added = linesOf(come, kind, after, names.after);
    const was = namedOf(removed, added, one, (lines) => linesOf(lines, kind, before, names.before));
    const is = namedOf(added, removed, other, (lines) => linesOf(lines, kind, after, names.after));
    const common = { before: isOrdered ? shared(one, other) : [], after: isOrdered ? shared(other, one) : [] };
    const general = ({ side: { topology } }: Machine, lines: readonly NamedLine[]): readonly Line[] =>
      lines.map((line) => ({ ...line, general: withPeers(topology, line.named, peers) }));
    return [
      {
        command,
        removed: general(
          before,
          removed.filter(({ named }) => !is.has(named)),
        ),
        added: general(
          after,
          added.filter(({ named }) => !was.has(named)),
        ),
        common,
      },
    ];
  });
}

type NamedLine = Omit<Line, "general">;

/** The lines of a side with names. A line of a pod represents many lines, of which some can be unchanged. */
function namedOf(
  own: readonly NamedLine[],
  others: readonly NamedLine[],
  listing: Listing | undefined,
  read: (lines: readonly string[]) => readonly NamedLine[],
): ReadonlySet<string> {
  const isOfPods = others.some(({ named }) => /<pod (?:interface|address|of)|<endpoint>/.test(named));
  return new Set((isOfPods && listing ? read([...listing.lines]) : own).map(({ named }) => named));
}

function without(listing: Listing | undefined, other: Listing | undefined): readonly string[] {
  return [...(listing?.lines ?? [])].filter((line) => !other?.lines.has(line));
}

/** The chains to which files add rules: the order of their lines is the order of the rules in the file. */
const BASE_CHAIN = /^-A (?:INPUT|OUTPUT|FORWARD|PREROUTING|POSTROUTING) /;

function shared({ lines }: Listing, other: Listing): readonly string[] {
  return [...lines].filter((line) => BASE_CHAIN.test(line) && other.lines.has(line));
}

function linesOf(
  lines: readonly string[],
  kind: Listing["kind"],
  { side: { topology } }: Machine,
  nameOf: (line: string) => string,
): readonly NamedLine[] {
  const texts = new Map<string, string>();
  for (const line of lines) {
    const text = nameOf(line).replace(MAC, "<MAC>");
    const isOfPod = kind === "rules" || text.includes(POD_INTERFACE);
    const whole = isOfPod ? withPods(topology, text, kind) : text;
    // One line represents the lines of all pods.
    if (!texts.has(whole)) texts.set(whole, whole === text ? line : whole);
  }
  return [...texts].map(([named, literal]) => ({ named, literal }));
}

/** Files do not state MAC addresses: they follow from the names of machines. */
const MAC = /(?<![\w:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![\w:])/g;

const POD_INTERFACE = "<pod interface>";

/** For each side: replaces the values of the machine. A value that differs is an old or a new one. */
function namers(before: Machine, after: Machine): Readonly<Record<"before" | "after", (line: string) => string>> {
  const [old, current] = [ownValues(before), ownValues(after)];
  const values = new Map(old);
  const differ = new Set(current.flatMap(([name, value]) => (values.get(name) === value ? [] : name)));
  for (const [name] of old) if (!current.some(([other]) => other === name)) differ.add(name);
  const nameOf = (age: string) => (name: string) => (differ.has(name) ? `<${age} ${name}>` : `<${name}>`);
  return { before: namer(before, old, nameOf("old")), after: namer(after, current, nameOf("new")) };
}

function ownValues({ netns, node }: Machine): readonly Own[] {
  const values: Own[] = [];
  for (const { name, addresses, kind } of netns.devices.values()) {
    // `lo` has the same addresses everywhere.
    if (kind === "loopback") continue;
    for (const [index, { ip }] of addresses.entries())
      values.push([`${name} address${index === 0 ? "" : ` ${index + 1}`}`, formatIp(ip)]);
  }
  for (const [index, { prefix }] of (node?.podCidrs ?? []).entries())
    values.push([`pod CIDR${index === 0 ? "" : ` ${index + 1}`}`, formatPrefix(prefix)]);
  return values;
}

/** Replaces the values of the machine, the longest one first. */
function namer(
  { netns, node }: Machine,
  values: readonly Own[],
  nameOf: (name: string) => string,
): (line: string) => string {
  const names = new Map<string, string>();
  for (const { name, kind } of netns.devices.values())
    if (kind === "veth" && node !== undefined) names.set(name, POD_INTERFACE);
  for (const [name, value] of values) if (!names.has(value)) names.set(value, nameOf(name));
  if (names.size === 0) return (line) => line;
  const words = [...names.keys()]
    .sort((a, b) => b.length - a.length)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`(?<![\\w.:])(?:${words.join("|")})(?![\\w:]|\\.\\d)`, "g");
  return (line) =>
    line.replace(pattern, (word, offset: number) => {
      // 10.244.0.0 in 10.244.0.0/16 is not the address of a device.
      const [, length] = /^\/(\d{1,3})/.exec(line.slice(offset + word.length)) ?? [];
      const isPrefix = length !== undefined && parsePrefix(`${word}/${length}`)?.hostBits === false;
      return isPrefix && !/^(?:32|128)$/.test(length) ? word : (names.get(word) ?? word);
    });
}

/** An address of either family; a port can follow. */
const ADDRESS =
  /(?<![A-Za-z0-9.:/])(?:\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w.:]))/g;
/** Names of kube-proxy's chains of an endpoint contain a hash of its address, and their probabilities depend on the number of endpoints. */
const ENDPOINTS = [
  [/KUBE-SEP-[A-Z2-7]{16}/g, "KUBE-SEP-<endpoint>"],
  [/endpoint-[A-Z2-7]{8}-/g, "endpoint-<endpoint>-"],
  [/--probability [\d.]+/g, "--probability <1/n>"],
] as const;

function listingsOf(machine: Machine, withRules: boolean): ReadonlyMap<string, Listing> {
  const { side, netns } = machine;
  const routes = netnsParts(netns, side.network).map(([command, lines]): Listing => {
    return { command, kind: "routes", lines: new Set(whole(lines)) };
  });
  const rules = withRules ? rulesOf(machine) : [];
  return new Map([...routes, ...rules].map((listing) => [listing.command, listing]));
}

function rulesOf({ side: { topology }, netns }: Machine): readonly Listing[] {
  const sets = new Set<string>();
  return ruleSections(netns).map(({ command, lines }) => {
    const texts = lines.map(({ text }) => text);
    const own = /^ip6?tables-save$/.test(command) ? withoutPods(texts, podMatcher(topology, netns)) : texts;
    for (const line of own) for (const [, name = ""] of line.matchAll(/--match-set (\S+)/g)) sets.add(name);
    // The sets follow the rules that refer to them.
    const isSet = command === "ipset save";
    const used = isSet ? own.filter((line) => sets.has(line.split(" ")[1] ?? "")) : own;
    return { command, kind: "rules", lines: new Set(used) };
  });
}

/**
 * The lines without the chains of single pods, such as the chains of policy engines: which pods run on a node is not a property of
 * the node. These are the chains to which only rules for an address or interface of a pod jump.
 */
function withoutPods(lines: readonly string[], isOfPod: (line: string) => boolean): readonly string[] {
  const jumps = new Map<string, Set<string>>();
  const roots: string[] = [];
  const own: { readonly line: string; readonly chain: string | undefined }[] = [];
  let table = "";
  for (const line of lines) {
    if (line.startsWith("*")) table = line;
    const [, declared, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    const [, chain] = /^-A (\S+)/.exec(line) ?? [];
    if (declared !== undefined && policy !== "-") roots.push(`${table} ${declared}`);
    if (chain !== undefined && isOfPod(line)) continue;
    const [, target] = /^-A .* -[jg] (\S+)/.exec(line) ?? [];
    if (chain !== undefined && target !== undefined)
      valueAt(jumps, `${table} ${chain}`, () => new Set<string>()).add(`${table} ${target}`);
    const name = declared ?? chain;
    own.push({ line, chain: name === undefined ? undefined : `${table} ${name}` });
  }
  const reached = new Set(roots);
  for (const chain of reached) for (const target of jumps.get(chain) ?? []) reached.add(target);
  return own.flatMap(({ line, chain }) => (chain === undefined || reached.has(chain) ? line : []));
}

/** Whether a rule matches the address of a pod, or the interface of a pod on the machine. */
function podMatcher({ clusters }: Topology, { kind, devices }: Netns): (line: string) => boolean {
  const interfaces = new Set(
    kind === "node" ? [...devices.values()].flatMap((device) => (device.kind === "veth" ? device.name : [])) : [],
  );
  const isPod = (text: string): boolean => {
    const ip = parseIp(text);
    return ip !== undefined && clusters.some(({ pods }) => pods.podsByAddress(ip).length > 0);
  };
  return (line) => {
    for (const [, address, device] of line.matchAll(
      / -[sd] ([^/ ]+)\/(?:32|128)(?= )| (?:-[io]|--physdev-(?:in|out)) (\S+)/g,
    ))
      if (address === undefined ? interfaces.has(device ?? "") : isPod(address)) return true;
    return false;
  };
}

/** Joins the lines of one entry: a route with several next hops, a peer, a policy. */
function whole(lines: readonly string[]): readonly string[] {
  const entries: string[] = [];
  for (const line of lines) {
    const last = entries.length - 1;
    if (/^\s/.test(line) && last >= 0) entries[last] = `${entries[last]} ${line.trim()}`;
    else if (line !== "") entries.push(line.replace(/ {2,}/g, " "));
  }
  return entries;
}

/** Rules are compared by workload, routes to the node's own pods not at all: replicas are not distinguished. */
function withPods({ clusters }: Topology, line: string, kind: Listing["kind"]): string {
  const text = line.replace(ADDRESS, (address) => {
    const ip = parseIp(address);
    if (ip === undefined) return address;
    for (const { pods } of clusters) {
      const [pod] = pods.podsByAddress(ip);
      if (!pod) continue;
      const { namespace } = pod.workload;
      return kind === "rules" ? `<pod of ${namespace}/${ownerOf(pod.workload).name}>` : "<pod address>";
    }
    return address;
  });
  return ENDPOINTS.reduce((rest, [pattern, name]) => rest.replace(pattern, name), text);
}

/** Replaces the addresses and pod CIDRs of peers. */
function withPeers({ clusters }: Topology, line: string, isPeer: Peers): string {
  return line.replace(WITH_LENGTH, (text, address: string, length: string | undefined) => {
    const ip = parseIp(address);
    if (ip === undefined) return text;
    for (const cluster of clusters) {
      const owner = addressesIn(cluster).get(ip);
      if (owner !== undefined && isPeer(owner)) return "<address of another node>";
      const node = cluster.nodeByPodAddress(ip);
      if (node === undefined || !isPeer(node)) continue;
      if (length === undefined || Number(length) === bits(ip)) return "<address of another node>";
      const isOwn = node.podCidrs.some(({ prefix }) => prefix.ip === ip && prefix.len === Number(length));
      return isOwn ? "<pod CIDR of another node>" : text;
    }
    return text;
  });
}

const WITH_LENGTH = new RegExp(`(${ADDRESS.source})(?:/(\\d{1,3}))?`, "g");

const addressesIn = memo(
  ({ nodes }: Cluster): ReadonlyMap<Ip, Node> =>
    new Map(
      nodes.flatMap((node) =>
        node.interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => [ip, node] as const)),
      ),
    ),
);
