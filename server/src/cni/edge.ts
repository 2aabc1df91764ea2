/** NAT and other features of a network's edge as Linux state, for routers, hosts, and nodes alike. */
import type { RuleSpec } from "../dataplane/rule.ts";
import type { NatRule, Station } from "../topology/model.ts";
import { familyOf } from "./host.ts";
import type { ChainRules } from "./mode.ts";

export function natChains(station: Station): readonly ChainRules[] {
  return (station.edge?.nat ?? []).flatMap((rule) => {
    const device = deviceOf(station, rule);
    // Reported elsewhere: the machine is not attached to this segment.
    if (rule.segment && device === undefined) return [];
    return rule.kind === "masquerade" ? masqueradeChains(rule, device) : forwardChains(rule, device);
  });
}

function deviceOf(station: Station, { segment }: NatRule): string | undefined {
  return segment && station.interfaces.find((iface) => iface.segment === segment.name)?.device;
}

function masqueradeChains(rule: NatRule & { readonly kind: "masquerade" }, device: string | undefined): ChainRules[] {
  return ([4, 6] as const).flatMap((family) => {
    const [from, to] = [rule.from, rule.to].map((all) => all.filter(({ ip }) => familyOf(ip) === family));
    if (!from || !to || (rule.from.length > 0 && from.length === 0) || (rule.to.length > 0 && to.length === 0))
      return [];
    const out = device === undefined ? { is: "lo", not: true } : { is: device };
    const rules = (from.length === 0 ? [undefined] : from).flatMap((src) =>
      (to.length === 0 ? [undefined] : to).map(
        (dst): RuleSpec => ({
          match: { ...(src ? { src: { is: src } } : {}), ...(dst ? { dst: { is: dst } } : {}), out },
          target: { kind: "MASQUERADE" },
          origin: rule.source,
        }),
      ),
    );
    return [{ family, table: "nat", chain: "POSTROUTING", rules } as const];
  });
}

function forwardChains(rule: NatRule & { readonly kind: "port-forward" }, device: string | undefined): ChainRules[] {
  const { proto, port, to, toPort, source } = rule;
  const made: RuleSpec = {
    match: {
      proto,
      dport: { first: port, last: port },
      ...(device === undefined ? {} : { in: { is: device } }),
      addrtype: { side: "dst", type: "LOCAL" },
    },
    target: { kind: "DNAT", to, port: toPort ?? port },
    origin: source,
  };
  return [{ family: familyOf(to), table: "nat", chain: "PREROUTING", rules: [made] }];
}

/**
 * All received packets are for this host. A local route for everything ("AnyIP") would accept the packets, but the
 * kernel replies only from addresses of its table local (__ip_dev_find in ip_route_output_key_hash_rcu). After DNAT to
 * an address of the host, the kernel replies.
 */
export function anyAddressChains(station: Station): readonly ChainRules[] {
  if (!station.edge?.answersAny) return [];
  return station.interfaces.flatMap(({ device, addresses }) =>
    ([4, 6] as const).flatMap((family) => {
      const own = addresses.find(({ ip }) => familyOf(ip) === family);
      if (!own) return [];
      const made: RuleSpec = {
        match: { in: { is: device }, addrtype: { side: "dst", type: "LOCAL", not: true } },
        target: { kind: "DNAT", to: own.ip },
        origin: station.source,
      };
      return [{ family, table: "nat", chain: "PREROUTING", rules: [made] } as const];
    }),
  );
}
