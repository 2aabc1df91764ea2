/** Network policies: Kubernetes' own, those of administrators, Calico's. */
import type { ArgSpec, FlagSpec, KeywordSpec } from "./types.ts";

const name: ArgSpec = { name: "name", type: { kind: "name" }, summary: "Name of the policy" };

const lab = (inside: string): string => `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel
  network-policy kube-router
  node n1 { attach lan }
  node n2 { attach lan }
${inside.replace(/^(?=.)/gm, "  ")}}
`;

const shop = lab(`namespace shop {
  labels team=shop
  pod web { labels app=web; listen 80/tcp }
  pod api { labels app=api; listen 9090/tcp }
  pod db { labels app=db; listen 5432/tcp as postgres }
  policy only-web-calls-api {
    select app=api
    ingress from app=web to 9090/tcp
  }
  policy db {
    select app=db
    types ingress egress
    ingress from tier in [back batch] to postgres
    ingress {
      from app=api
      from role=backup namespaces team=operations
      from cidr 192.168.0.0/16 except 192.168.10.0/24
      to postgres
    }
  }
  policy api-talks-to {
    select app=api
    types egress
    egress to app=db port 5432/tcp
    egress to namespace kube-system port 53/udp 53/tcp
  }
}
namespace kube-system { pod dns { listen 53/udp 53/tcp } }
pod batch { labels tier=batch }
namespace operations {
  labels team=operations
  pod backup { labels role=backup }
}
`);

const administered = lab(`namespace shop {
  labels team=shop
  pod web { labels app=web; listen 80/tcp }
}
namespace monitoring {
  pod prometheus { listen 9090/tcp }
}
admin-policy monitoring-gets-in {
  priority 10
  subject namespaces *
  ingress allow from namespace monitoring
}
admin-policy own-namespace-decides {
  priority 20
  subject namespaces team=shop
  ingress pass from namespace shop to 80/tcp
  ingress deny from namespaces * to 8080-9090/tcp
}
baseline-admin-policy closed {
  subject namespaces *
  ingress deny from namespaces *
}
`);

const calico = lab(`calico-tier security { order 100 }
namespace shop {
  pod web { labels app=web; listen 80/tcp }
  pod db { labels app=db; listen 5432/tcp }
  calico-policy db {
    order 50
    select app=db
    ingress allow from app=web to 5432/tcp
  }
}
calico-policy no-metadata {
  tier security
  order 10
  select *
  types egress
  egress deny to cidr 169.254.169.254/32
  egress pass to any
}
`);

const egressBlock = lab(`pod web {
  labels app=web
}
policy web-talks-to {
  select app=web
  types egress
  egress {
    to app=db
    to namespace kube-system
    to cidr 192.168.10.0/24
    port 53/udp 5432
  }
}
pod db { labels app=db }
namespace kube-system { pod dns { listen 53/udp } }
`);

const adminBlock = lab(`pod web { labels app=web; listen 80/tcp }
pod other
admin-policy closed {
  subject app=web
  ingress deny {
    from nodes *
    from app!=web
    to 80 443
  }
  egress deny {
    to namespaces team=other
    to cidr 192.168.10.0/24
    port 5432
  }
}
`);

const types: ArgSpec = {
  name: "directions",
  type: {
    kind: "enum",
    values: [
      { value: "ingress", summary: "Connections to the selected pods" },
      { value: "egress", summary: "Connections from the selected pods" },
    ],
  },
  many: true,
  summary: "The directions that the policy isolates",
};

const selector: ArgSpec = {
  name: "pods",
  type: { kind: "selector" },
  many: true,
  optional: true,
  summary: "Labels of pods: app=web, tier in [a b], tier!=db, tier, !tier; * for all",
};
const any: FlagSpec = { name: "any", flag: true, summary: "Whoever it is, in the cluster or outside" };

