import type { Prefix } from "../../addressing/ip.ts";
import { parsePrefix, prefixRange, rangesOverlap } from "../../addressing/ip.ts";
import type { Topology } from "../../topology/model.ts";
import type { Check, CheckContext, Finding, Severity } from "../check.ts";
import { finding } from "../finding.ts";
import { freeHint, moveFixes } from "./free.ts";
import { type PlannedRange, planOf } from "./plan.ts";

interface Special {
  readonly prefix: Prefix;
  readonly text: string;
  readonly what: string;
  readonly severity: Severity;
}

const LINK_LOCAL = "169.254.0.0/16";

/** IANA's special-purpose registries, RFC 6890; what the kernel does with them: fib_validate_source, ip_route_input_slow. */
const SPECIAL: readonly Special[] = [
  special("0.0.0.0/8", 'means "this host" and is never a source', "error"),
  special("127.0.0.0/8", "is the loopback network: it never leaves a host", "error"),
  special(LINK_LOCAL, "is link-local: cloud metadata, Calico's gateway and NodeLocal DNS live there", "warning"),
  special("224.0.0.0/4", "is multicast: no host has such an address", "error"),
  special("240.0.0.0/4", "is reserved: many systems refuse it", "warning"),
  special("::/127", "holds the unspecified address and loopback", "error"),
  special("fe80::/10", "is link-local: it is never routed", "error"),
  special("ff00::/8", "is multicast: no host has such an address", "error"),
];

function special(text: string, what: string, severity: Severity): Special {
  const parsed = parsePrefix(text);
  if (!parsed) throw new Error(text);
  return { prefix: parsed.prefix, text, what, severity };
}

export const specialRange: Check = {
  code: "KN111",
  name: "special-range",
  family: "addresses",
  severity: "error",
  summary: "A pod, service, bridge or segment range lies where addresses have another meaning.",
  documentation: `Loopback (127.0.0.0/8), multicast (224.0.0.0/4, ff00::/8), 0.0.0.0/8 and IPv6 link-local (fe80::/10) addresses are not
forwarded by any kernel: packets are dropped as martians. IPv4 link-local (169.254.0.0/16) and 240.0.0.0/4 work in places and fail
in others: the first holds the clouds' metadata service and several CNIs' own addresses, the second is refused by many stacks.

Use RFC 1918 (10/8, 172.16/12, 192.168/16), RFC 6598 (100.64/10) or IPv6 unique local addresses (fd00::/8).`,
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
      yield finding(
        specialRange,
        range.source,
        `${range.label} ${range.kind === "pods" || range.kind === "services" ? "reach" : "reaches"} into ${hit.text}, which ${hit.what}${freeHint(topology, range)}`,
        {
          severity: hit.severity,
          fixes: moveFixes(topology, range),
        },
      );
    }
  },
};

/** Between routers alone link-local addresses are the custom: AWS gives each VPN tunnel a /30 of 169.254.0.0/16 (Site-to-Site VPN, tunnel options). */
function isTransit(topology: Topology, { kind, segment }: PlannedRange): boolean {
  const stations = topology.attachedTo(segment);
  return kind === "segment" && stations.length > 0 && stations.every(({ station }) => station.kind === "router");
}
