import { formatPrefix } from "../../addressing/ip.ts";
import { reportCauses, whoCannot } from "../../findings/causes.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { appendFix, type Fix } from "../../fixes/fix.ts";
import { type NotAdvertised, notAdvertised } from "../../questions/blame.ts";
import type { Cause } from "../../questions/causes.ts";
import { t } from "../../text/l10n.ts";
import { stationsByPath } from "../../topology/stations.ts";

const fabric = (leaf2: string): string => `segment a { cidr 10.0.1.0/24; gateway leaf1 }
segment b { cidr 10.0.2.0/24; gateway leaf2 }
segment fabric { cidr 10.9.0.0/31 }
router leaf1 {
  attach a 10.0.1.1
  attach fabric 10.9.0.0
  bgp as 65001 {
    peer 10.9.0.1 as 65002
    advertise 10.0.1.0/24
  }
}
router leaf2 {
  attach b 10.0.2.1
  attach fabric 10.9.0.1
  bgp as 65002 {
    peer 10.9.0.0 as 65001${leaf2}
  }
}
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach a 10.0.1.11 }
  node n2 { attach b 10.0.2.12 }
  pod a on n1 { listen 80/tcp }
  pod b on n2 { listen 80/tcp }
}
`;

export const bgpNotAdvertised: Check<"KN241"> = {
  code: "KN241",
  name: "bgp-not-advertised",
  family: "reachability",
  severity: "error",
  summary: "No router advertises a segment of the nodes over BGP.",
  documentation: `## What happens

A BGP router advertises only the prefixes that it is configured to advertise (\`network\` or \`redistribute connected\` in FRR): the segments that it is attached to are not included automatically. The other routers have no route to the segment, or use their default route, and
packets to its nodes are lost far away from the misconfigured router.

## How to fix it

Add \`advertise\` with the CIDR of the segment to the \`bgp\` block of the router that is attached to it.

## References

- RFC 4271, section 9.4
- FRR, *BGP*, sections *Network Advertisements* and *Redistribution*`,
  example: { bad: fabric(""), good: fabric("\n    advertise 10.0.2.0/24") },
  run: (context) =>
    reportCauses(bgpNotAdvertised, context, {
      kind: "not-advertised",
      message: (cause) => {
        const found = foundIn(context, cause);
        return found
          ? t`router \`${found.router.path}\` does not advertise segment \`${found.segment.name}\` (${formatPrefix(found.cidr)}) over BGP: ${whoCannot(cause)}`
          : whoCannot(cause);
      },
      fixes: (cause): readonly Fix[] => {
        const cidr = foundIn(context, cause)?.cidr;
        const text = cidr && `advertise ${formatPrefix(cidr)}`;
        return text === undefined ? [] : [appendFix(t`Add \`${text}\``, cause.source, text)];
      },
    }),
};

function foundIn({ peopled }: CheckContext, { example }: Cause): NotAdvertised | undefined {
  return notAdvertised(example.failed, peopled, stationsByPath(peopled));
}