/** Who is at the other end; `literal` is from or to. */
const peers = (literal: string | undefined, isAdmin: boolean): readonly (ArgSpec | FlagSpec)[] => [
  {
    ...selector,
    ...(literal === undefined ? {} : { after: literal, opens: true }),
    summary: `Pods with these labels${isAdmin ? "" : ", of this namespace unless others are named"}`,
  },
  {
    name: "namespaces",
    type: { kind: "selector" },
    after: "namespaces",
    many: true,
    optional: true,
    summary: "Labels of the pods' namespaces; * for all",
  },
  {
    name: "namespace",
    type: { kind: "ref", to: ["namespace"] },
    after: "namespace",
    many: true,
    optional: true,
    summary: "The pods' namespace by its name",
  },
  {
    name: "cidr",
    type: { kind: "prefix", orAddress: true },
    after: "cidr",
    optional: true,
    summary: "Whoever has an address of this prefix",
  },
  {
    name: "except",
    type: { kind: "prefix", orAddress: true },
    after: "except",
    many: true,
    optional: true,
    summary: "Parts of the prefix that are not meant",
  },
  ...(isAdmin
    ? [
        {
          name: "nodes",
          type: { kind: "selector" },
          after: "nodes",
          many: true,
          optional: true,
          summary: "Nodes with these labels, by their own addresses; * for all",
        } as const,
      ]
    : []),
  any,
];

const ports = (literal: string | undefined): ArgSpec => ({
  name: "ports",
  type: { kind: "ports", protocol: true, range: true, named: true },
  ...(literal === undefined ? {} : { after: literal, optional: true }),
  many: true,
  summary: "Ports of the receiver: 80, 53/udp, 30000-32767/tcp, a name, or a protocol for all its ports",
  ...(literal === undefined ? {} : { default: "all ports and protocols" }),
});

const action: ArgSpec = {
  name: "action",
  type: {
    kind: "enum",
    values: [
      { value: "allow", summary: "The connection may be made; nothing else is asked" },
      { value: "deny", summary: "It may not" },
      { value: "pass", summary: "The next tier decides: for an admin-policy the namespaces' own policies" },
    ],
  },
  summary: "What becomes of a connection that the rule matches",
};

const oneKind = ["namespaces", "namespace"];

const ingressText = `Alone in its line it is a rule with one peer; in a block several peers may stand, any of which will do. Without a peer, or with
\`any\`, the rule holds for whoever it is, in the cluster or outside; without \`to\` for all ports and protocols. \`app=web namespaces team=a\` means
pods with the one label in namespaces with the other; two statements \`from\` mean either. ICMP is matched only by rules without ports.`;

const egressText = `As \`ingress\`, for the connections that the selected pods make: \`to\` says whom they may call, \`port\` on which ports. Whoever isolates egress must
say that DNS (port 53) is allowed.`;

