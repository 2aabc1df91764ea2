/**
 * External addresses of nodes: the router of a node's segment translates them one to one, like an Internet gateway of AWS or a VM's
 * external address on Azure and Google Cloud. The node itself does not have the address.
 */
import { hostPrefix, type Ip } from "../addressing/ip.ts";
import type { Device } from "../dataplane/model.ts";
import type { RuleSpec } from "../dataplane/rule.ts";
import { memo, valueAt } from "../memo/memo.ts";
import type { Interface, Node, Router, Topology } from "../topology/model.ts";
import { defaultInterface, familyOf, type HostState } from "./host.ts";
import type { ChainRules } from "./mode.ts";

interface Translated {
  readonly node: Node;
  readonly external: Node["externalIps"][number];
  readonly internal: Ip;
  /** The router's device towards the outside. */
  readonly outside: Interface;
}

/** The addresses that a router translates: of nodes whose default gateway it is, unless a machine has the address itself. */
export function translatedBy(topology: Topology, router: Router): readonly Translated[] {
  return translations(topology).get(router.path) ?? [];
}

const translations = memo((topology: Topology): ReadonlyMap<string, readonly Translated[]> => {
  const found = new Map<string, Translated[]>();
  const byPath = new Map(topology.routers.map((router) => [router.path, router]));
  for (const { nodes } of topology.clusters)
    for (const node of nodes)
      for (const external of node.externalIps) {
        const made = translationOf(topology, byPath, node, external);
        if (made) valueAt(found, made.router.path, (): Translated[] => []).push(made);
      }
  return found;
});

function translationOf(
  topology: Topology,
  routers: ReadonlyMap<string, Router>,
  node: Node,
  external: Translated["external"],
): (Translated & { readonly router: Router }) | undefined {
  const family = familyOf(external.ip);
  const has = ({ addresses }: Interface): boolean => addresses.some(({ ip }) => ip === external.ip);
  if (node.interfaces.some(has) || node.edge?.loopbacks.some(({ ip }) => ip === external.ip)) return undefined;
  const iface = defaultInterface(node, family);
  const internal = iface?.addresses.find(({ ip }) => familyOf(ip) === family)?.ip;
  const gateway = node.routes.find(({ dst }) => dst.len === 0 && familyOf(dst.ip) === family)?.via[0];
  if (!iface || internal === undefined || gateway === undefined) return undefined;
  const [end] = topology.interfacesWith(iface.segment, gateway);
  const router = end && routers.get(end.station.path);
  const outside = router && defaultInterface(router, family);
  return router && outside && { router, node, external, internal, outside };
}

/** The router's state with the addresses, for which it replies to ARP. */
export function withExternalIps(host: HostState, translated: readonly Translated[]): HostState {
  if (translated.length === 0) return host;
  const devices = host.devices.map((device): Device => {
    const own = translated.filter(({ outside }) => outside.device === device.name);
    return own.length === 0
      ? device
      : { ...device, addresses: [...device.addresses, ...own.map(({ external }) => hostPrefix(external.ip))] };
  });
  return { ...host, devices };
}

/** Before the router's own `masquerade`. */
export function externalIpChains(translated: readonly Translated[]): readonly ChainRules[] {
  return translated.flatMap(({ external: { ip, source }, internal, outside }): ChainRules[] => {
    const into: RuleSpec = {
      match: { dst: { is: hostPrefix(ip) } },
      target: { kind: "DNAT", to: internal },
      origin: source,
    };
    const out: RuleSpec = {
      match: { src: { is: hostPrefix(internal) }, out: { is: outside.device } },
      target: { kind: "SNAT", to: ip },
      origin: source,
    };
    const base = { family: familyOf(ip), table: "nat" } as const;
    return [
      { ...base, chain: "PREROUTING", rules: [into] },
      { ...base, chain: "POSTROUTING", rules: [out] },
    ];
  });
}
