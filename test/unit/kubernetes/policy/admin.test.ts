/**
 * The truth tables of kubernetes-sigs/network-policy-api (conformance/base/admin_tier, baseline_tier, api_integration and
 * conformance/tests), retyped: four houses, one namespace per house, with a server that listens on 80, 8080, 53, 5353, 9003, and 9005.
 */
import { describe, expect, it } from "vitest";
import type { Protocol } from "../../../../server/src/topology/policy.ts";
import { isAllowed, podsOf, topologyOf } from "./support.ts";

const HOUSES = { gryffindor: "harry", ravenclaw: "luna", hufflepuff: "cedric", slytherin: "draco" } as const;
type House = keyof typeof HOUSES;

function school(policies: string, inGryffindor = ""): (from: House, to: House, port: string) => boolean {
  const houses = Object.entries(HOUSES).map(
    ([house, pod]) => `namespace ${house} {
  labels conformance-house=${house}
  pod ${pod} { labels conformance-house=${house} }
  ${house === "gryffindor" ? inGryffindor : ""}
}`,
  );
  const topology = topologyOf(`segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel
  node n1 { attach lan }
  ${houses.join("\n")}
  ${policies}
}
`);
  const podOf = (house: House) => {
    const pod = podsOf(topology).find(({ workload }) => workload.namespace === house);
    if (!pod) throw new Error(house);
    return pod;
  };
  return (from, to, text) => {
    const [port, proto] = text.split("/");
    return isAllowed(topology, podOf(from), podOf(to), Number(port), proto as Protocol);
  };
}

const rules = (order: readonly number[], all: readonly string[]): string => order.map((index) => all[index]).join("\n");

/** standard-ingress-tcp-rules.yaml, with rules swapped as in the tests. */
const ingressTcp = (...order: number[]): string => `admin-policy ingress-tcp {
  priority 3
  subject namespace gryffindor
  ${rules(order, [
    "ingress allow from namespace ravenclaw",
    "ingress deny from namespace ravenclaw",
    "ingress pass from namespace ravenclaw",
    "ingress deny from namespace slytherin to 80/tcp",
    "ingress pass from namespace slytherin to 80/tcp",
    "ingress allow from namespace hufflepuff to 80/tcp",
    "ingress deny from namespace hufflepuff",
  ])}
}`;

/** standard-gress-rules-combined.yaml, its egress part. */
const gress = (...order: number[]): string => `admin-policy gress-rules {
  priority 15
  subject namespace gryffindor
  ${rules(order, [
    "egress allow to namespace ravenclaw",
    "egress deny to namespace ravenclaw",
    "egress pass to namespace ravenclaw",
    "egress deny to namespace slytherin port 80/tcp 53/udp 9003/sctp",
    "egress pass to namespace slytherin port 80/tcp 53/udp 9003/sctp",
    "egress allow to namespace hufflepuff port 8080/tcp 5353/udp 9003/sctp",
    "egress deny to namespace hufflepuff",
  ])}
}`;

interface Case {
  readonly name: string;
  readonly policies: string;
  readonly inGryffindor?: string;
  readonly table: readonly (readonly [from: House, to: House, port: string, allowed: boolean])[];
}

const integration = (action: string): string => `admin-policy pass-example {
  priority 10
  subject namespaces conformance-house=gryffindor
  ingress ${action} from namespaces conformance-house=slytherin
  egress ${action} to namespaces conformance-house=slytherin
}
baseline-admin-policy default {
  priority 10
  subject namespaces conformance-house=gryffindor
  ingress deny from namespaces conformance-house=slytherin
  egress deny to namespaces conformance-house=slytherin
}`;

const networkPolicy = `policy allow-gress-from-to-slytherin-to-gryffindor {
  types ingress egress
  ingress from namespaces conformance-house=slytherin
  egress to namespaces conformance-house=slytherin
}`;

const priorities = (second: number): string => `admin-policy priority-50-example {
  priority 50
  subject conformance-house=gryffindor namespaces conformance-house=gryffindor
  ingress deny from conformance-house=slytherin namespaces conformance-house=slytherin
  egress deny to conformance-house=slytherin namespaces conformance-house=slytherin
}
admin-policy old-priority-60-new-priority-40-example {
  priority ${second}
  subject conformance-house=gryffindor namespaces conformance-house=gryffindor
  ingress pass from conformance-house=slytherin namespaces conformance-house=slytherin
  egress pass to conformance-house=slytherin namespaces conformance-house=slytherin
}
baseline-admin-policy default {
  priority 10
  subject conformance-house=gryffindor namespaces conformance-house=gryffindor
  ingress allow from conformance-house=slytherin namespaces conformance-house=slytherin
  egress allow to conformance-house=slytherin namespaces conformance-house=slytherin
}`;

