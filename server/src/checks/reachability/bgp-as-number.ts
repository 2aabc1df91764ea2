import { argument, childOf, hasChild } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check } from "../../findings/check.ts";
import { bgpPeering } from "../../findings/examples/nodes.ts";
import { machineText } from "../../findings/machines.ts";
import { type Fix, replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const bgpAsNumber: Check<"KN230"> = {
  code: "KN230",
  name: "bgp-as-number",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets", "unannounced-blocks", "missing-bgp-routes"],
  summary: "The two sides of a BGP session disagree about an AS number.",
  documentation: `## What happens

Each side of a session is configured with the AS number that it expects from the other side. If the OPEN message contains a
different number, every connection attempt fails with *Bad Peer AS*, and neither side learns routes.

Between nodes, Calico's default is AS 64512 (\`asNumber\` of BGPConfiguration).

## How to fix it

Change the expected AS number to the peer's number, or move the peer to the expected AS.

## References

- RFC 4271, section 6.2`,
  example: {
    bad: bgpPeering("bgp as 64600 { listen-range 192.168.10.0/24 as 64512 as-override }"),
    good: bgpPeering("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 as-override }"),
  },
  message: ({ node, as, peer, peerAs }) =>
    t`${machineText(node)} expects AS ${as} from ${machineText(peer)}, which is in AS ${peerAs}: the session does not come up (Bad Peer AS)`,
  fixes: ({ as, peer, peerAs }, source, { related }) => [
    ...asFix(t`Change to AS ${peerAs} (${machineText(peer)})`, source, String(peerAs)),
    ...related.flatMap((other) => asFix(t`Move ${machineText(peer)} to AS ${as}`, other.source, String(as))),
  ],
};

/** Replaces the AS number, which is in a router's `bgp` statement, in `as-number`, or the argument after `as`. */
function asFix(title: string, source: Origin, as: string): readonly Fix[] {
  if (hasChild(source, "bgp")) return asFix(title, childOf(source, "bgp"), as);
  if (hasChild(source, "as-number")) return [replaceFix(title, childOf(source, "as-number", 0), as)];
  const at = argument(source, "as");
  return at ? [replaceFix(title, at, as)] : [];
}
