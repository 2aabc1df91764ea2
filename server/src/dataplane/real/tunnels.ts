/** WireGuard peers and IPsec of a real machine. Keys are not compared: the topology computes them. */

import type { Prefix } from "../../addressing/ip.ts";
import { type Ip, prefixContains, prefixEquals } from "../../addressing/ip.ts";
import { buildPrefixTable } from "../../addressing/prefix-table.ts";
import type { WireguardPeer, WireguardPeers, Xfrm, XfrmPolicy, XfrmState } from "../model.ts";
import type { RealMachine, RealPeer } from "./state.ts";

/** The derived peer with the endpoint of a real one, or with a common range. */
export function derivedPeer(
  { endpoint, allowedIps }: RealPeer,
  derived: readonly WireguardPeer[],
): WireguardPeer | undefined {
  return (
    derived.find((one) => endpoint !== undefined && one.endpoint.ip === endpoint.ip) ??
    derived.find((one) => one.allowedIps.some((prefix) => allowedIps.some((own) => prefixEquals(own, prefix))))
  );
}

/** Peers without a counterpart have no network namespace, and are omitted. */
export function realPeers({ peers }: RealMachine, device: string, derived: WireguardPeers): WireguardPeers {
  const known = [...derived.entries()];
  const entries = peers.flatMap((peer): readonly WireguardPeer[] => {
    const counterpart = peer.device === device ? derivedPeer(peer, known) : undefined;
    if (!counterpart) return [];
    const { allowedIps, origin } = peer;
    return [{ ...counterpart, endpoint: peer.endpoint ?? counterpart.endpoint, allowedIps, origin }];
  });
  const table = buildPrefixTable(entries.flatMap((peer) => peer.allowedIps.map((prefix) => [prefix, peer] as const)));
  return {
    allowed: (ip) => table.lookup(ip)[0],
    byKey: (key) => entries.find(({ publicKey }) => publicKey === key),
    entries: () => entries,
  };
}

export function realXfrm(
  { outputs, xfrmPolicies, xfrmStates }: RealMachine,
  derived: Xfrm | undefined,
): Xfrm | undefined {
  const showsPolicies = outputs.has("xfrm-policies");
  const showsStates = outputs.has("xfrm-states");
  if ((!showsPolicies && !showsStates) || (derived === undefined && xfrmPolicies.length === 0)) return derived;
  const expected = [...(derived?.states() ?? [])];
  const policies: readonly XfrmPolicy[] = showsPolicies ? xfrmPolicies : [...(derived?.policies() ?? [])];
  const states = showsStates
    ? xfrmStates.flatMap(({ src, dst, reqid, udpPort, origin }): readonly XfrmState[] => {
        // SPI and cipher are not part of the topology.
        const known = expected.find((one) => one.src === src && one.dst === dst) ?? expected[0];
        return known ? [{ ...known, src, dst, reqid, udpPort, origin }] : [];
      })
    : expected;
  return {
    policy: (direction, src, dst) =>
      policies.find((one) => one.direction === direction && holds(one.src, src) && holds(one.dst, dst)),
    state: (src, dst) => states.find((one) => one.src === src && one.dst === dst),
    policies: () => policies,
    states: () => states,
  };
}

function holds(prefix: Prefix, ip: Ip): boolean {
  return typeof prefix.ip === typeof ip && prefixContains(prefix, ip);
}
