/** The chains of services in kube-proxy's nftables table (pkg/proxy/nftables/proxier.go, syncProxyRules). */
import { formatIp, formatPrefix, hostPrefix } from "../../addressing/ip.ts";
import type { NfChain, NfTarget } from "../../dataplane/model.ts";
import { type Conditions, nfChain, type RuleSpec } from "../../dataplane/rule.ts";
import type { ServiceEndpoint } from "../../topology/model.ts";
import { endpointText } from "../../topology/service-endpoints.ts";
import {
  endpointId,
  endpointName,
  firewallElements,
  goTo,
  hasDirectDnat,
  jump,
  matchText,
  type NftView,
  named,
} from "./nft-view.ts";
import { primaryIp } from "./node-addresses.ts";
import { admitsNode, type ProxyPort, type Reach, usesCluster, usesLocal } from "./ports.ts";

/** Names of all chains of services, in order of the services. */
export function chainNames(view: NftView): readonly string[] {
  return view.ports.all().flatMap((port) => {
    const firewall = firewallElements(view, port).length > 0 ? [named(view, "firewall", port)] : [];
    const reach = view.ports.reach(port, view.node);
    if (!reach.hasEndpoints) return firewall;
    return [
      ...(usesCluster(port) ? [named(view, "service", port)] : []),
      ...(usesLocal(port) && reach.local.length > 0 ? [named(view, "local", port)] : []),
      ...(port.external ? [named(view, "external", port)] : []),
      ...firewall,
      ...usedEndpoints(port, reach)
        .filter(() => jumpsToEndpoints(view, port))
        .map((endpoint) => endpointName(view, port, endpoint)),
    ];
  });
}

/** Session affinity is a set per endpoint, for services that use it. */
export function affinitySets(view: NftView): readonly { readonly name: string; readonly seconds: number }[] {
  return view.ports.all().flatMap((port) => {
    const seconds = port.service.affinity;
    if (seconds === undefined) return [];
    return usedEndpoints(port, view.ports.reach(port, view.node)).map((endpoint) => ({
      name: affinitySet(port, endpoint),
      seconds,
    }));
  });
}

export function serviceChain(view: NftView, name: string): NfChain | undefined {
  const found = view.names.get(name);
  if (!found) return undefined;
  const { port, endpoint } = found;
  const reach = view.ports.reach(port, view.node);
  if (endpoint) return nfChain({ name, rules: endpointRules(view, port, endpoint) });
  if (name.startsWith("service-")) return nfChain({ name, rules: policyRules(view, port, reach.cluster, "cluster") });
  if (name.startsWith("local-")) return nfChain({ name, rules: policyRules(view, port, reach.local, "local") });
  if (name.startsWith("external-")) return nfChain({ name, rules: externalRules(view, port, reach) });
  return nfChain({ name, rules: firewallRules(view, port) });
}

function usedEndpoints(port: ProxyPort, { cluster, local }: Reach): readonly ServiceEndpoint[] {
  return [...new Set([...(usesCluster(port) ? cluster : []), ...(usesLocal(port) ? local : [])])];
}

function jumpsToEndpoints({ cluster }: NftView, { service }: ProxyPort): boolean {
  return service.affinity !== undefined || !hasDirectDnat(cluster);
}

function affinitySet(port: ProxyPort, endpoint: ServiceEndpoint): string {
  return `affinity-${endpointId(port, endpoint)}`;
}

function rule(port: ProxyPort, text: string, match: Conditions, target: NfTarget): RuleSpec {
  return { match, target, text, origin: port.port.source };
}

/** Marks for masquerading: since 1.36 in the rule itself, before through a chain. */
function masquerade(view: NftView, port: ProxyPort, words: string, match: Conditions, comment: string): RuleSpec {
  const { mark } = view.cluster.services.kubeProxy;
  const before = words === "" ? "" : `${words} `;
  const after = comment === "" ? "" : ` comment "${comment}"`;
  return hasDirectDnat(view.cluster)
    ? rule(port, `${before}meta mark set meta mark or ${markText(mark)}${after}`, match, {
        kind: "MARK",
        value: mark,
        mask: mark,
      })
    : rule(port, `${before}jump mark-for-masquerade${after}`, match, jump("mark-for-masquerade"));
}

/** "0x00004000" */
export function markText(mark: number): string {
  return `0x${mark.toString(16).padStart(8, "0")}`;
}

/** service-… and local-…: one of the endpoints. */
function policyRules(
  view: NftView,
  port: ProxyPort,
  endpoints: readonly ServiceEndpoint[],
  policy: "cluster" | "local",
): readonly RuleSpec[] {
  if (!jumpsToEndpoints(view, port)) return dnatRules(view, port, endpoints);
  const mark = hasDirectDnat(view.cluster) || port.service.internalPolicy !== policy ? [] : markRules(view, port);
  return [...mark, ...jumpRules(view, port, endpoints)];
}

/** Before 1.36, the chain of the ClusterIP marks packets that are not from a pod of the node. */
function markRules(view: NftView, port: ProxyPort): readonly RuleSpec[] {
  const { kubeProxy } = view.cluster.services;
  const dport = kubeProxy.minor < 34 ? ` ${port.port.proto} dport ${port.port.port}` : "";
  const words = `${view.ip} daddr ${formatIp(port.clusterIp)}${dport}`;
  const match: Conditions = {
    dst: { is: hostPrefix(port.clusterIp) },
    ...(kubeProxy.minor < 34 ? { proto: port.port.proto, dport: { first: port.port.port, last: port.port.port } } : {}),
  };
  if (kubeProxy.masqueradeAll) return [masquerade(view, port, words, match, "")];
  const notLocal = view.detector?.ifNotLocal;
  if (!notLocal) return [];
  return [masquerade(view, port, `${words} ${matchText(notLocal, view.ip)}`, { ...match, ...notLocal }, "")];
}

