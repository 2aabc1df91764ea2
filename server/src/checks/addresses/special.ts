import { type Prefix, parsePrefix, prefixRange, rangesOverlap } from "../../addressing/ip.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding, type Severity } from "../../findings/finding.ts";
import { freeHint, moveFixes } from "../../fixes/ranges.ts";
import { type PlannedRange, planOf } from "../../questions/plan.ts";
import { phrase, t, translated } from "../../text/l10n.ts";
import type { Topology } from "../../topology/model.ts";

interface Special {
  readonly prefix: Prefix;
  readonly text: string;
  readonly what: string;
  readonly severity: Severity;
}

const LINK_LOCAL = "169.254.0.0/16";
const CLASS_E = "240.0.0.0/4";

/** IANA's special-purpose registries, RFC 6890; kernel behavior: fib_validate_source, ip_route_input_slow. */
const SPECIAL: readonly Special[] = [
  special("0.0.0.0/8", phrase('means "this host" and is never valid as a source'), "error"),
  special("127.0.0.0/8", phrase("is the loopback network and never leaves a host"), "error"),
  special(
    LINK_LOCAL,
    phrase("is link-local and used for cloud metadata, Calico's gateway, and NodeLocal DNS"),
    "warning",
  ),
  special("224.0.0.0/4", phrase("is multicast and cannot be assigned to a host"), "error"),
  special(CLASS_E, phrase("is reserved and rejected by many systems"), "warning"),
  special("::/127", phrase("contains the unspecified address and loopback"), "error"),
  special("fe80::/10", phrase("is link-local and not routed"), "error"),
  special("ff00::/8", phrase("is multicast and cannot be assigned to a host"), "error"),
];

function special(text: string, what: string, severity: Severity): Special {
  const parsed = parsePrefix(text);
  if (!parsed) throw new Error(text);
  return { prefix: parsed.prefix, text, what, severity };
}

export const specialRange: Check<"KN111"> = {
  code: "KN111",
  name: "special-range",
  family: "addresses",
  severity: "error",
  summary: "A range is in special-purpose address space.",
  documentation: `## What happens

No kernel forwards packets with loopback (127.0.0.0/8), multicast (224.0.0.0/4, ff00::/8), 0.0.0.0/8, or IPv6 link-local
(fe80::/10) addresses. The packets are dropped as martians: the source or destination is not valid on the interface.

IPv4 link-local (169.254.0.0/16) and 240.0.0.0/4 addresses work on some systems and fail on others. 169.254.0.0/16
contains the metadata services of cloud providers and the internal addresses of several CNI plugins; many network
stacks reject 240.0.0.0/4. Google Cloud supports 240.0.0.0/4 for subnets and for the pods of GKE, so it is not reported there.

## How to fix it

Use addresses from RFC 1918 (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16), RFC 6598 (100.64.0.0/10), or IPv6 unique
local addresses (fd00::/8).

## References

- [RFC 6890: Special-Purpose IP Address Registries](https://www.rfc-editor.org/rfc/rfc6890)
- [RFC 1918: Address Allocation for Private Internets](https://www.rfc-editor.org/rfc/rfc1918)
- [RFC 6598: IANA-Reserved IPv4 Prefix for Shared Address Space](https://www.rfc-editor.org/rfc/rfc6598)
- cloud.google.com, *Subnets*, section *Valid ranges*
- Linux: \`fib_validate_source\`, \`ip_route_input_slow\``,
  example: {
    bad: `cluster prod {
  pods 224.10.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
}
`,
    good: `cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
}
`,
  },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const range of planOf(topology).ranges) {
      const own = prefixRange(range.prefix);
      const hit = SPECIAL.find(({ prefix }) => rangesOverlap(prefixRange(prefix), own));
      if (!hit || (hit.text === LINK_LOCAL && isTransit(topology, range))) continue;
      if (hit.text === CLASS_E && isGoogle(topology, range)) continue;
      yield finding(
        specialRange,
        range.source,
        t`${range.label} overlaps ${hit.text}, which ${translated(hit.what)}${freeHint(topology, range)}`,
        {
          severity: hit.severity,
          fixes: moveFixes(topology, range),
        },
      );
    }
  },
};

/**
 * Whether only routers are on the segment, which commonly have link-local addresses: AWS assigns a /30 of 169.254.0.0/16 to each
 * VPN tunnel (Site-to-Site VPN, tunnel options).
 */
function isTransit(topology: Topology, { kind, segment }: PlannedRange): boolean {
  const stations = topology.attachedTo(segment);
  return kind === "segment" && stations.length > 0 && stations.every(({ station }) => station.kind === "router");
}

/**
 * Whether the range is a subnet of Google Cloud or belongs to a cluster there: 240.0.0.0/4 is valid for both, and recommended if
 * private ranges are exhausted (cloud.google.com, Subnets, Valid ranges; GKE, IP address management).
 */
function isGoogle({ segments, clusters }: Topology, { segment, cluster }: PlannedRange): boolean {
  const isOn = (name: string): boolean => segments.get(name)?.cloud === "gcp";
  const nodes = clusters.find(({ name }) => name === cluster)?.nodes ?? [];
  return isOn(segment) || nodes.some(({ interfaces }) => interfaces.some((one) => isOn(one.segment)));
}
