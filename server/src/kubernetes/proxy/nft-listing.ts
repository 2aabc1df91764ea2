/** `nft list table ip kube-proxy`: the table of one node as text. */
import { formatIp } from "../../addressing/ip.ts";
import type { NfChain, NftLine } from "../../dataplane/model.ts";
import { affinitySets } from "./nft-services.ts";
import {
  elementText,
  firewallElements,
  hairpinEndpoints,
  hasDirectDnat,
  type NftView,
  nftBases,
  nodePortElements,
  noEndpointElements,
  noEndpointNodePorts,
  serviceElements,
} from "./nft-view.ts";
import { withoutLoopback } from "./node-addresses.ts";

/** `fixed`: the chains that do not depend on services; `names`: the names of the others. */
export function nftListing(
  view: NftView,
  fixed: readonly NfChain[],
  chainOf: (name: string) => NfChain | undefined,
  names: readonly string[],
): readonly NftLine[] {
  const writer = writerOf(view.origin);
  writer.say(0, `table ${view.ip} kube-proxy {`);
  writer.say(1, 'comment "rules for kube-proxy"');
  writer.say(0, "");
  writeSets(writer, view);
  writeMaps(writer, view);
  for (const { name, seconds } of affinitySets(view))
    writer.block(
      `set ${name}`,
      [`type ${addressType(view)}`, "size 65535", "flags dynamic,timeout", `timeout ${seconds}s`],
      [],
    );
  const chains = [...fixed, ...names.map(chainOf).filter((chain) => chain !== undefined)];
  for (const chain of chains) writeChain(writer, view, chain);
  return [...writer.lines.slice(0, -1), { text: "}", origin: view.origin }];
}

interface Writer {
  readonly lines: readonly NftLine[];
  say(depth: number, text: string, from?: NftLine["origin"]): void;
  /** A set or a map, and an empty line. */
  block(head: string, about: readonly string[], elements: readonly string[]): void;
}

function writerOf(origin: NftLine["origin"]): Writer {
  const lines: NftLine[] = [];
  const say: Writer["say"] = (depth, text, from = origin) => {
    lines.push({ text: `${"\t".repeat(depth)}${text}`, origin: from });
  };
  const block: Writer["block"] = (head, about, elements) => {
    say(1, `${head} {`);
    for (const text of about) say(2, text);
    if (elements.length > 0) say(2, `elements = { ${elements.join(",\n\t\t\t     ")} }`);
    say(1, "}");
    say(0, "");
  };
  return { lines, say, block };
}

function addressType({ ip }: NftView): string {
  return ip === "ip" ? "ipv4_addr" : "ipv6_addr";
}

function writeSets({ block }: Writer, view: NftView): void {
  const address = addressType(view);
  const all = view.ports.all();
  const ips = [...new Set(all.map(({ clusterIp }) => formatIp(clusterIp)))];
  block("set cluster-ips", [`type ${address}`, 'comment "Active ClusterIPs"'], ips);
  if (view.nodePortIps !== "all") {
    block(
      "set nodeport-ips",
      [`type ${address}`, 'comment "IPs that accept NodePort traffic"'],
      withoutLoopback(view.nodePortIps).map(formatIp),
    );
  }
  if (hasDirectDnat(view.cluster)) {
    const connections = all.flatMap((port) =>
      hairpinEndpoints(view, port).map(({ ip: own, port: number }) => {
        const text = formatIp(own);
        return `${text} . ${text} . ${port.port.proto} . ${number}`;
      }),
    );
    block(
      "set hairpin-connections",
      [`type ${address} . ${address} . inet_proto . inet_service`, 'comment "service hairpin connections"'],
      [...new Set(connections)],
    );
  }
}

interface VerdictMap {
  readonly name: string;
  readonly comment: string;
  /** Whether the key starts with the destination address. */
  readonly byAddress: boolean;
  readonly elementsOf: typeof serviceElements;
}

const MAPS: readonly VerdictMap[] = [
  {
    name: "no-endpoint-services",
    comment: "vmap to drop or reject packets to services with no endpoints",
    byAddress: true,
    elementsOf: noEndpointElements,
  },
  {
    name: "no-endpoint-nodeports",
    comment: "vmap to drop or reject packets to service nodeports with no endpoints",
    byAddress: false,
    elementsOf: noEndpointNodePorts,
  },
  {
    name: "firewall-ips",
    comment: "destinations that are subject to LoadBalancerSourceRanges",
    byAddress: true,
    elementsOf: firewallElements,
  },
  {
    name: "service-ips",
    comment: "ClusterIP, ExternalIP and LoadBalancer IP traffic",
    byAddress: true,
    elementsOf: serviceElements,
  },
  { name: "service-nodeports", comment: "NodePort traffic", byAddress: false, elementsOf: nodePortElements },
];

function writeMaps({ block }: Writer, view: NftView): void {
  const all = view.ports.all();
  for (const { name, comment, byAddress, elementsOf } of MAPS) {
    const type = `type ${byAddress ? `${addressType(view)} . ` : ""}inet_proto . inet_service : verdict`;
    const elements = all.flatMap((port) => elementsOf(view, port).map(elementText));
    block(`map ${name}`, [type, `comment "${comment}"`], elements);
  }
}

function writeChain({ say }: Writer, view: NftView, { name, rules }: NfChain): void {
  say(1, `chain ${name} {`);
  if (name === "reject-chain") say(2, 'comment "helper for @no-endpoint-services / @no-endpoint-nodeports"');
  const base = nftBases(view.cluster).find(({ chain }) => chain === name);
  if (base) say(2, `type ${base.type} hook ${base.hook.toLowerCase()} priority ${base.priority}; policy accept;`);
  // A lookup with a random number, or a set of ranges, is one rule here and several in the simulation.
  const shown = rules.filter((rule, i) => rules[i - 1]?.text !== rule.text);
  for (const { text = "", origin } of shown) say(2, text, origin);
  say(1, "}");
  say(0, "");
}