/** One DNAT with a random number as key: here one rule per endpoint, each with its share of the remaining probability. */
function dnatRules(
  { ip, cluster }: NftView,
  port: ProxyPort,
  endpoints: readonly ServiceEndpoint[],
): readonly RuleSpec[] {
  const { proto } = port.port;
  const [first] = endpoints;
  const elements = endpoints.map((one, i) => `${i} : ${formatIp(one.ip)} . ${one.port}`).join(", ");
  // Since 1.37, a map with one element is not used.
  const text =
    first && endpoints.length === 1 && cluster.services.kubeProxy.minor >= 37
      ? `meta l4proto ${proto} dnat to ${endpointText(first)}`
      : `meta l4proto ${proto} dnat ${ip} addr . port to numgen random mod ${endpoints.length} map { ${elements} }`;
  return endpoints.map((endpoint, i) =>
    rule(port, text, { proto, ...share(endpoints.length - i) }, { kind: "DNAT", to: endpoint.ip, port: endpoint.port }),
  );
}

function share(left: number): Conditions {
  return left > 1 ? { statistic: { probability: 1 / left } } : {};
}

/** The same with jumps to the chains of endpoints; with session affinity, sources that were seen before keep theirs. */
function jumpRules(view: NftView, port: ProxyPort, endpoints: readonly ServiceEndpoint[]): readonly RuleSpec[] {
  const { affinity } = port.service;
  const rules: RuleSpec[] = [];
  for (const endpoint of affinity === undefined ? [] : endpoints) {
    const name = endpointId(port, endpoint);
    const match: Conditions = { recent: { name, op: "rcheck", seconds: affinity ?? 0, reap: true } };
    const chain = endpointName(view, port, endpoint);
    rules.push(rule(port, `${view.ip} saddr @${affinitySet(port, endpoint)} goto ${chain}`, match, goTo(chain)));
  }
  const chains = endpoints.map((endpoint) => endpointName(view, port, endpoint));
  const text = `numgen random mod ${chains.length} vmap { ${chains.map((chain, i) => `${i} : goto ${chain}`).join(", ")} }`;
  chains.forEach((chain, i) => {
    rules.push(rule(port, text, share(chains.length - i), goTo(chain)));
  });
  return rules;
}

/** endpoint-…: since 1.36, the set `hairpin-connections` masquerades packets of an endpoint to itself. */
function endpointRules(view: NftView, port: ProxyPort, endpoint: ServiceEndpoint): readonly RuleSpec[] {
  const { ip } = view;
  const own = formatIp(endpoint.ip);
  return [
    ...(hasDirectDnat(view.cluster)
      ? []
      : [masquerade(view, port, `${ip} saddr ${own}`, { src: { is: hostPrefix(endpoint.ip) } }, "")]),
    ...(port.service.affinity === undefined
      ? []
      : [rule(port, `update @${affinitySet(port, endpoint)} { ${ip} saddr }`, {}, { kind: "NONE" })]),
    rule(
      port,
      `meta l4proto ${port.port.proto} dnat to ${endpointText(endpoint)}`,
      { proto: port.port.proto },
      { kind: "DNAT", to: endpoint.ip, port: endpoint.port },
    ),
  ];
}

/** external-…: packets to node ports, external IPs, and load balancer IPs. */
function externalRules(view: NftView, port: ProxyPort, reach: Reach): readonly RuleSpec[] {
  const all = named(view, "service", port);
  if (port.service.externalPolicy === "cluster") {
    const comment = hasDirectDnat(view.cluster) ? "masquerade" : "";
    return [masquerade(view, port, "", {}, comment), rule(port, `goto ${all}`, {}, goTo(all))];
  }
  const own: Conditions = { addrtype: { side: "src", type: "LOCAL" } };
  const rules: RuleSpec[] = [];
  if (view.detector) {
    const { ifLocal } = view.detector;
    rules.push(
      rule(port, `${matchText(ifLocal, view.ip)} goto ${all} comment "short-circuit pod traffic"`, ifLocal, goTo(all)),
    );
  }
  rules.push(
    masquerade(view, port, "fib saddr type local", own, "masquerade local traffic"),
    rule(port, `fib saddr type local goto ${all} comment "short-circuit local traffic"`, own, goTo(all)),
  );
  if (reach.local.length > 0) {
    const local = named(view, "local", port);
    rules.push(rule(port, `goto ${local}`, {}, goTo(local)));
  }
  return rules;
}

/** firewall-…: the allowed sources, and the load balancer IPs themselves if a range contains the node's address. */
function firewallRules({ ip, node, ports }: NftView, port: ProxyPort): readonly RuleSpec[] {
  const own = admitsNode(port, primaryIp(node, ports.family)) ? port.loadBalancerIps : [];
  const text = `${ip} saddr != { ${[...port.sourceRanges.map(formatPrefix), ...own.map(formatIp)].join(", ")} } drop`;
  return [
    ...[...port.sourceRanges, ...own.map(hostPrefix)].map((is) =>
      rule(port, text, { src: { is } }, { kind: "RETURN" }),
    ),
    rule(port, text, {}, { kind: "DROP" }),
  ];
}