export const policy: readonly KeywordSpec[] = [
  {
    keyword: "network-policy",
    in: ["cluster"],
    args: [
      {
        name: "engine",
        type: {
          kind: "enum",
          values: [
            { value: "none", summary: "Nobody: policies are accepted and have no effect" },
            { value: "calico", summary: "Felix: chains for each pod's interface (with flannel: Canal)" },
            { value: "kube-router", summary: "kube-router, also inside k3s: chains for each pod's address" },
            { value: "weave", summary: "weave-npc: chains for what enters and leaves the bridge" },
            { value: "kindnet", summary: "kube-network-policies: packets are put to a daemon" },
          ],
        },
        summary: "Who enforces policies",
      },
    ],
    repeat: "once",
    default: "calico, kindnet and weave enforce policies themselves; with the other plugins nobody does",
    summary: "Who enforces network policies",
    documentation: `The API server takes a NetworkPolicy whatever the cluster runs; a CNI plugin without a policy engine ignores it. flannel, the bridge plugin and
docker have none: Canal adds Calico's, k3s kube-router's, kind's kindnet and flannel's newer chart kube-network-policies.`,
    example: shop,
  },
  {
    keyword: "policy",
    in: ["cluster", "namespace"],
    args: [name],
    defines: "policy",
    block: "policy",
    repeat: "many",
    summary: "A Kubernetes NetworkPolicy",
    documentation: `It isolates the pods of its namespace that \`select\` names, in the directions of \`types\`: from then on only what a rule of some policy
allows gets through. Policies add up, their order means nothing, and none can forbid what another allows. Both ends must permit a connection;
its replies pass. Without rules the policy closes its direction, without \`select\` it means all pods of the namespace
(k8s.io/api/networking/v1). In the cluster's block it belongs to the namespace \`default\`.`,
    example: shop,
  },
  {
    keyword: "select",
    in: ["policy", "calico policy"],
    args: [{ ...selector, optional: false }],
    repeat: "once",
    default: "*: all pods of the namespace",
    summary: "The pods to which the policy applies",
    documentation: `podSelector. All conditions must hold: \`app=web\`, \`app!=web\` and \`tier notin [a b]\` (which hold of a pod without the label, too),
\`tier in [a b]\`, \`tier\` (the label is there), \`!tier\` (it is not). \`*\` means all pods.`,
    example: shop,
  },
  {
    keyword: "types",
    in: ["policy", "calico policy"],
    args: [types],
    repeat: "once",
    default: "ingress, and egress if there is an egress rule",
    summary: "The directions that the policy isolates",
    documentation: `policyTypes. Without it a policy isolates ingress always and egress if it has an egress rule: a policy that has egress rules only closes
ingress, too (networking/v1 types.go, policyTypes).`,
    example: shop,
  },
  {
    keyword: "ingress",
    in: ["policy"],
    args: [...peers("from", false), ports("to")],
    block: "ingress rule",
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "Connections to the selected pods that are allowed",
    documentation: ingressText,
    example: shop,
  },
  {
    keyword: "egress",
    in: ["policy"],
    args: [...peers("to", false), ports("port")],
    block: "egress rule",
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "Connections from the selected pods that are allowed",
    documentation: egressText,
    example: shop,
  },
  {
    keyword: "from",
    in: ["ingress rule"],
    args: peers(undefined, false),
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "One of the rule's peers",
    documentation: "A rule may have several peers, and any of them will do.",
    example: shop,
  },
  {
    keyword: "to",
    in: ["ingress rule"],
    args: [ports(undefined)],
    repeat: "many",
    summary: "Ports of the selected pods",
    documentation: `Without a protocol TCP is meant. A name is that of \`listen 8080/tcp as http\`, looked up in each selected pod.`,
    example: shop,
  },
  {
    keyword: "to",
    in: ["egress rule"],
    args: peers(undefined, false),
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "One of the rule's peers",
    documentation: "A rule may have several peers, and any of them will do.",
    example: egressBlock,
  },
  {
    keyword: "port",
    in: ["egress rule"],
    args: [ports(undefined)],
    repeat: "many",
    summary: "Ports of the receivers",
    documentation: "Without a protocol TCP is meant. A name is looked up in each receiving pod.",
    example: egressBlock,
  },
  {
    keyword: "admin-policy",
    in: ["cluster"],
    args: [name],
    defines: "policy",
    block: "admin policy",
    repeat: "many",
    summary: "An AdminNetworkPolicy, or a ClusterNetworkPolicy of the Admin tier",
    documentation: `For the whole cluster and before the namespaces' own policies: its rules are asked in order, those of the smaller \`priority\` first, and the first one
that matches decides. \`pass\` leaves the decision to the namespaces' policies. Where none matches nothing is decided: it never isolates
(network-policy-api, AdminNetworkPolicy v1alpha1, ClusterNetworkPolicy v1alpha2).`,
    example: administered,
  },
  {
    keyword: "baseline-admin-policy",
    in: ["cluster"],
    args: [name],
    defines: "policy",
    block: "admin policy",
    repeat: "many",
    summary: "A BaselineAdminNetworkPolicy, or a ClusterNetworkPolicy of the Baseline tier",
    documentation: `What holds where no policy of the pod's namespace selects it for the direction. v1alpha1 knows one, called \`default\`; in v1alpha2 there may be several,
in order of \`priority\`.`,
    example: administered,
  },
  {
    keyword: "priority",
    in: ["admin policy"],
    args: [{ name: "value", type: { kind: "number", min: 0, max: 1000 }, summary: "0 goes first, 1000 last" }],
    repeat: "once",
    default: "1000",
    summary: "Its place among the policies of its kind",
    documentation:
      "The result of two policies with the same priority that disagree is undefined; here the one with the smaller name goes first.",
    example: administered,
  },
  {
    keyword: "subject",
    in: ["admin policy"],
    args: peers(undefined, true).filter((arg) => ["pods", "namespaces", "namespace"].includes(arg.name)),
    atMostOneOf: oneKind,
    repeat: "once",
    default: "all pods of all namespaces",
    summary: "The pods to which the policy applies",
    documentation: "Pods of the host network are never meant.",
    example: administered,
  },
  {
    keyword: "ingress",
    in: ["admin policy", "calico policy"],
    args: [action, ...peers("from", true), ports("to")],
    block: "admin ingress rule",
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "What becomes of connections to the pods",
    documentation: `The first rule that matches decides. \`app=web\` alone means pods of all namespaces (in a namespace's \`calico-policy\`: of that namespace).`,
    example: administered,
  },
  {
    keyword: "egress",
    in: ["admin policy", "calico policy"],
    args: [action, ...peers("to", true), ports("port")],
    block: "admin egress rule",
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "What becomes of connections from the pods",
    documentation: "As `ingress` of the same policy, for the other direction.",
    example: calico,
  },
  {
    keyword: "from",
    in: ["admin ingress rule"],
    args: peers(undefined, true),
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "One of the rule's peers",
    documentation: "A rule may have several peers, and any of them will do.",
    example: adminBlock,
  },
  {
    keyword: "to",
    in: ["admin ingress rule"],
    args: [ports(undefined)],
    repeat: "many",
    summary: "Ports of the receivers",
    documentation: "Without a protocol TCP is meant; ports of any protocol may stand together.",
    example: adminBlock,
  },
  {
    keyword: "to",
    in: ["admin egress rule"],
    args: peers(undefined, true),
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "One of the rule's peers",
    documentation: "A rule may have several peers, and any of them will do.",
    example: adminBlock,
  },
  {
    keyword: "port",
    in: ["admin egress rule"],
    args: [ports(undefined)],
    repeat: "many",
    summary: "Ports of the receivers",
    documentation: "Without a protocol TCP is meant; ports of any protocol may stand together.",
    example: adminBlock,
  },
  {
    keyword: "calico-tier",
    in: ["cluster"],
    args: [{ ...name, summary: "Name of the tier" }],
    block: "calico tier",
    repeat: "many",
    summary: "A Tier of Calico",
    documentation: `Tiers are asked in order. In each the policies that select the pod are asked in their order; a pod that some policy of the tier selects and
none decides about is dropped at its end, unless a rule says \`pass\`. \`default\` has order 1000000 and holds the namespaces' own
policies (order 1000) as well (projectcalico, api/pkg/apis/projectcalico/v3/tier.go).`,
    example: calico,
  },
  {
    keyword: "calico-policy",
    in: ["cluster", "namespace"],
    args: [name],
    defines: "policy",
    block: "calico policy",
    repeat: "many",
    summary: "A NetworkPolicy of Calico; in the cluster's block a GlobalNetworkPolicy",
    documentation: `Rules are asked in order and the first one that matches decides: \`allow\`, \`deny\` or \`pass\` to the next tier. Only Calico's engine knows these
policies.`,
    example: calico,
  },
  {
    keyword: "tier",
    in: ["calico policy"],
    args: [{ name: "tier", type: { kind: "name" }, summary: "Name of the tier" }],
    repeat: "once",
    default: "default",
    summary: "The tier to which the policy belongs",
    documentation: "One that a `calico-tier` declares, or `default`.",
    example: calico,
  },
  {
    keyword: "order",
    in: ["calico policy", "calico tier"],
    args: [
      { name: "value", type: { kind: "number", min: 0, max: 1_000_000_000 }, summary: "The smaller one goes first" },
    ],
    repeat: "once",
    default: "last",
    summary: "Its place among the others",
    documentation: "Without it a policy or tier goes last; the same order is resolved by name.",
    example: calico,
  },
];
