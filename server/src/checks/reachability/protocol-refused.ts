import { keywordOf, readAt, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import { reasonOf, reportCauses, whoCannot } from "../../findings/causes.ts";
import type { Check } from "../../findings/check.ts";
import { type Fix, replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const cluster = (pool: string): string => `segment zone-1 {
  cidr 10.240.0.0/24
  cloud azure
  gateway vnet
}
segment zone-2 {
  cidr 10.240.1.0/24
  cloud azure
  gateway vnet
}
router vnet { attach zone-1 10.240.0.1; attach zone-2 10.240.1.1 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni calico {
    pool main 10.244.0.0/16 { ${pool}; nat-outgoing true }
  }
  node n1 { attach zone-1 10.240.0.4 }
  node n2 { attach zone-2 10.240.1.4 }
  pod web on n1
  pod api on n2
}
`;

export const protocolRefused: Check<"KN214"> = {
  code: "KN214",
  name: "protocol-refused",
  family: "reachability",
  severity: "error",
  summary: "The cloud network drops the tunnel's protocol.",
  documentation: `## What happens

Azure virtual networks carry TCP, UDP, ICMP, ESP, and AH. IP-in-IP (protocol 4) and GRE are dropped, regardless of the
security groups. Calico's manifest uses IPIP by default: on Azure, pods on the same node reach each other, but pods on different
nodes do not, and no error is reported.

## How to fix it

Use VXLAN, which is carried over UDP. On AWS and Google Cloud, protocol 4 passes if the security group or firewall rule
allows it.

## References

- *Azure Virtual Network FAQ*`,
  example: { bad: cluster("ipip always"), good: cluster("vxlan always") },
  run: (context) =>
    reportCauses(protocolRefused, context, {
      kind: "protocol-refused",
      message: (cause) => t`${whoCannot(cause)}: ${reasonOf(cause)}; use VXLAN, which is carried over UDP`,
      fixes: ({ source }) => fixesAt(source),
    }),
};

/** Changes a pool's `ipip always` to `vxlan always`, and flannel's `backend ipip` to `backend vxlan`. */
function fixesAt(source: Origin): readonly Fix[] {
  const keyword = keywordOf(source);
  const whole = sourceAt(source, "whole");
  if (keyword === "ipip")
    return [replaceFix(t`Use VXLAN`, whole, `vxlan ${readAt(sourceAt(source, 0))?.text ?? "always"}`)];
  if (keyword === "backend") return [replaceFix(t`Use VXLAN`, sourceAt(source, 0), "vxlan")];
  return [];
}
