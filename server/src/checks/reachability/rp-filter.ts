import type { Check } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { reportCauses, whoCannot } from "./report.ts";

const cluster = (value: number): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
segment storage { cidr 192.168.30.0/24; gateway 192.168.30.1 }
router core { attach lan 192.168.10.1; attach storage 192.168.30.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan; iface eth0 }
  node n1 { attach storage 192.168.30.11 }
  node n2 {
    attach lan 192.168.10.12
    attach storage 192.168.30.12
    sysctl net.ipv4.conf.all.rp_filter ${value}
  }
  pod a on n1
  pod b on n2
}
`;

export const rpFilter: Check & { readonly code: "KN207" } = {
  code: "KN207",
  name: "reverse-path-filter",
  family: "reachability",
  severity: "error",
  summary: "A node drops packets because its answer would leave by another interface.",
  documentation: `With \`rp_filter=1\` (strict, RFC 3704) the kernel drops a packet unless the route back to its source leaves by the interface by which it came
(fib_validate_source). Where the ways there and back differ, on nodes with two networks, the packets vanish in one direction and nothing
is logged (\`log_martians\` is off).

Set it to 2 (loose) or 0, or make the ways symmetric. The larger of \`all\` and the interface's own value counts.`,
  example: { bad: cluster(1), good: cluster(2) },
  run: (context) =>
    reportCauses(
      rpFilter,
      context,
      (cause) =>
        `${whoCannot(cause)}: ${cause.example.reason?.message ?? "rp_filter drops the packet"}; set it to 2, or make the ways there and back the same`,
      ({ source }) =>
        source.statement.keyword.text === "sysctl" ? [replaceFix("Change to 2 (loose)", sourceAt(source, 1), "2")] : [],
    ),
};
