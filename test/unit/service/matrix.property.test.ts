/**
 * The matrix of the data plane compared with single packets, for all pairs and ports of random clusters: pods on several nodes
 * in two segments, deployments, pods on the host network, an external host, access lists, policies.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildNetwork } from "../../../server/src/cni/network.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import { kubernetes } from "../../../server/src/kubernetes/contribute.ts";
import type { MatrixEnd } from "../../../server/src/kubernetes/matrix/schema.ts";
import { hasPort } from "../../../server/src/kubernetes/policy/ports.ts";
import { reachMatrix } from "../../../server/src/service/matrix.ts";
import type { Topology } from "../../../server/src/topology/model.ts";
import { topologyOf } from "../kubernetes/policy/support.ts";

const PORTS = [
  { port: 80, proto: "tcp" },
  { port: 81, proto: "tcp" },
  { port: 90, proto: "tcp" },
  { port: 53, proto: "udp" },
  { port: 0, proto: "icmp" },
] as const;

const line = <T extends string>(...texts: readonly T[]) => fc.constantFrom("" as const, ...texts);
const policy = fc.constantFrom(
  "",
  "policy p { select app=web; ingress from app=api to 80-85 }",
  "policy p { types ingress egress; egress to app=web port 80 53/udp }",
  "policy p { select app=api; types egress; egress to cidr 10.0.0.0/8 except 10.244.1.0/24 }",
  "policy p { ingress from cidr 192.168.20.0/24 }",
);

const drawn = fc.record({
  plugin: fc.constantFrom("flannel { backend vxlan }", "flannel { backend host-gw }", "kindnet", "none"),
  engine: fc.constantFrom("none", "calico", "kube-router", "kindnet"),
  router: line("deny tcp port 81-90", "deny from 192.168.10.12 to 192.168.20.13", "deny udp port 8472"),
  node: line("deny tcp port 8080", "sysctl net.ipv4.ip_forward 0", "deny in from 10.244.0.0/24"),
  policy,
});

type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

function text({ plugin, engine, router, node, policy: written }: Drawn): string {
  return `segment a { cidr 192.168.10.0/24; gateway tor }
segment b { cidr 192.168.20.0/24; gateway tor }
router tor {
  attach a 192.168.10.1
  attach b 192.168.20.1
  ${router}
}
host laptop {
  attach b 192.168.20.200
  listen 80/tcp
}
cluster prod {
  pods 10.244.0.0/16
  cni ${plugin}
  network-policy ${engine}
  node n1 { attach a 192.168.10.11 }
  node n2 {
    attach a 192.168.10.12
    ${node}
  }
  node n3 { attach b 192.168.20.13 }
  deployment web replicas 4 {
    labels app=web
    listen 80-90/tcp 53/udp
  }
  pod api on n2 { labels app=api; listen 80/tcp }
  pod db on n1 { labels app=db; listen 81/tcp }
  pod agent on n3 { host-network; listen 90/tcp }
  ${written}
}
`;
}

const nameOf = (end: MatrixEnd): string => ("range" in end ? end.range : end.path);

function byMatrix(topology: Topology, byPod: boolean): readonly string[] {
  const answer = reachMatrix(topology, buildNetwork(topology, kubernetes()), { from: undefined, to: undefined, byPod });
  if (!answer.ok) throw new Error(answer.error);
  return [...answer.pairs].flatMap(({ from, to, ports }) =>
    PORTS.flatMap(({ port, proto }) =>
      hasPort(ports, proto, port) ? [`${nameOf(from)} > ${nameOf(to)} ${port}/${proto}`] : [],
    ),
  );
}

/** Every pair, and every port of the receiver. */
function byTraces(topology: Topology, byPod: boolean): readonly string[] {
  const network = buildNetwork(topology, kubernetes());
  const [cluster] = topology.clusters;
  if (!cluster) throw new Error("no cluster");
  const pods = cluster.workloads.flatMap((workload) =>
    [...Array(workload.replicas).keys()].map((n) => {
      const pod = cluster.pods.podAt(workload, n);
      return {
        path: pod.path,
        name: `default/${byPod ? pod.name : workload.name}`,
        netns: workload.hostNetwork ? (pod.node?.path ?? "") : pod.path,
        ip: pod.addresses[0],
        listeners: workload.containers.flatMap(({ listeners }) => listeners),
      };
    }),
  );
  const hosts = topology.hosts.map((host) => ({
    path: host.path,
    name: "192.168.20.200",
    netns: host.path,
    ip: host.interfaces[0]?.addresses[0]?.ip,
    listeners: host.processes.flatMap(({ listeners }) => listeners),
  }));
  const found = new Set<string>();
  for (const from of [...pods, ...hosts]) {
    for (const to of [...pods, ...hosts]) {
      const dst = to.ip;
      if (from.path === to.path || dst === undefined || from.ip === undefined) continue;
      if (hosts.some(({ path }) => path === from.path) && hosts.some(({ path }) => path === to.path)) continue;
      for (const { port, proto } of PORTS) {
        const listens = to.listeners.some((one) => one.proto === proto && one.first <= port && port <= one.last);
        if (proto !== "icmp" && !listens) continue;
        const journeys = simulate(network, { from: from.netns, dst, proto, sport: 40000, dport: port, df: false });
        const passes = journeys.every(
          ({ verdict, reply }) => verdict === "delivered" && reply?.verdict === "delivered",
        );
        if (passes) found.add(`${from.name} > ${to.name} ${port}/${proto}`);
      }
    }
  }
  return [...found];
}

describe("the matrix of the data plane", () => {
  it.each([true, false])("equals the results of single packets (by pod: %s)", (byPod) => {
    fc.assert(
      fc.property(drawn, (one) => {
        const topology = topologyOf(text(one));
        expect([...byMatrix(topology, byPod)].sort()).toEqual([...byTraces(topology, byPod)].sort());
      }),
      { numRuns: 40 },
    );
  });
});
