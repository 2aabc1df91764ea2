/** Rules and routes that several machines share: security groups and route tables of clouds. */
import { station } from "./station.ts";
import type { ArgSpec, FlagSpec, KeywordSpec } from "./types.ts";

const stations = ["router", "host", "node", "nodes"];

/** The arguments of the statement of machines with these names. */
function argsOf(keyword: string, names: readonly string[]): readonly (ArgSpec | FlagSpec)[] {
  const args = station.find((row) => row.keyword === keyword)?.args ?? [];
  return args.filter(({ name }) => names.includes(name));
}

const groupExample = `segment nodes {
  cidr 10.0.0.0/24
  cloud aws
  gateway vpc
}
segment office { cidr 192.168.1.0/24 }
router vpc {
  attach nodes 10.0.0.1
  attach office 192.168.1.1
}
security-group workers {
  allow any from-group workers
  allow tcp port 30000-32767 from 192.168.1.0/24
  allow icmp
}
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan }
  nodes w 1..2 { attach nodes { security-group workers } }
  pod web on w1 { listen 80/tcp }
  pod api on w2 { listen 80/tcp }
}
host laptop { attach office 192.168.1.10 }
expect web -> api:80 reachable
expect laptop -> w1:22 blocked
`;

const tableExample = `segment nodes {
  cidr 10.1.0.0/24
  cloud azure
}
segment hub {
  cidr 10.0.0.0/24
  cloud azure
}
segment internet { cidr 203.0.113.0/24 }
router vnet {
  attach nodes 10.1.0.1
  attach hub 10.0.0.1
  attach internet 203.0.113.2
  route default via 203.0.113.1
  route-table spoke {
    for nodes
    route default via 10.0.0.4
  }
}
router firewall {
  attach hub 10.0.0.4
  route default via 10.0.0.1
}
host web {
  attach internet 203.0.113.1
  answers any
  route 10.0.0.0/8 via 203.0.113.2
}
cluster prod {
  pods 10.244.0.0/16
  cni none
  node n1 { attach nodes 10.1.0.4 }
}
expect n1 -> 198.51.100.7 via firewall
`;

const groups: ArgSpec = {
  name: "groups",
  type: { kind: "ref", to: ["security-group"] },
  many: true,
  summary: "The security groups; their rules are combined",
};

