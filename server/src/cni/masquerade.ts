/**
 * The per-pod masquerade rules of the reference plugins (`ipMasq: true`): containernetworking/plugins
 * pkg/ip/ipmasq_iptables_linux.go. Packets from the pod to addresses outside its node's pod CIDR are masqueraded, so
 * pods on other nodes see the node's address instead of the pod's.
 */

import { hostPrefix, type Prefix, prefixContains } from "../addressing/ip.ts";
import type { NfTarget } from "../dataplane/model.ts";
import type { Conditions, RuleSpec } from "../dataplane/rule.ts";
import type { Origin } from "../declared/origin.ts";
import type { Pod } from "../topology/model.ts";
import { bridgedPods } from "./bridged.ts";
import { hexOf } from "./hash.ts";
import { familyOf } from "./host.ts";
import type { ChainRules } from "./mode.ts";

const MULTICAST: Readonly<Record<4 | 6, Prefix>> = { 4: { ip: 0xe0000000, len: 4 }, 6: { ip: 0xffn << 120n, len: 8 } };

export function podMasquerade(
  network: string,
  pods: Iterable<Pod>,
  ranges: readonly Prefix[],
  origin: Origin | undefined,
): readonly ChainRules[] {
  const chains: ChainRules[] = [];
  for (const pod of bridgedPods(pods)) {
    const id = hexOf(pod.path, 64);
    const comment = `name: "${network}" id: "${id}"`;
    for (const ip of pod.addresses) {
      const family = familyOf(ip);
      const range = ranges.find((prefix) => prefixContains(prefix, ip));
      if (!range) continue;
      // "CNI-" and the start of a hash of network and container (pkg/utils/utils.go).
      const chain = `CNI-${hexOf(`${network} ${id} ${family}`, 24)}`;
      const rule = (match: Conditions, target: NfTarget): RuleSpec => ({ match, target, comment, origin });
      chains.push(
        {
          family,
          table: "nat",
          chain: "POSTROUTING",
          rules: [rule({ src: { is: hostPrefix(ip) } }, { kind: "JUMP", chain })],
        },
        {
          family,
          table: "nat",
          chain,
          rules: [
            rule({ dst: { is: range } }, { kind: "ACCEPT" }),
            rule({ dst: { is: MULTICAST[family], not: true } }, { kind: "MASQUERADE" }),
          ],
        },
      );
    }
  }
  return chains;
}
