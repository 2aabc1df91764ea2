import { formatPrefix, hostPrefix, prefixContains } from "../../addressing/ip.ts";
import { reportCauses, whoCannot } from "../../findings/causes.ts";
import type { Check } from "../../findings/check.ts";
import { whatDied } from "../../findings/hops.ts";
import { machineAt } from "../../findings/machines.ts";
import { wayThrough } from "../../fixes/allow.ts";
import { appendFix } from "../../fixes/fix.ts";
import { type Cause, lostPacket } from "../../questions/causes.ts";
import { t } from "../../text/l10n.ts";
import type { Topology } from "../../topology/model.ts";
import { stationsOf } from "../../topology/stations.ts";

const cluster = (rules: string): string => `segment subnet {
  cidr 10.0.0.0/24
  cloud aws
}
router vpc { attach subnet 10.0.0.1 }
security-group workers {
  allow icmp
  allow tcp from-group workers${rules}
}
cluster prod {
  pods 10.244.0.0/16 per-node /24
  cni flannel { backend vxlan }
  nodes w 1..2 { attach subnet { security-group workers } }
  pod a on w1 { listen 80/tcp }
  pod b on w2 { listen 80/tcp }
}
`;

export const securityGroup: Check<"KN424"> = {
  code: "KN424",
  name: "blocked-by-security-group",
  family: "reachability",
  severity: "error",
  summary: "A security group drops traffic between nodes or pods of a cluster.",
  documentation: `## What happens

A security group allows only packets that one of its rules matches. A cluster requires, between all nodes: the port or protocol
of its tunnels (UDP 8472 or 4789 for VXLAN, protocol 4 for IP-in-IP, UDP 51820 for WireGuard, protocol 50 for IPsec), TCP 179 for BGP,
and TCP 10250 for kubelet. Without a tunnel, the packets have pod addresses, and a rule for the group of the nodes matches them only if the
cloud assigned the addresses (AWS VPC CNI, Azure CNI, GKE).

Pods on the same node reach each other, but pods on different nodes do not, and no error is reported.

## How to fix it

Add a rule that allows these packets from the group itself (\`from-group\`), or from the pod CIDR.

## References

- [Amazon EKS security group requirements](https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html)`,
  example: { bad: cluster(""), good: cluster("\n  allow udp port 8472 from-group workers") },
  run: (context) =>
    reportCauses(securityGroup, context, {
      kind: "group",
      message: (cause) => {
        const { failed, reason } = cause.example;
        const name = nameOf(cause);
        const machine = machineAt(context.topology, reason?.netns);
        return t`security group \`${name}\` drops ${whatDied(failed)} on ${machine}: ${whoCannot(cause)}; no rule allows these packets`;
      },
      fixes: (cause) => {
        const text = ruleFor(cause, context.topology);
        return [appendFix(t`Add \`${text}\` to the security group`, cause.source, text)];
      },
    }),
};

function nameOf({ source }: Cause): string {
  const [name] = source.decl.values;
  return name?.text ?? "";
}

/** The tunnel's protocol, or all packets with pod addresses, from the group of the sender. */
function ruleFor(cause: Cause, topology: Topology): string {
  const { failed, probe } = cause.example;
  const way = wayThrough(failed);
  const pods = probe.cluster.podCidrs.map(({ prefix }) => formatPrefix(prefix));
  const from = way === "" && pods.length > 0 ? [`from ${pods.join(" ")}`] : [];
  return [way === "" ? "allow any" : way, ...from, sender(cause, topology)].join(" ");
}

/** The security group of the machine that sent the packet; without one, its segment. */
function sender(cause: Cause, topology: Topology): string {
  const src = lostPacket(cause.example.failed)?.src;
  const iface = stationsOf(topology)
    .flatMap(({ interfaces }) => interfaces)
    .find(({ addresses }) => addresses.some(({ ip }) => ip === src));
  const [group] = iface?.groups ?? [];
  if (group !== undefined || iface === undefined || src === undefined) return `from-group ${group ?? nameOf(cause)}`;
  const cidr = topology.segments.get(iface.segment)?.cidrs.find((one) => prefixContains(one, src));
  return `from ${formatPrefix(cidr ?? hostPrefix(src))}`;
}
