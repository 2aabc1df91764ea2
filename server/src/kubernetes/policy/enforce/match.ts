/** A policy's rule as netfilter matches: one for each peer and each group of ports. */
import { family, hostPrefix } from "../../../addressing/ip.ts";
import type { PortRange } from "../../../dataplane/model.ts";
import type { Conditions } from "../../../dataplane/rule.ts";
import type { Peer, Policy, PolicyPort, PolicyRule, Protocol } from "../../../topology/policy.ts";
import { selects } from "../../../topology/selector.ts";
import { peerSelector, subjectOf } from "../evaluate.ts";
import { PROTOCOLS } from "../ports.ts";
import type { PodSelector } from "../selectors.ts";
import { peerText } from "../text.ts";
import { blockSet, type EnforceContext, namedPortSet, podSet } from "./common.ts";

/** How an engine names its sets; `key` is the same for the same members. */
export type SetName = (kind: "pods" | "block" | "ports", key: string, of: 4 | 6) => string;

/** Where the sets of one family are kept, and how the engine names them. */
interface SetMaker {
  readonly context: EnforceContext;
  readonly of: 4 | 6;
  readonly nameOf: SetName;
}

/** The matches of the rule; empty if it cannot match packets of the family. */
export function matchesOf(
  context: EnforceContext,
  of: 4 | 6,
  policy: Policy,
  rule: PolicyRule,
  nameOf: SetName,
): readonly Conditions[] {
  const side = rule.direction === "ingress" ? "src" : "dst";
  const maker: SetMaker = { context, of, nameOf };
  const matches: Conditions[] = [];
  for (const peer of rule.peers ?? [undefined]) {
    const far = peer === undefined ? {} : peerMatch(maker, policy, peer, side);
    if (far === undefined) continue;
    for (const near of portMatches(maker, receivers(policy, rule, peer), rule.ports)) {
      const sets = [...(far.sets ?? []), ...(near.sets ?? [])];
      matches.push({ ...far, ...near, ...(sets.length === 0 ? {} : { sets }) });
    }
  }
  return matches;
}

/** The pods in which a named port is looked up. */
function receivers(policy: Policy, rule: PolicyRule, peer: Peer | undefined): PodSelector {
  if (rule.direction === "ingress") return subjectOf(policy);
  return peer?.kind === "pods" ? peerSelector(policy, peer) : { pods: [], namespaces: [] };
}

function peerMatch(
  { context, of, nameOf }: SetMaker,
  policy: Policy,
  peer: Peer,
  side: "src" | "dst",
): Conditions | undefined {
  switch (peer.kind) {
    case "pods": {
      const selector = peerSelector(policy, peer);
      const where = "name" in selector.namespaces ? selector.namespaces.name : "";
      const name = nameOf("pods", `${where} ${peerText(peer)}`, of);
      return { sets: [{ set: podSet(context, of, name, selector), side }] };
    }
    case "cidr": {
      const { cidr, except } = peer;
      if (family(cidr.ip) !== of) return undefined;
      if (except.length === 0) return cidr.len === 0 ? {} : { [side]: { is: cidr } };
      const set = blockSet(context, of, nameOf("block", peerText(peer), of), [cidr], except);
      return { sets: [{ set, side }] };
    }
    case "nodes": {
      const addresses = context.cluster.nodes
        .filter(({ labels }) => selects(peer.nodes, labels))
        .flatMap(({ interfaces }) => interfaces.flatMap((iface) => iface.addresses.map(({ ip }) => ip)))
        .filter((ip) => family(ip) === of);
      const set = blockSet(context, of, nameOf("block", peerText(peer), of), addresses.map(hostPrefix));
      return { sets: [{ set, side }] };
    }
  }
}

/** iptables allows 15 ports in a multiport match; a range uses 2 of the 15. */
const MULTIPORT = 15;

function portMatches(
  { context, of, nameOf }: SetMaker,
  selector: PodSelector,
  ports: readonly PolicyPort[] | undefined,
): readonly Conditions[] {
  if (ports === undefined) return [{}];
  const matches: Conditions[] = [];
  const byProto = new Map<Protocol, PortRange[]>();
  for (const port of ports) {
    if (port.kind === "icmp") {
      matches.push({ proto: "icmp" });
      continue;
    }
    if (port.kind === "name") {
      for (const proto of port.proto === undefined ? PROTOCOLS : [port.proto]) {
        const own = { name: port.name, proto };
        const name = nameOf("ports", `${JSON.stringify(selector)} ${own.name}/${proto}`, of);
        const set = namedPortSet(context, of, name, selector, own);
        matches.push({ proto, sets: [{ set, side: "dst,dst" }] });
      }
      continue;
    }
    if (port.first === 1 && port.last === 65535) {
      matches.push({ proto: port.proto });
      continue;
    }
    const ranges = byProto.get(port.proto) ?? [];
    byProto.set(port.proto, ranges);
    ranges.push({ first: port.first, last: port.last });
  }
  for (const [proto, ranges] of byProto) {
    let open: PortRange[] = [];
    let used = 0;
    const close = (): void => {
      const [only] = open;
      if (only !== undefined) matches.push(open.length === 1 ? { proto, dport: only } : { proto, dports: open });
      open = [];
      used = 0;
    };
    for (const range of ranges) {
      const size = range.first === range.last ? 1 : 2;
      if (used + size > MULTIPORT) close();
      open.push(range);
      used += size;
    }
    close();
  }
  return matches;
}
