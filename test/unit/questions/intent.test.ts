/** Policies that are derived from expectations: they allow exactly what the expectations and DNS need. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildNetwork } from "../../../server/src/cni/network.ts";
import { exportAs } from "../../../server/src/export/formats.ts";
import { kubernetes, withoutPolicies } from "../../../server/src/kubernetes/contribute.ts";
import { policyMatrix, toConnection } from "../../../server/src/kubernetes/matrix/matrix.ts";
import { outcomeOf } from "../../../server/src/questions/expectations.ts";
import { replacePolicies, synthesize } from "../../../server/src/questions/intent/synthesis.ts";
import { provenFixes } from "../../../server/src/service/features/fixes.ts";
import { edited, read } from "./intent-support.ts";

const SHOP = `segment lan { cidr 192.168.10.0/24; gateway r }
segment wan { cidr 203.0.113.0/24 }
router r { attach lan 192.168.10.1; attach wan 203.0.113.1; route default via 203.0.113.9; masquerade }
host internet { attach wan 203.0.113.9; answers any; daemon w { listen 443/tcp } }
host admin { attach lan 192.168.10.50 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni kindnet
  kube-proxy iptables
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  namespace kube-system {
    deployment coredns replicas 2 { labels k8s-app=kube-dns; container c { listen 53/udp 53/tcp } }
    service kube-dns { select k8s-app=kube-dns; cluster-ip 10.96.0.10; port 53/udp name dns; port 53/tcp name dns-tcp }
  }
  namespace shop {
    deployment web replicas 2 { labels app=web tier=front; container nginx { listen 80/tcp } }
    deployment api replicas 2 { labels app=api tier=back; container api { listen 9090/tcp } }
    pod db { labels app=db tier=back; container db { listen 5432/tcp } }
    service web { type node-port; select app=web; port 80; node-port 30080 }
    service api { select app=api; port 80 -> 9090/tcp }
  }
  namespace mon { pod prom { labels app=prom } }
}
`;

function yamlOf(text: string, fromExpectations = false): { readonly text: string; readonly losses: readonly string[] } {
  const { topology, network } = read(text);
  const input = { topology, network, source: "a.knet", version: "1", fromExpectations };
  const result = exportAs("networkpolicy", input);
  if ("problem" in result) return { text: result.problem, losses: [] };
  return { text: result.files.map((one) => one.text()).join("---\n"), losses: result.losses };
}

describe("export --to networkpolicy", () => {
  it("writes least-privilege policies if the file has expectations and no policies", () => {
    const { text, losses } = yamlOf(`${SHOP}expect shop/web -> shop/api:80 reachable
expect shop/api -> shop/db:5432 reachable
expect shop/web -> shop/db:5432 blocked
expect shop/api -> internet:443 reachable
expect admin -> shop/web:80 reachable
`);
    expect(text).toMatchSnapshot();
    expect(losses).toEqual([]);
  });

  it("reports expectations that policies cannot express, or that contradict each other", () => {
    const { losses } = yamlOf(`${SHOP.replace("labels app=prom", "labels app=prom; not-ready")}
expect shop/web-0 -> shop/db:5432 reachable
expect shop/web-1 -> shop/db:5432 blocked
expect shop/api -> shop/db reachable
expect mon/prom -> 198.51.100.7:25 reachable
`);
    expect(losses).toEqual([
      "`expect mon/prom -> 198.51.100.7:25 reachable`: no policy helps: host internet does not listen on 25/tcp",
      "`expect shop/api -> shop/db reachable`: a NetworkPolicy cannot express ICMP; all ports are open between shop/api and shop/db",
      "`expect shop/api -> shop/db reachable`: a NetworkPolicy cannot express ICMP; all ports are open between shop/db and shop/api",
      "`expect shop/web-1 -> shop/db:5432 blocked` fails with these policies: the packet is delivered to db",
    ]);
  });

  it("exports the file's own policies, unless the expectations are requested", () => {
    const text = `${SHOP.replace("pod db {", "policy own { select app=api; ingress from any to 9090/tcp }\n    pod db {")}
expect shop/web -> shop/api:80 reachable
`;
    expect(yamlOf(text).text).toContain("name: own");
    expect(yamlOf(text, true).text).not.toContain("name: own");
    expect(yamlOf(text, true).text).toContain("name: allow-api");
  });
});

/** A namespace with workloads, and expectations between them. */
const world = fc
  .record({
    workloads: fc.array(
      fc.record({ replicas: fc.integer({ min: 1, max: 2 }), extra: fc.boolean(), far: fc.boolean() }),
      {
        minLength: 2,
        maxLength: 5,
      },
    ),
    links: fc.array(
      fc.record({ from: fc.nat(4), to: fc.nat(4), port: fc.constantFrom(80, 443), service: fc.boolean() }),
      { minLength: 1, maxLength: 6 },
    ),
    cni: fc.constantFrom("kindnet", "calico", "flannel\n  network-policy kube-router"),
  })
  .map(({ workloads, links, cni }) => {
    const place = (index: number): string =>
      `${workloads[index % workloads.length]?.far ? "far" : "near"}/w${index % workloads.length}`;
    const own = links
      .map(({ from, to, port, service }) => ({ from: place(from), to: place(to), port, service }))
      .filter(({ from, to }) => from !== to);
    const blocks = ["near", "far"].map((namespace) => {
      const lines = workloads.flatMap(({ replicas, extra, far }, index) =>
        (far ? "far" : "near") === namespace
          ? [
              `deployment w${index} replicas ${replicas} { labels app=w${index}${extra ? " tier=x" : ""}; container c { listen 80/tcp 443/tcp } }`,
              `service s${index} { select app=w${index}; port 80 name a; port 443 name b }`,
            ]
          : [],
      );
      return `namespace ${namespace} {\n${lines.join("\n")}\n}`;
    });
    const text = `segment lan { cidr 192.168.10.0/24; gateway r }
router r { attach lan 192.168.10.1 }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni ${cni}
  node n1 { attach lan }
  node n2 { attach lan }
  ${blocks.join("\n")}
}
${own.map(({ from, to, port, service }) => `expect ${from} -> ${service ? to.replace("/w", "/s") : to}:${port} reachable`).join("\n")}
`;
    return { text, own };
  });