const both = (allowed: boolean): Case["table"] => [
  ["slytherin", "gryffindor", "80/tcp", allowed],
  ["slytherin", "gryffindor", "53/udp", allowed],
  ["gryffindor", "slytherin", "80/tcp", allowed],
  ["gryffindor", "slytherin", "9003/sctp", allowed],
];

const cases: readonly Case[] = [
  {
    name: "allow-ingress for TCP; rule ordering is respected",
    policies: ingressTcp(0, 1, 2, 3, 4, 5, 6),
    table: [
      ["ravenclaw", "gryffindor", "80/tcp", true],
      ["ravenclaw", "gryffindor", "8080/tcp", true],
    ],
  },
  {
    name: "allow-ingress for TCP at the specified port",
    policies: ingressTcp(0, 1, 2, 3, 4, 5, 6),
    table: [
      ["hufflepuff", "gryffindor", "80/tcp", true],
      ["hufflepuff", "gryffindor", "8080/tcp", false],
    ],
  },
  {
    name: "deny-ingress for TCP; rule ordering is respected",
    policies: ingressTcp(1, 0, 2, 3, 4, 5, 6),
    table: [
      ["ravenclaw", "gryffindor", "80/tcp", false],
      ["ravenclaw", "gryffindor", "8080/tcp", false],
    ],
  },
  {
    name: "deny-ingress for TCP at the specified port",
    policies: ingressTcp(0, 1, 2, 3, 4, 5, 6),
    table: [
      ["slytherin", "gryffindor", "80/tcp", false],
      ["slytherin", "gryffindor", "8080/tcp", true],
    ],
  },
  {
    name: "pass-ingress for TCP; rule ordering is respected",
    policies: ingressTcp(2, 1, 0, 3, 4, 5, 6),
    table: [
      ["ravenclaw", "gryffindor", "80/tcp", true],
      ["ravenclaw", "gryffindor", "8080/tcp", true],
    ],
  },
  {
    name: "pass-ingress for TCP at the specified port",
    policies: ingressTcp(0, 1, 2, 4, 3, 5, 6),
    table: [
      ["slytherin", "gryffindor", "80/tcp", true],
      ["slytherin", "gryffindor", "8080/tcp", true],
    ],
  },
  {
    name: "allow-gress across different protocols",
    policies: gress(0, 1, 2, 3, 4, 5, 6),
    table: [
      ["gryffindor", "ravenclaw", "80/tcp", true],
      ["gryffindor", "ravenclaw", "53/udp", true],
      ["gryffindor", "ravenclaw", "9003/sctp", true],
      ["gryffindor", "hufflepuff", "8080/tcp", true],
      ["gryffindor", "hufflepuff", "80/tcp", false],
      ["gryffindor", "hufflepuff", "5353/udp", true],
      ["gryffindor", "hufflepuff", "53/udp", false],
      ["gryffindor", "hufflepuff", "9003/sctp", true],
      ["gryffindor", "hufflepuff", "9005/sctp", false],
    ],
  },
  {
    name: "deny-gress across different protocols",
    policies: gress(1, 0, 2, 3, 4, 5, 6),
    table: [
      ["gryffindor", "ravenclaw", "80/tcp", false],
      ["gryffindor", "ravenclaw", "53/udp", false],
      ["gryffindor", "ravenclaw", "9003/sctp", false],
      ["gryffindor", "slytherin", "80/tcp", false],
      ["gryffindor", "slytherin", "8080/tcp", true],
      ["gryffindor", "slytherin", "53/udp", false],
      ["gryffindor", "slytherin", "5353/udp", true],
      ["gryffindor", "slytherin", "9003/sctp", false],
      ["gryffindor", "slytherin", "9005/sctp", true],
    ],
  },
  {
    name: "pass-gress across different protocols",
    policies: gress(2, 1, 0, 4, 3, 5, 6),
    table: [
      ["gryffindor", "ravenclaw", "80/tcp", true],
      ["gryffindor", "slytherin", "80/tcp", true],
      ["gryffindor", "slytherin", "5353/udp", true],
    ],
  },
  {
    name: "integration: a Deny of the Admin tier takes precedence over NetworkPolicy",
    policies: integration("deny"),
    inGryffindor: networkPolicy,
    table: both(false),
  },
  {
    name: "integration: Pass continues with NetworkPolicy, which takes precedence over the Baseline tier",
    policies: integration("pass"),
    inGryffindor: networkPolicy,
    table: both(true),
  },
  {
    name: "integration: without a NetworkPolicy the Baseline tier decides",
    policies: integration("pass"),
    table: both(false),
  },
  { name: "the lower priority is evaluated first: 50 before 60", policies: priorities(60), table: both(false) },
  { name: "the lower priority is evaluated first: 40 before 50", policies: priorities(40), table: both(true) },
  {
    name: "networks also match pods (ClusterNetworkPolicyPeer.networks)",
    policies: `admin-policy networks {
  subject namespace gryffindor
  egress deny to cidr 10.244.0.0/16
}`,
    table: [
      ["gryffindor", "ravenclaw", "80/tcp", false],
      ["ravenclaw", "gryffindor", "80/tcp", true],
    ],
  },
  {
    name: "no rule of a direction: that direction is not affected",
    policies: "admin-policy nothing { subject namespace gryffindor }",
    table: both(true),
  },
];

