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

type Elements = ReturnType<typeof serviceElements>;

export function nftListing(
  view: NftView,
  fixed: readonly NfChain[],
  chainOf: (name: string) => NfChain | undefined,
  names: readonly string[],
): readonly NftLine[] {
  const { ports, ip, origin } = view;
  const lines: NftLine[] = [];
  const say = (depth: number, text: string, from = origin): void => {
    lines.push({ text: `${"\t".repeat(depth)}${text}`, origin: from });
  };
  const address = ip === "ip" ? "ipv4_addr" : "ipv6_addr";
  const block = (head: string, about: readonly string[], elements: readonly string[]): void => {
    say(1, `${head} {`);
    for (const text of about) say(2, text);
    if (elements.length > 0) say(2, `elements = { ${elements.join(",\n\t\t\t     ")} }`);
    say(1, "}");
    say(0, "");
  };
  const all = ports.all();
  const map = (
    name: string,
    comment: string,
    byAddress: boolean,
    of: (port: (typeof all)[number]) => Elements,
  ): void => {
    const type = `type ${byAddress ? `${address} . ` : ""}inet_proto . inet_service : verdict`;
    block(
      `map ${name}`,
      [type, `comment "${comment}"`],
      all.flatMap((port) => of(port).map(elementText)),
    );
  };

  say(0, `table ${ip} kube-proxy {`);
  say(1, 'comment "rules for kube-proxy"');
  say(0, "");
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
  map("no-endpoint-services", "vmap to drop or reject packets to services with no endpoints", true, (port) =>
    noEndpointElements(view, port),
  );
  map("no-endpoint-nodeports", "vmap to drop or reject packets to service nodeports with no endpoints", false, (port) =>
    noEndpointNodePorts(view, port),
  );
  map("firewall-ips", "destinations that are subject to LoadBalancerSourceRanges", true, (port) =>
    firewallElements(view, port),
  );
  map("service-ips", "ClusterIP, ExternalIP and LoadBalancer IP traffic", true, (port) => serviceElements(view, port));
  map("service-nodeports", "NodePort traffic", false, (port) => nodePortElements(view, port));
  for (const { name, seconds } of affinitySets(view))
    block(`set ${name}`, [`type ${address}`, "size 65535", "flags dynamic,timeout", `timeout ${seconds}s`], []);
  const chains = [...fixed, ...names.map(chainOf).filter((chain) => chain !== undefined)];
  for (const { name, rules } of chains) {
    say(1, `chain ${name} {`);
    if (name === "reject-chain") say(2, 'comment "helper for @no-endpoint-services / @no-endpoint-nodeports"');
    const base = nftBases(view.cluster).find(({ chain }) => chain === name);
    if (base) say(2, `type ${base.type} hook ${base.hook.toLowerCase()} priority ${base.priority}; policy accept;`);
    // A lookup with a random number, or a set of ranges, is one rule here and several in the simulation.
    const shown = rules.filter((rule, i) => rules[i - 1]?.text !== rule.text);
    for (const { text = "", origin: from } of shown) say(2, text, from);
    say(1, "}");
    say(0, "");
  }
  lines.pop();
  say(0, "}");
  return lines;
}