export const groupRows: readonly KeywordSpec[] = [
  {
    keyword: "security-group",
    in: ["file"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the security group" }],
    defines: "security-group",
    block: "security-group",
    repeat: "many",
    summary: "A stateful set of allow rules for the interfaces of several machines, as in clouds",
    documentation: `An interface with a security group accepts only packets that an \`allow\` rule of one of its groups matches, and
replies to connections that the machine has tracked. Everything else is dropped silently, including ICMP errors without \`allow icmp\`.
Outgoing connections are allowed unless a group of the interface has an \`allow … out\` rule; then, they must also match one.

The cloud checks packets outside of the machine: it sees node ports before kube-proxy's DNAT, and only the outer header of
tunnels. knet installs the rules in the chains \`PREROUTING\` and \`POSTROUTING\` of table mangle, before DNAT and before
SNAT. On Azure, these are the allow rules of a network security group; on Google Cloud, firewall rules with a target tag.`,
    example: groupExample,
  },
  {
    keyword: "allow",
    in: ["security-group"],
    args: [
      ...argsOf("allow", ["protocol"]),
      {
        name: "direction",
        type: {
          kind: "enum",
          values: [
            { value: "in", summary: "Packets that the interface receives (inbound rule)" },
            { value: "out", summary: "Packets that the interface sends (outbound rule)" },
          ],
        },
        optional: true,
        summary: "Direction of the packets to match",
        default: "in",
      },
      ...argsOf("allow", ["ports"]),
      ...argsOf("allow", ["from"]),
      {
        name: "from-group",
        type: { kind: "ref", to: ["security-group"] },
        after: "from-group",
        many: true,
        optional: true,
        summary: "Also packets from interfaces with these security groups",
      },
      ...argsOf("allow", ["to"]),
      {
        name: "to-group",
        type: { kind: "ref", to: ["security-group"] },
        after: "to-group",
        many: true,
        optional: true,
        summary: "Also packets to interfaces with these security groups",
      },
    ],
    repeat: "many",
    summary: "Allows packets (security group rule)",
    documentation: `All rules of all groups of an interface apply together, in any order; there is no \`deny\`. A group in
\`from-group\` or \`to-group\` is the set of addresses of all interfaces with this group, including the pod addresses that
the cloud assigns to them (AWS VPC CNI, Azure CNI, GKE). Pod addresses that the cloud does not assign are not part of it: kubenet and
plugins without encapsulation also require a rule \`from\` the pod CIDR.`,
    example: groupExample,
  },
  {
    keyword: "security-group",
    in: ["attach"],
    args: [groups],
    repeat: "many",
    summary: "Security groups of this interface",
    documentation: `The interface accepts only packets that a rule of one of its groups allows, and replies. An interface without a
security group accepts all packets. With the AWS VPC CNI, further interfaces that the plugin adds to a node have the groups of its first
interface.`,
    example: groupExample,
  },
  {
    keyword: "security-group",
    in: stations,
    args: [groups],
    repeat: "many",
    summary: "Security groups of all interfaces of the machine",
    documentation: `The same as \`security-group\` in each of the machine's \`attach\` blocks, in addition to the groups there.`,
    example: `segment lan { cidr 10.0.0.0/24 }
security-group web { allow tcp port 80 443 }
host shop {
  attach lan 10.0.0.5
  security-group web
  listen 80
}
host db {
  attach lan 10.0.0.6
  listen 5432
}
expect db -> shop:80 reachable
expect db -> shop:22 blocked
`,
  },
  {
    keyword: "route-table",
    in: ["router"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the table" }],
    block: "route-table",
    blockRequired: true,
    repeat: "many",
    summary: "The routes for packets from some of the router's segments: a route table of a cloud subnet",
    documentation: `Packets that the router receives from the segments in \`for\` use this table (\`ip rule add iif eth0 lookup 100\`):
a user-defined route table on Azure, the route table of a subnet on AWS. Packets from other segments, including the
replies, use the router's own routes or the table of their segment. The routes that a cluster adds (\`cloud-routes\`) are added only to the table of the nodes' segment.

The table contains its own routes, and the prefixes of the router's segments in the same cloud (the local route of a
VPC), or of all segments of the router outside of clouds. If all of its segments are \`cloud azure\`, it also contains the router's other routes, which are Azure's system routes; a route of the table replaces one
with the same prefix. A packet without a matching route is dropped.`,
    example: tableExample,
  },
  {
    keyword: "for",
    in: ["route-table"],
    args: [
      {
        name: "segments",
        type: { kind: "ref", to: ["segment"] },
        many: true,
        summary: "Segments of the router whose packets use the table",
      },
    ],
    repeat: "many",
    required: true,
    summary: "Segments that use the table",
    documentation: `A segment uses at most one table; the router must be attached to it. AWS and Azure call this the association
of a route table with a subnet.`,
    example: tableExample,
  },
  {
    keyword: "route",
    in: ["route-table"],
    args: argsOf("route", ["destination", "via", "blackhole", "unreachable", "prohibit", "dev", "metric"]),
    atLeastOneOf: ["via", "dev", "blackhole", "unreachable", "prohibit"],
    atMostOneOf: ["via", "blackhole", "unreachable", "prohibit"],
    repeat: "many",
    summary: "A route of the table",
    documentation: `The same as \`ip route add … table 100\`. The next hop is the address of a machine on a segment of the router: a
firewall, a NAT gateway, a node. As in a cloud, it is used regardless of where the packet arrived.`,
    example: tableExample,
  },
];