describe("derived policies", () => {
  it("allow exactly the connections of the expectations between pods", () => {
    fc.assert(
      fc.property(world, ({ text, own }) => {
        const { topology } = read(text);
        const open = { topology, network: buildNetwork(topology, withoutPolicies()) };
        const closed = replacePolicies(topology, synthesize(open, topology.expectations));
        const network = buildNetwork(closed, kubernetes());
        for (const one of closed.expectations)
          expect(outcomeOf({ topology: closed, network }, one)).toEqual({ kind: "holds" });
        const named = new Set(own.flatMap(({ from, to }) => [from, to]).map((path) => path.split("/")[0]));
        const answer = policyMatrix(closed, { from: undefined, to: undefined, byPod: false });
        if (!answer.ok) throw new Error(answer.error);
        const pairs = [...answer.pairs].map(toConnection).flatMap(({ from, to, allowed }) => {
          if (!("path" in from) || !("path" in to)) return [];
          if (!named.has(from.namespace) && !named.has(to.namespace)) return [];
          // Replicas of one workload; a pod can always connect to itself.
          if (from.path === to.path) return [];
          return allowed.map(({ proto, ports }) => `${from.path} ${to.path} ${proto} ${ports}`);
        });
        const wanted = own.map(({ from, to, port }) => `${from} ${to} tcp ${port}`);
        expect([...pairs].sort()).toEqual([...new Set(wanted)].sort());
      }),
      { numRuns: 60 },
    );
  });
});

describe("the fix of a failed expectation", () => {
  it("isolates the receiver, except for what other expectations need", () => {
    const text = `${SHOP}expect shop/api -> shop/db:5432 reachable
expect shop/web -> shop/db:5432 blocked
`;
    expect(edited(text, "KN701")).toMatchInlineSnapshot(`
      "Add 1 policy for this expectation: \`allow-db\`
          policy allow-db {
            select app=db
            ingress from app=api to 5432/tcp
          }
      "
    `);
  });

  it("allows a connection on both sides if policies isolate both", () => {
    const text = `${SHOP.replace("pod db {", "policy none { select *; types ingress egress }\n    pod db {")}expect shop/api -> shop/db:5432 reachable
`;
    expect(edited(text, "KN701")).toMatchInlineSnapshot(`
      "Add 2 policies for this expectation: \`allow-api\` and \`allow-db\`
          policy allow-api {
            select app=api
            types egress
            egress to app=db port 5432/tcp
            egress to k8s-app=kube-dns namespace kube-system port 53/udp 53/tcp
          }
          policy allow-db {
            select app=db
            ingress from app=api to 5432/tcp
          }
      "
    `);
  });

  it("is not offered if the network loses the packet", () => {
    const analysis = read(`${SHOP}expect shop/api -> 198.51.100.1:25 reachable\n`);
    const finding = analysis.findings(() => false)?.find(({ code }) => code === "KN701");
    expect(finding && provenFixes(analysis, finding, () => false)).toEqual([]);
  });
});
