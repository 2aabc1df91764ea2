/** Network policies: NetworkPolicy, admin policies (AdminNetworkPolicy, ClusterNetworkPolicy), and Calico's policies. */
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

const calico = lab(`calico-tier security { order 100; default-action pass }
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
  select * namespace shop
  types egress
  egress deny to cidr 169.254.169.254/32
  egress pass to any port icmp
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
    from app!=web
    from namespaces team=other
    to 80 443
  }
  egress deny {
    to namespaces team=other
    to nodes *
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
  summary: "Directions that the policy isolates",
};

const selector: ArgSpec = {
  name: "pods",
  type: { kind: "selector" },
  many: true,
  optional: true,
  summary: "Labels of pods: app=web, tier in [a b], tier!=db, tier, !tier; * for all",
};
const any: FlagSpec = { name: "any", flag: true, summary: "Any peer, inside or outside the cluster" };

/** The peers of a rule. `literal` is `from` or `to`; it is undefined for a peer in the rule's block. */
const peers = (literal: string | undefined, isAdmin: boolean): readonly (ArgSpec | FlagSpec)[] => [
  {
    ...selector,
    ...(literal === undefined ? {} : { after: literal, opens: true }),
    summary: isAdmin ? "Pods with these labels" : "Pods with these labels, in this namespace unless another is named",
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
    summary: "Name of the pods' namespace",
  },
  {
    name: "cidr",
    type: { kind: "prefix", orAddress: true },
    after: "cidr",
    optional: true,
    summary: "Any address in this prefix",
  },
  {
    name: "except",
    type: { kind: "prefix", orAddress: true },
    after: "except",
    many: true,
    optional: true,
    summary: "Parts of the prefix to exclude",
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

const ports = (literal: string | undefined, isAdmin = false): ArgSpec => ({
  name: "ports",
  type: { kind: "ports", protocol: true, range: true, named: true, ...(isAdmin ? { icmp: true } : {}) },
  ...(literal === undefined ? {} : { after: literal, optional: true }),
  many: true,
  summary: isAdmin
    ? "Ports of the receiver: 80, 53/udp, 30000-32767/tcp, a port name, or a protocol for all its ports; icmp"
    : "Ports of the receiver: 80, 53/udp, 30000-32767/tcp, a port name, or a protocol for all its ports",
  ...(literal === undefined ? {} : { default: "all ports and protocols" }),
});

const adminPortText = `Defaults to TCP; ports of several protocols can be combined. A name in an admin policy matches the port of that name of any
protocol: \`namedPort\` has no protocol. \`icmp\` matches all ICMP messages; only Calico's API has it.`;

const actions = [
  { value: "allow", summary: "Allow the connection; no further evaluation" },
  { value: "deny", summary: "Deny the connection" },
  { value: "pass", summary: "Defer to the next tier (for an admin-policy, the namespaces' policies)" },
] as const;

const action: ArgSpec = {
  name: "action",
  type: { kind: "enum", values: actions },
  summary: "Action on a connection that the rule matches",
};

/** Calico's rules can also log. */
const calicoAction: ArgSpec = {
  ...action,
  type: { kind: "enum", values: [...actions, { value: "log", summary: "Log the packet; the next rule decides" }] },
};

const oneKind = ["namespaces", "namespace"];

const ingressText = `On a single line, the statement is a rule with one peer; in a block, a rule can have several peers, any of which can
match. Without a peer, or with \`any\`, the rule applies to all peers, inside and outside the cluster; without \`to\`, to
all ports and protocols. \`app=web namespaces team=a\` matches pods with the first label in namespaces with the second;
two \`from\` statements match either peer. ICMP is matched only by rules without ports.`;

const orderedIngressText = `The first matching rule applies. \`app=web\` alone selects pods in all namespaces (in a namespace's \`calico-policy\`, in
that namespace). In an admin policy, a rule needs a peer, and the peers of \`ingress\` are pods.`;

const egressText = `The same as \`ingress\`, for connections from the selected pods: \`to\` selects the peers, \`port\` their ports. A policy
that isolates egress must explicitly allow DNS (port 53).`;

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
            { value: "none", summary: "None: policies are accepted but have no effect" },
            { value: "calico", summary: "Felix: chains per pod interface (with flannel: Canal)" },
            { value: "kube-router", summary: "kube-router, also in k3s: chains per pod address" },
            { value: "weave", summary: "weave-npc: chains for traffic entering and leaving the bridge" },
            { value: "kindnet", summary: "kube-network-policies: packets are queued to a daemon" },
          ],
        },
        summary: "Policy engine",
      },
    ],
    repeat: "once",
    default: "calico, kindnet, and weave enforce policies themselves; other plugins do not",
    summary: "Policy engine that enforces network policies",
    documentation: `kube-apiserver accepts a NetworkPolicy regardless of the CNI plugin; a plugin without a policy engine ignores it.
flannel, the bridge plugin, and docker have no policy engine: Canal adds Calico's, k3s adds kube-router's, and kind's
kindnet and flannel's newer chart add kube-network-policies.`,
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
    documentation: `Isolates the pods of its namespace that \`select\` matches, in the directions of \`types\`: only connections that at least
one policy allows are permitted. Policies are additive: their order is irrelevant, and no policy can deny what another
one allows. A connection must be allowed for both the source and the destination; its replies pass. Without rules, the
policy denies all connections in its directions; without \`select\`, it applies to all pods of the namespace
(k8s.io/api/networking/v1). In the cluster's block, it belongs to the namespace \`default\`.`,
    example: shop,
  },
  {
    keyword: "select",
    in: ["policy"],
    args: [{ ...selector, optional: false }],
    repeat: "once",
    default: "* (all pods of the namespace)",
    summary: "Pods that the policy applies to",
    documentation: `\`podSelector\`. All conditions must match: \`app=web\`, \`tier in [a b]\`, \`tier\` (the label exists), \`!tier\` (the label
does not exist), and \`app!=web\` and \`tier notin [a b]\` (which also match pods without the label). \`*\` matches all
pods.`,
    example: shop,
  },
  {
    keyword: "select",
    in: ["calico policy"],
    args: peers(undefined, true).filter((arg) => ["pods", "namespaces", "namespace"].includes(arg.name)),
    atMostOneOf: oneKind,
    repeat: "once",
    default: "* (all pods of the namespace; in the cluster's block, of all namespaces)",
    summary: "Pods that the policy applies to",
    documentation: `\`selector\`; in the cluster's block, \`namespaces\` and \`namespace\` restrict the policy to the pods of these namespaces
(GlobalNetworkPolicy \`namespaceSelector\`). Calico's operators \`&&\`, \`==\`, \`!=\`, \`in\`, \`not in\`, and \`has()\` are the
conditions of a label selector; a selector with \`||\` needs one policy for each alternative.`,
    example: calico,
  },
  {
    keyword: "types",
    in: ["policy", "calico policy"],
    args: [types],
    repeat: "once",
    default: "ingress, and egress if there is an egress rule",
    summary: "Directions that the policy isolates",
    documentation: `\`policyTypes\`. Without it, a policy always isolates ingress, and egress if it has an egress rule: a policy that has
only egress rules also isolates ingress (networking/v1 types.go, policyTypes).`,
    example: shop,
  },
  {
    keyword: "ingress",
    in: ["policy"],
    args: [...peers("from", false), ports("to")],
    block: "ingress rule",
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "Allowed connections to the selected pods",
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
    summary: "Allowed connections from the selected pods",
    documentation: egressText,
    example: shop,
  },
  {
    keyword: "from",
    in: ["ingress rule"],
    args: peers(undefined, false),
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "A peer of the rule",
    documentation: "A rule can have several peers; any of them can match.",
    example: shop,
  },
  {
    keyword: "to",
    in: ["ingress rule"],
    args: [ports(undefined)],
    repeat: "many",
    summary: "Ports of the selected pods",
    documentation: `Defaults to TCP. A name refers to \`listen 8080/tcp as http\` and is resolved in each selected pod.`,
    example: shop,
  },
  {
    keyword: "to",
    in: ["egress rule"],
    args: peers(undefined, false),
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "A peer of the rule",
    documentation: "A rule can have several peers; any of them can match.",
    example: egressBlock,
  },
  {
    keyword: "port",
    in: ["egress rule"],
    args: [ports(undefined)],
    repeat: "many",
    summary: "Ports of the receivers",
    documentation: "Defaults to TCP. A name is resolved in each receiving pod.",
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
    documentation: `Applies to the whole cluster, before the namespaces' policies: rules are evaluated in order, policies with a lower
\`priority\` first, and the first matching rule applies. \`pass\` defers to the namespaces' policies. If no rule matches,
nothing is decided: an admin policy never isolates pods (network-policy-api, AdminNetworkPolicy v1alpha1,
ClusterNetworkPolicy v1alpha2).`,
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
    documentation: `Applies if no policy of the pod's namespace selects the pod in that direction. v1alpha1 allows a single policy, named
\`default\`; v1alpha2 allows several, in order of \`priority\`.`,
    example: administered,
  },
  {
    keyword: "priority",
    in: ["admin policy"],
    args: [{ name: "value", type: { kind: "number", min: 0, max: 1000 }, summary: "0 is evaluated first, 1000 last" }],
    repeat: "once",
    default: "1000",
    summary: "Position among the policies of its kind",
    documentation: `If two policies have the same priority and conflict, the result is undefined (KN619); knet evaluates them in
alphabetical order.`,
    example: administered,
  },
  {
    keyword: "subject",
    in: ["admin policy"],
    args: peers(undefined, true).filter((arg) => ["pods", "namespaces", "namespace"].includes(arg.name)),
    atMostOneOf: oneKind,
    repeat: "once",
    default: "all pods of all namespaces",
    summary: "Pods that the policy applies to",
    documentation: "Pods with `host-network` are never selected.",
    example: administered,
  },
  {
    keyword: "ingress",
    in: ["admin policy"],
    args: [action, ...peers("from", true), ports("to", true)],
    block: "admin ingress rule",
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "Action on connections to the pods",
    documentation: orderedIngressText,
    example: administered,
  },
  {
    keyword: "ingress",
    in: ["calico policy"],
    args: [calicoAction, ...peers("from", true), ports("to", true)],
    block: "admin ingress rule",
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "Action on connections to the pods",
    documentation: orderedIngressText,
    example: calico,
  },
  {
    keyword: "egress",
    in: ["admin policy"],
    args: [action, ...peers("to", true), ports("port", true)],
    block: "admin egress rule",
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "Action on connections from the pods",
    documentation: "Same as `ingress` in the same policy, for the other direction.",
    example: adminBlock,
  },
  {
    keyword: "egress",
    in: ["calico policy"],
    args: [calicoAction, ...peers("to", true), ports("port", true)],
    block: "admin egress rule",
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "Action on connections from the pods",
    documentation: "Same as `ingress` in the same policy, for the other direction.",
    example: calico,
  },
  {
    keyword: "from",
    in: ["admin ingress rule"],
    args: peers(undefined, true),
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "A peer of the rule",
    documentation: "A rule can have several peers; any of them can match.",
    example: adminBlock,
  },
  {
    keyword: "to",
    in: ["admin ingress rule"],
    args: [ports(undefined, true)],
    repeat: "many",
    summary: "Ports of the receivers",
    documentation: adminPortText,
    example: adminBlock,
  },
  {
    keyword: "to",
    in: ["admin egress rule"],
    args: peers(undefined, true),
    atMostOneOf: oneKind,
    repeat: "many",
    summary: "A peer of the rule",
    documentation: "A rule can have several peers; any of them can match.",
    example: adminBlock,
  },
  {
    keyword: "port",
    in: ["admin egress rule"],
    args: [ports(undefined, true)],
    repeat: "many",
    summary: "Ports of the receivers",
    documentation: adminPortText,
    example: adminBlock,
  },
  {
    keyword: "calico-tier",
    in: ["cluster"],
    args: [{ ...name, summary: "Name of the tier" }],
    block: "calico tier",
    repeat: "many",
    summary: "A Calico Tier",
    documentation: `Tiers are evaluated in order. Within a tier, the policies that select the pod are evaluated in order. If a policy of
the tier selects the pod but no rule matches, the packet is dropped at the end of the tier; a rule with \`pass\`
prevents this. The \`default\` tier has order 1000000 and also contains the namespaces' policies, with order 1000
(projectcalico, api/pkg/apis/projectcalico/v3/tier.go).`,
    example: calico,
  },
  {
    keyword: "calico-policy",
    in: ["cluster", "namespace"],
    args: [name],
    defines: "policy",
    block: "calico policy",
    repeat: "many",
    summary: "A Calico NetworkPolicy; in the cluster's block, a GlobalNetworkPolicy",
    documentation: `Rules are evaluated in order, and the first matching rule applies: \`allow\`, \`deny\`, or \`pass\` to the next tier; \`log\`
does not decide. Only Calico's policy engine supports these policies. As in Felix, the label \`projectcalico.org/serviceaccount\` and labels
that start with \`pcsa.\` represent the pods' service account.`,
    example: calico,
  },
  {
    keyword: "tier",
    in: ["calico policy"],
    args: [{ name: "tier", type: { kind: "name" }, summary: "Name of the tier" }],
    repeat: "once",
    default: "default",
    summary: "Tier of the policy",
    documentation: "Declared by a `calico-tier`, or `default`.",
    example: calico,
  },
  {
    keyword: "order",
    in: ["calico policy", "calico tier"],
    args: [
      {
        name: "value",
        type: { kind: "number", min: 0, max: 1_000_000_000, decimals: true },
        summary: "Lower values are evaluated first",
      },
    ],
    repeat: "once",
    default: "last",
    summary: "Evaluation order",
    documentation: "Without an order, a policy or tier is evaluated last; ties are resolved by name.",
    example: calico,
  },
  {
    keyword: "default-action",
    in: ["calico tier"],
    args: [
      {
        name: "action",
        type: {
          kind: "enum",
          values: [
            { value: "deny", summary: "The packet is dropped" },
            { value: "pass", summary: "The next tier decides" },
          ],
        },
        summary: "Action if a policy of the tier selects the pod and no rule matches",
      },
    ],
    repeat: "once",
    default: "deny",
    summary: "Action at the end of the tier (defaultAction)",
    documentation: `Applies only to pods that a policy of the tier selects; for all others, the tier is skipped (api, v3/tier.go).`,
    example: calico,
  },
];
