/**
 * The truth tables of Kubernetes' own suite (kubernetes/kubernetes, test/e2e/network/netpol/network_policy.go), retyped: the
 * pods of a case, its policies, and for a port the expected connections between pods. As in the suite, all pods are expected
 * to be reachable by default, later lines override earlier ones, and connections of a pod to itself are omitted.
 */
import { describe, expect, it } from "vitest";
import { blocked, clusterOf, topologyOf } from "./support.ts";

/** From, to, whether it is reachable. `x/*`: all pods of x, `*`: all pods. */
type Line = readonly [from: string, to: string, reachable: boolean];

interface Probe {
  readonly port: number;
  readonly proto?: "tcp" | "udp" | "sctp";
  readonly lines: readonly Line[];
}

interface Case {
  readonly name: string;
  readonly pods: string;
  readonly policies: Readonly<Record<string, string>>;
  readonly probes: readonly Probe[];
  /** Further text of the cluster: labels of namespaces. */
  readonly inside?: string;
}

const tcp = (port: number, ...lines: readonly Line[]): Probe => ({ port, lines });

const cases: readonly Case[] = [
  {
    name: "should support a 'default-deny-ingress' policy",
    pods: "x/a x/b y/a y/b",
    policies: { x: "policy deny-ingress" },
    probes: [tcp(80, ["*", "x/*", false])],
  },
  {
    name: "should support a 'default-deny-all' policy",
    pods: "x/a x/b y/a",
    policies: { x: "policy deny-all { types ingress egress }" },
    probes: [tcp(80, ["*", "x/*", false], ["x/*", "*", false])],
  },
  {
    name: "should enforce policy to allow traffic from pods within server namespace based on PodSelector",
    pods: "x/a x/b x/c y/a",
    policies: { x: "policy p { select pod=a; ingress from pod=b }" },
    probes: [tcp(80, ["*", "x/a", false], ["x/b", "x/a", true])],
  },
  {
    name: "should enforce policy to allow ingress traffic for a target",
    pods: "x/a x/b y/a",
    policies: { x: "policy deny-all\npolicy allow-all-to-a { select pod=a; ingress from * namespaces * }" },
    probes: [tcp(80, ["*", "x/a", true], ["*", "x/b", false])],
  },
  {
    name: "should enforce policy to allow ingress traffic from pods in all namespaces",
    pods: "x/a x/b y/a z/a",
    policies: { x: "policy p { select pod=a; ingress from namespaces * }" },
    probes: [tcp(80)],
  },
  {
    name: "should enforce policy to allow traffic only from a different namespace, based on NamespaceSelector",
    pods: "x/a x/b y/a z/a",
    policies: { x: "policy p { select pod=a; ingress from namespace y }" },
    probes: [tcp(80, ["x/*", "x/a", false], ["z/*", "x/a", false])],
  },
  {
    name: "should enforce policy based on PodSelector with MatchExpressions",
    pods: "x/a x/b y/a",
    policies: { x: "policy p { select pod=a; ingress from pod in [b] }" },
    probes: [tcp(80, ["*", "x/a", false], ["x/b", "x/a", true])],
  },
  {
    name: "should enforce policy based on NamespaceSelector with MatchExpressions",
    pods: "x/a x/b y/a z/a",
    policies: { x: "policy p { select pod=a; ingress from namespaces kubernetes.io/metadata.name in [y] }" },
    probes: [tcp(80, ["x/*", "x/a", false], ["z/*", "x/a", false])],
  },
  {
    name: "should enforce policy based on PodSelector or NamespaceSelector",
    pods: "x/a x/b x/c y/a",
    policies: {
      x: "policy p { select pod=a; ingress { from namespaces kubernetes.io/metadata.name notin [x]; from pod=b } }",
    },
    probes: [tcp(80, ["x/c", "x/a", false])],
  },
  {
    name: "should enforce policy based on PodSelector and NamespaceSelector",
    pods: "x/a x/b y/a y/b z/b",
    policies: { x: "policy p { select pod=a; ingress from pod=b namespaces kubernetes.io/metadata.name notin [x] }" },
    probes: [tcp(80, ["*", "x/a", false], ["y/b", "x/a", true], ["z/b", "x/a", true])],
  },
  {
    name: "should enforce policy based on Multiple PodSelectors and NamespaceSelectors",
    pods: "x/a x/b y/a y/b y/c",
    policies: { x: "policy p { select pod=a; ingress from pod in [b c] namespaces kubernetes.io/metadata.name!=x }" },
    probes: [tcp(80, ["x/*", "x/a", false], ["y/a", "x/a", false])],
  },
  {
    name: "should enforce policy based on any PodSelectors",
    pods: "x/a x/b x/c",
    policies: { x: "policy p { select pod=a; ingress { from pod=b; from pod=c } }" },
    probes: [tcp(80, ["*", "x/a", false], ["x/b", "x/a", true], ["x/c", "x/a", true])],
  },
  {
    name: "should enforce policy to allow traffic only from a pod in a different namespace based on PodSelector and NamespaceSelector",
    pods: "x/a x/b y/a y/b z/a",
    policies: { x: "policy p { select pod=a; ingress from pod=a namespace y }" },
    probes: [tcp(80, ["*", "x/a", false], ["y/a", "x/a", true])],
  },
  {
    name: "should enforce policy based on Ports",
    pods: "x/a x/b y/a y/b z/a",
    policies: { x: "policy p { select pod=a; ingress from namespace y to 81/tcp }" },
    probes: [tcp(81, ["x/*", "x/a", false], ["y/*", "x/a", true], ["z/*", "x/a", false])],
  },
  {
    name: "should enforce multiple, stacked policies with overlapping podSelectors",
    pods: "x/a x/b y/a y/b z/a",
    policies: { x: "policy p81 { select pod=a; ingress from namespace y to 81/tcp }" },
    probes: [tcp(81, ["x/*", "x/a", false], ["z/*", "x/a", false]), tcp(80, ["*", "x/a", false])],
  },
  {
    name: "should enforce multiple, stacked policies with overlapping podSelectors: port 80 unblocked",
    pods: "x/a x/b y/a y/b z/a",
    policies: {
      x: `policy p81 { select pod=a; ingress from namespace y to 81/tcp }
policy p80 { select pod=a; ingress from namespace y to 80/tcp }`,
    },
    probes: [tcp(80, ["x/*", "x/a", false], ["z/*", "x/a", false])],
  },
  {
    name: "should support allow-all policy",
    pods: "x/a x/b y/a",
    policies: { x: "policy allow-all { ingress from any }" },
    probes: [tcp(80), tcp(81)],
  },
  {
    name: "should allow ingress access on one named port",
    pods: "x/a x/b y/a",
    policies: { x: "policy p { ingress to serve-81-tcp }" },
    probes: [tcp(81), tcp(80, ["*", "x/*", false])],
  },
  {
    name: "should allow ingress access from namespace on one named port",
    pods: "x/a x/b y/a z/a",
    policies: { x: "policy p { select pod=a; ingress from namespace y to serve-80-tcp/tcp }" },
    probes: [tcp(80, ["x/*", "x/a", false], ["z/*", "x/a", false]), tcp(81, ["*", "x/a", false])],
  },
  {
    name: "should allow egress access on one named port",
    pods: "x/a y/a",
    policies: { x: "policy p { types egress; egress port serve-80-tcp }" },
    probes: [tcp(80), tcp(81, ["x/*", "*", false])],
  },
  {
    name: "should enforce updated policy: allow all, then deny all",
    pods: "x/a y/a",
    policies: { x: "policy p { types ingress }" },
    probes: [tcp(81, ["*", "x/*", false])],
  },
  {
    name: "should allow ingress access from updated namespace: before",
    pods: "x/a y/a",
    policies: { x: "policy p { select pod=a; ingress from namespaces ns2=updated }" },
    probes: [tcp(80, ["*", "x/a", false])],
  },
  {
    name: "should allow ingress access from updated namespace: after",
    pods: "x/a y/a",
    policies: { x: "policy p { select pod=a; ingress from namespaces ns2=updated }" },
    probes: [tcp(80, ["*", "x/a", false], ["y/*", "x/a", true])],
    inside: "namespace y { labels ns2=updated }",
  },
  {
    name: "should allow ingress access from updated pod: before",
    pods: "x/a x/b",
    policies: { x: "policy p { select pod=a; ingress from pod=b pod2=updated }" },
    probes: [tcp(80, ["*", "x/a", false])],
  },
  {
    name: "should deny ingress from pods on other namespaces",
    pods: "x/a x/b y/a z/a",
    policies: { x: "policy p { ingress from * }" },
    probes: [tcp(80, ["y/*", "x/*", false], ["z/*", "x/*", false])],
  },
  {
    name: "should deny ingress access to updated pod: before",
    pods: "x/a y/a",
    policies: { x: "policy p { select target=isolated }" },
    probes: [tcp(80)],
  },
  {
    name: "should deny egress from pods based on PodSelector",
    pods: "x/a x/b y/a",
    policies: { x: "policy p { select pod=a; types egress }" },
    probes: [tcp(80, ["x/a", "*", false])],
  },
  {
    name: "should deny egress from all pods in a namespace",
    pods: "x/a x/b y/a",
    policies: { x: "policy p { types egress }" },
    probes: [tcp(80, ["x/*", "*", false])],
  },
  {
    name: "should work with Ingress, Egress specified together",
    pods: "x/a x/b x/c y/a",
    policies: { x: "policy p { select pod=a; types egress ingress; ingress from pod=b; egress port 80 }" },
    probes: [
      tcp(80, ["*", "x/a", false], ["x/b", "x/a", true]),
      tcp(81, ["*", "x/a", false], ["x/a", "*", false], ["x/b", "x/a", true]),
    ],
  },
  {
    name: "should support denying of egress traffic on the client side (even if the server explicitly allows this traffic)",
    pods: "x/a y/a y/b",
    policies: {
      x: "policy p { select pod=a; types egress; egress to pod=a namespace y }",
      y: `policy a { select pod=a; ingress from pod=a namespace x }
policy b { select pod=b; ingress from pod=a namespace x }`,
    },
    probes: [tcp(80, ["x/a", "*", false], ["*", "y/a", false], ["x/a", "y/a", true], ["*", "y/b", false])],
  },
  {
    name: "should enforce egress policy allowing traffic to a server in a different namespace based on PodSelector and NamespaceSelector",
    pods: "x/a y/a y/b",
    policies: { x: "policy p { select pod=a; types egress; egress to pod=a namespace y }" },
    probes: [tcp(80, ["x/a", "*", false], ["x/a", "y/a", true])],
  },
  {
    name: "should enforce ingress policy allowing any port traffic to a server on a specific protocol",
    pods: "x/a y/a",
    policies: { x: "policy p { select pod=a; ingress to tcp }" },
    probes: [tcp(80), { port: 80, proto: "udp", lines: [["*", "x/a", false]] }],
  },
  {
    name: "should enforce multiple ingress policies with ingress allow-all policy taking precedence: before",
    pods: "x/a y/a",
    policies: { x: "policy p { ingress to 80 }" },
    probes: [tcp(81, ["*", "x/*", false])],
  },
  {
    name: "should enforce multiple ingress policies with ingress allow-all policy taking precedence",
    pods: "x/a y/a",
    policies: { x: "policy p { ingress to 80 }\npolicy all { ingress from any }" },
    probes: [tcp(81)],
  },
  {
    name: "should enforce multiple egress policies with egress allow-all policy taking precedence: before",
    pods: "x/a y/a",
    policies: { x: "policy p { types egress; egress port 80 }" },
    probes: [tcp(81, ["x/*", "*", false])],
  },
  {
    name: "should enforce multiple egress policies with egress allow-all policy taking precedence",
    pods: "x/a y/a",
    policies: { x: "policy p { types egress; egress port 80 }\npolicy all { types egress; egress to any }" },
    probes: [tcp(81)],
  },
  {
    // y/b is the second pod of n1: x/a 10.244.0.2, y/a 10.244.1.2, y/b 10.244.0.3.
    name: "should allow egress access to server in CIDR block",
    pods: "x/a y/a y/b",
    policies: { x: "policy p { select pod=a; types egress; egress to cidr 10.244.0.3/32 }" },
    probes: [tcp(80, ["x/a", "*", false], ["x/a", "y/b", true])],
  },
  {
    // x/b is 10.244.1.2.
    name: "should enforce except clause while egress access to server in CIDR block",
    pods: "x/a x/b x/c",
    policies: { x: "policy p { select pod=a; types egress; egress to cidr 10.0.0.0/8 except 10.244.1.2/32 }" },
    probes: [tcp(80, ["x/a", "x/b", false])],
  },
  {
    name: "should ensure an IP overlapping both IPBlock.CIDR and IPBlock.Except is allowed",
    pods: "x/a x/b x/c",
    policies: {
      x: `policy p { select pod=a; types egress; egress to cidr 10.0.0.0/8 except 10.244.1.2/32 }
policy q { select pod=a; types egress; egress to cidr 10.244.1.2/32 }`,
    },
    probes: [tcp(80)],
  },
  {
    name: "should enforce policies to check ingress and egress policies can be controlled independently based on PodSelector",
    pods: "x/a x/b y/a",
    policies: { x: "policy out { select pod=a; types egress; egress to any }\npolicy in { select pod=a }" },
    probes: [tcp(80, ["*", "x/a", false])],
  },
  {
    name: "should not mistakenly treat 'protocol: SCTP' as 'protocol: TCP', even if the plugin doesn't support SCTP",
    pods: "x/a y/a",
    policies: { x: "policy deny-ingress\npolicy sctp { select pod=a; ingress to 81/sctp }" },
    probes: [tcp(81, ["*", "x/*", false]), { port: 81, proto: "sctp", lines: [] }],
  },
  {
    name: "should not allow access by TCP when a policy specifies only UDP",
    pods: "x/a y/a",
    policies: { x: "policy udp { select pod=a; ingress to 81/udp }" },
    probes: [tcp(81, ["*", "x/a", false]), { port: 81, proto: "udp", lines: [] }],
  },
];

describe("truth tables of Kubernetes' end-to-end tests", () => {
  it.each(cases)("$name", ({ pods, policies, probes, inside }) => {
    const names = pods.split(" ");
    const topology = topologyOf(clusterOf(names, policies, inside));
    for (const { port, proto = "tcp", lines } of probes) {
      const wanted = names.flatMap((from) =>
        names.flatMap((to) => (from !== to && !isReachable(lines, from, to) ? [`${from} > ${to}`] : [])),
      );
      expect([...blocked(topology, port, proto)].sort(), `port ${port}/${proto}`).toEqual(wanted.sort());
    }
  });
});

function isReachable(lines: readonly Line[], from: string, to: string): boolean {
  let reachable = true;
  for (const [a, b, value] of lines) if (isMeant(a, from) && isMeant(b, to)) reachable = value;
  return reachable;
}

function isMeant(pattern: string, pod: string): boolean {
  return pattern === "*" || pattern === pod || (pattern.endsWith("/*") && pod.startsWith(pattern.slice(0, -1)));
}