describe("truth tables of network-policy-api's conformance tests", () => {
  it.each(cases)("$name", ({ policies, inGryffindor, table }) => {
    const ask = school(policies, inGryffindor);
    expect(table.map(([from, to, port]) => [from, to, port, ask(from, to, port)])).toEqual(table);
  });
});

describe("Calico's tiers", () => {
  it.each<readonly [string, string, string, readonly boolean[]]>([
    [
      "a tier that selects the pod without a matching rule drops at its end",
      "egress allow to namespace ravenclaw",
      "",
      [true, false],
    ],
    [
      "pass continues with the next tier",
      "egress allow to namespace ravenclaw\n  egress pass to any",
      "",
      [true, true],
    ],
    [
      "after pass, the namespace's own policies apply",
      "egress pass to any",
      "policy p { types egress; egress to namespace slytherin }",
      [false, true],
    ],
    [
      "the first rule that matches decides",
      "egress deny to namespace ravenclaw\n  egress allow to any",
      "",
      [false, true],
    ],
  ])("%s", (_, written, inGryffindor, wanted) => {
    const ask = school(
      `calico-tier security { order 100 }
calico-policy first {
  tier security
  select conformance-house=gryffindor
  types egress
  ${written}
}`,
      inGryffindor,
    );
    expect((["ravenclaw", "slytherin"] as const).map((to) => ask("gryffindor", to, "80/tcp"))).toEqual(wanted);
  });

  it.each<readonly [string, string, readonly boolean[]]>([
    ["deny", "", [false, false]],
    ["pass", "default-action pass", [true, true]],
  ])("of a tier with default action %s", (_, action, wanted) => {
    const ask = school(`calico-tier security { order 100${action === "" ? "" : `; ${action}`} }
calico-policy first { tier security; select *; types egress; egress deny to cidr 192.0.2.1/32 }`);
    expect((["ravenclaw", "slytherin"] as const).map((to) => ask("gryffindor", to, "80/tcp"))).toEqual(wanted);
  });

  it("a cluster's policy can select pods by their namespaces", () => {
    const ask = school("calico-policy p { select * namespace gryffindor slytherin; types egress }");
    expect(
      (["gryffindor", "ravenclaw", "slytherin"] as const).map((from) => ask(from, "hufflepuff", "80/tcp")),
    ).toEqual([false, true, false]);
  });

  it("ICMP is matched by its own protocol, and by rules without ports", () => {
    const written = (port: string): string =>
      `calico-policy p { select *; types egress; egress deny to any port ${port}; egress allow to any }`;
    for (const [port, wanted] of [
      ["icmp", [false, true]],
      ["80/tcp", [true, false]],
      ["icmp 80/tcp", [false, false]],
    ] as const) {
      const ask = school(written(port));
      expect([ask("gryffindor", "slytherin", "0/icmp"), ask("gryffindor", "slytherin", "80/tcp")]).toEqual(wanted);
    }
  });

  it("order applies within a tier, and the namespaces' own policies have order 1000", () => {
    const written = (order: number): string => `calico-policy deny {
  order ${order}
  select conformance-house=gryffindor
  types egress
  egress deny to namespace slytherin
  egress pass to namespace ravenclaw
}`;
    const own = "policy p { types egress; egress to namespaces * }";
    expect(school(written(500), own)("gryffindor", "slytherin", "80/tcp")).toBe(false);
    expect(school(written(2000), own)("gryffindor", "slytherin", "80/tcp")).toBe(true);
  });
});
