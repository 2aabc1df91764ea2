/** Services as kube-proxy installs them: endpoints of iptables chains, virtual servers of IPVS, and nftables. */
import type { NfChain, VirtualServer } from "../../dataplane/model.ts";
import { serverText, withPort } from "../../dataplane/text.ts";
import { list } from "../../text/format.ts";
import { type Comparison, paired } from "./comparison.ts";
import type { Difference } from "./difference.ts";

/** Chains with the endpoints of one port (pkg/proxy/iptables/proxier.go): all of them, or only local ones. */
export function isServiceChain(name: string): boolean {
  return /^KUBE-SV[CL]-/.test(name);
}

/** A chain of one endpoint; its destination is compared as a part of the service. */
export function isEndpointChain(name: string): boolean {
  return name.startsWith("KUBE-SEP-");
}

/** "shop/api:http", from the comment of a rule. */
export function serviceOf({ rules }: NfChain): string | undefined {
  for (const { matches } of rules)
    for (const match of matches) if (match.kind === "comment") return match.text.split(" ")[0];
  return undefined;
}

/** The destinations of the DNAT rules that a chain reaches. */
export function endpointsOf(chainOf: (name: string) => NfChain | undefined, start: NfChain): readonly string[] {
  const endpoints = new Set<string>();
  const seen = new Set<string>();
  const walk = (chain: NfChain): void => {
    if (seen.has(chain.name)) return;
    seen.add(chain.name);
    for (const { target } of chain.rules) {
      if (target.kind === "DNAT") endpoints.add(withPort(target.to, target.port));
      const next = target.kind === "JUMP" ? chainOf(target.chain) : undefined;
      if (next) walk(next);
    }
  };
  walk(start);
  return [...endpoints].sort();
}

export function ipvsDifferences({ machine, netns, report }: Comparison): readonly Difference[] {
  const place = machine.outputs.get("ipvs");
  if (!place) return [];
  const text = (one: Omit<VirtualServer, "origin">): string => serverText({ ...one, origin: undefined }, undefined);
  const endpoints = ({ servers }: Pick<VirtualServer, "servers">): readonly string[] =>
    servers.map(({ ip, port }) => withPort(ip, port)).sort();
  const { missing, extra, both } = paired(netns.ipvs?.all() ?? [], machine.ipvs, {
    expected: ({ proto, ip, port }) => `${proto} ${withPort(ip, port)}`,
    actual: ({ proto, ip, port }) => `${proto} ${withPort(ip, port)}`,
  });
  const of = ({ proto, ip, port }: Pick<VirtualServer, "proto" | "ip" | "port">): string =>
    `${withPort(ip, port)}/${proto}`;
  return [
    ...missing.map((one) =>
      report.missing({ aspect: "chain", subject: of(one), expected: text(one), real: place, derived: one.origin }),
    ),
    ...extra.map((one) =>
      report.extra({ aspect: "chain", subject: of(one), actual: text(one), real: one.origin, derived: undefined }),
    ),
    ...both.flatMap(([one, other]) => {
      const [wanted, found] = [endpoints(one), endpoints(other)];
      if (wanted.join() !== found.join())
        return report.changed({
          aspect: "service",
          subject: of(one),
          expected: wanted.length === 0 ? "none" : list(wanted, 5),
          actual: found.length === 0 ? "none" : list(found, 5),
          real: other.origin,
          derived: one.origin,
        });
      // The scheduler decides only which endpoint a connection gets.
      if (one.persistence === other.persistence) return [];
      const change = { expected: text(one), actual: text(other), real: other.origin, derived: one.origin };
      return report.changed({ aspect: "chain", subject: of(one), ...change });
    }),
  ];
}
