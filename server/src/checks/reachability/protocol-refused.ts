import type { Source } from "../../language/tree.ts";
import type { Check, Fix } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { reportCauses, whoCannot } from "./report.ts";

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

export const protocolRefused: Check & { readonly code: "KN214" } = {
  code: "KN214",
  name: "protocol-refused",
  family: "reachability",
  severity: "error",
  summary: "The cloud's network drops the tunnel's protocol.",
  documentation: `Azure's virtual networks carry TCP, UDP, ICMP, ESP and AH; IP in IP (protocol 4) and GRE are dropped, whatever the security groups say (*Azure Virtual
Network FAQ*). Calico's manifest has IPIP by default: on Azure pods of one node meet, those of two nodes do not, and nobody gets an error.

Use VXLAN, whose packets are UDP. In AWS and Google Cloud protocol 4 passes, where the security group or firewall rule allows it.`,
  example: { bad: cluster("ipip always"), good: cluster("vxlan always") },
  run: (context) =>
    reportCauses(
      protocolRefused,
      context,
      (cause) =>
        `${whoCannot(cause)}: ${cause.example.reason?.message ?? "the network drops the tunnel's packets"}; use VXLAN, whose packets are UDP`,
      ({ source }) => fixesAt(source),
    ),
};

/** A pool's `ipip always` becomes `vxlan always`; flannel's `backend ipip` becomes `backend vxlan`. */
function fixesAt(source: Source): readonly Fix[] {
  const { keyword, args } = source.statement;
  const whole = sourceAt(source, "whole");
  if (keyword.text === "ipip") return [replaceFix("Use VXLAN", whole, `vxlan ${args[0]?.text ?? "always"}`)];
  if (keyword.text === "backend") return [replaceFix("Use VXLAN", sourceAt(source, 0), "vxlan")];
  return [];
}
