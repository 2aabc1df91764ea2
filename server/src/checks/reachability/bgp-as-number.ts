import type { Source } from "../../language/tree.ts";
import type { Check, Fix } from "../check.ts";
import { bgpPeering } from "../examples.ts";
import { replaceFix } from "../finding.ts";
import { childOf, hasChild, sourceAt } from "../source.ts";

export const bgpAsNumber: Check = {
  code: "KN230",
  name: "bgp-as-number",
  family: "reachability",
  severity: "error",
  summary: "The two ends of a BGP session disagree about an AS number.",
  documentation: `Each end says which AS number it expects of the other; where that differs from what the OPEN message says the session ends with *Bad Peer AS* (RFC 4271 section 6.2), again
and again, and neither learns anything. Between nodes Calico's default is 64512 (BGPConfiguration asNumber).`,
  example: {
    bad: bgpPeering("bgp as 64600 { listen-range 192.168.10.0/24 as 64512 as-override }"),
    good: bgpPeering("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 as-override }"),
  },
  message: ({ node, as, peer, peerAs }) =>
    `${node} expects AS ${as} of ${peer}, which is in AS ${peerAs}: the session does not come up (Bad Peer AS)`,
  fixes: ({ as, peer, peerAs }, source, { related }) => [
    ...asFix(`Expect AS ${peerAs}, that of ${peer}`, source, String(peerAs)),
    ...related.flatMap((other) => asFix(`Put ${peer} into AS ${as}`, other.source, String(as))),
  ],
};

/** Where the number stands: behind `as`, in `as-number`, or in a router's `bgp`. */
function asFix(title: string, source: Source, as: string): readonly Fix[] {
  if (hasChild(source, "bgp")) return asFix(title, childOf(source, "bgp"), as);
  if (hasChild(source, "as-number")) return [replaceFix(title, childOf(source, "as-number", 0), as)];
  const at = source.statement.args.findIndex(({ text }) => text === "as");
  return at < 0 ? [] : [replaceFix(title, sourceAt(source, at + 1), as)];
}
