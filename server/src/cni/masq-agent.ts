/**
 * ip-masq-agent's rules: packets that leave the node for addresses outside certain ranges are masqueraded
 * (kubernetes-sigs/ip-masq-agent cmd/ip-masq-agent; kind images/kindnetd/cmd/kindnetd/masq.go).
 */
import type { Prefix } from "../addressing/ip.ts";
import type { NfTarget } from "../dataplane/model.ts";
import type { Conditions, RuleSpec } from "../dataplane/rule.ts";
import type { Origin } from "../declared/origin.ts";
import { familyOf } from "./host.ts";
import type { ChainRules } from "./mode.ts";

export interface MasqAgent {
  readonly chain: string;
  /** Prefix of the rule comments: "ip-masq-agent", "kind-masq-agent". */
  readonly name: string;
  /** Destinations that see the pod's address. */
  readonly kept: readonly Prefix[];
  readonly randomFully: boolean;
  readonly origin: Origin | undefined;
}

export function masqAgentChains(agent: MasqAgent, families: readonly (4 | 6)[]): readonly ChainRules[] {
  const { chain, name, kept, randomFully, origin } = agent;
  const rule = (match: Conditions, target: NfTarget, comment: string): RuleSpec => ({
    match,
    target,
    comment,
    origin,
  });
  return families.flatMap((family): ChainRules[] => [
    {
      family,
      table: "nat",
      chain: "POSTROUTING",
      rules: [
        rule(
          { addrtype: { side: "dst", type: "LOCAL", not: true } },
          { kind: "JUMP", chain },
          `${name}: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom ${chain} chain`,
        ),
      ],
    },
    {
      family,
      table: "nat",
      chain,
      rules: [
        ...kept
          .filter(({ ip }) => familyOf(ip) === family)
          .map((prefix) =>
            rule({ dst: { is: prefix } }, { kind: "RETURN" }, `${name}: local traffic is not subject to MASQUERADE`),
          ),
        rule(
          {},
          randomFully ? { kind: "MASQUERADE", randomFully } : { kind: "MASQUERADE" },
          "ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)",
        ),
      ],
    },
  ]);
}
