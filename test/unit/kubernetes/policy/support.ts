/** Small clusters with policies, and the evaluator's result for every pair of their pods. */
import { modeAddressing } from "../../../../server/src/cni/modes.ts";
import { decodeFile } from "../../../../server/src/frontends/knet/decode.ts";
import { parse } from "../../../../server/src/frontends/knet/parser.ts";
import { policySetOf, verdictFor } from "../../../../server/src/kubernetes/policy/evaluate.ts";
import { buildTopology } from "../../../../server/src/topology/build.ts";
import type { Pod, Topology } from "../../../../server/src/topology/model.ts";
import type { Protocol } from "../../../../server/src/topology/policy.ts";

export function topologyOf(text: string): Topology {
  const decls = decodeFile(parse(text));
  const problems = decls.flatMap(function all(decl): readonly string[] {
    return [...decl.problems.map(({ code, data }) => `${code} ${JSON.stringify(data)}`), ...decl.children.flatMap(all)];
  });
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const topology = buildTopology([{ file: "test.knet", decls }], modeAddressing);
  if (topology.problems.length > 0)
    throw new Error(JSON.stringify(topology.problems.map(({ code, data }) => [code, data])));
  return topology;
}

/** `x/a` with the labels of the Kubernetes tests: pod=a, in namespace x; ports 80 and 81 have names. */
export function clusterOf(pods: readonly string[], policies: Readonly<Record<string, string>>, inside = ""): string {
  const namespaces = [...new Set(pods.map((pod) => pod.split("/")[0] ?? ""))];
  const blocks = namespaces.map((namespace) => {
    const own = pods.filter((pod) => pod.startsWith(`${namespace}/`)).map((pod) => podText(pod.split("/")[1] ?? ""));
    return `namespace ${namespace} {\n${[...own, policies[namespace] ?? ""].join("\n")}\n}`;
  });
  return `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel
  network-policy kube-router
  node n1 { attach lan }
  node n2 { attach lan }
${blocks.join("\n")}
${inside}
}
`;
}

function podText(name: string): string {
  const ports = [80, 81].flatMap((port) =>
    (["tcp", "udp", "sctp"] as const).map((proto) => `listen ${port}/${proto} as serve-${port}-${proto}`),
  );
  return `pod ${name} { labels pod=${name}; ${ports.join("; ")} }`;
}

export function podsOf(topology: Topology): readonly Pod[] {
  return topology.clusters.flatMap(({ workloads, pods }) =>
    workloads.flatMap((workload) => [...Array(workload.replicas).keys()].map((n) => pods.podAt(workload, n))),
  );
}

/** "x/a": without its cluster. */
export function shortName({ path }: Pod): string {
  return path.split("/").slice(1).join("/");
}

export function isAllowed(
  topology: Topology,
  from: Pod,
  to: Pod,
  port: number,
  proto: Protocol | "icmp" = "tcp",
): boolean {
  const [cluster] = topology.clusters;
  if (cluster === undefined) throw new Error("no cluster");
  const set = policySetOf(cluster);
  const [a] = from.addresses;
  const [b] = to.addresses;
  if (a === undefined || b === undefined) throw new Error("no address");
  const sender = set.endOf(from, a);
  const receiver = set.endOf(to, b);
  return (
    verdictFor(set, sender, receiver, { direction: "egress", proto, port }).allowed &&
    verdictFor(set, receiver, sender, { direction: "ingress", proto, port }).allowed
  );
}

/** Every denied pair, as "x/a > y/b". */
export function blocked(topology: Topology, port: number, proto: Protocol | "icmp" = "tcp"): readonly string[] {
  const pods = podsOf(topology);
  return pods.flatMap((from) =>
    pods.flatMap((to) =>
      from === to || from.path === to.path || isAllowed(topology, from, to, port, proto)
        ? []
        : [`${shortName(from)} > ${shortName(to)}`],
    ),
  );
}
