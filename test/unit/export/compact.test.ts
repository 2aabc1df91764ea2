/** `knet import` of dumps: short text, with the findings and the matrix of the source. */

import { describe, expect, it } from "vitest";
import { messageOf } from "../../../server/src/checks/run.ts";
import { compactText } from "../../../server/src/service/compact/index.ts";
import { dumpText } from "./dumps.ts";
import { analysed, imported, pairsOf, read, textOf } from "./support.ts";

const SEEDS = Array.from({ length: 25 }, (_, seed) => seed + 1);

/** The workload of each pod of the dump, by path. */
function workloads(dump: string): ReadonlyMap<string, string> {
  const { items } = JSON.parse(dump) as {
    items: readonly {
      kind: string;
      metadata: { name: string; namespace: string; ownerReferences?: readonly { kind: string; name: string }[] };
    }[];
  };
  return new Map(
    items.flatMap(({ kind, metadata: { name, namespace, ownerReferences } }) => {
      const owner = ownerReferences?.[0];
      if (kind !== "Pod" || !owner) return [];
      const own = owner.kind === "ReplicaSet" ? owner.name.replace(/-[^-]+$/, "") : owner.name;
      return [[`${namespace}/${name}`, `${namespace}/${own}`] as const];
    }),
  );
}

const codes = (text: ReturnType<typeof read>): readonly string[] =>
  [...new Set((text.findings(() => false) ?? []).map(({ code, severity }) => `${code} ${severity}`))].sort();

describe("a dump as a compact file", () => {
  it.each(SEEDS)("has the same findings and matrix: seed %i", (seed) => {
    const dump = dumpText(seed);
    const documents = imported(dump);
    const source = analysed(documents);
    const compact = read(compactText(documents));
    expect(codes(compact)).toEqual(codes(source));
    const owners = workloads(dump);
    const nameOf = (end: { readonly path: string } | { readonly range: string }): string | undefined =>
      "path" in end ? (owners.get(end.path) ?? end.path) : undefined;
    expect(pairsOf(compact, "policy", nameOf)).toEqual(pairsOf(source, "policy", nameOf));
    expect(pairsOf(compact, "reach", nameOf)).toEqual(pairsOf(source, "reach", nameOf));
  });

  it.each(SEEDS)("is stable: seed %i", (seed) => {
    const text = compactText(imported(dumpText(seed)));
    expect(compactText(imported(textOf(read(text), "kubernetes")))).toBe(text);
  });
});

describe("a large dump", () => {
  it("has far fewer lines than five per pod", () => {
    const dump = dumpText(12, { nodes: 40, workloads: 120, replicas: 40, isHealthy: true });
    const pods = dump.split('"kind": "Pod"').length - 1;
    expect(pods).toBeGreaterThan(500);
    const lines = compactText(imported(dump)).split("\n").length;
    expect(lines).toBeLessThan(1.5 * pods);
  });
});

const NODE = (name: string, address: string, range: string, labels = ""): string =>
  `{apiVersion: v1, kind: Node, metadata: {name: ${name}, labels: {kubernetes.io/hostname: ${name}, kubernetes.io/os: linux${labels}}}, spec: {podCIDR: ${range}}, status: {addresses: [{type: InternalIP, address: ${address}}]}}\n---\n`;
const POD = (name: string, node: string, address: string, more = ""): string =>
  `{apiVersion: v1, kind: Pod, metadata: {name: ${name}, namespace: shop, labels: {app: web, pod-template-hash: abc}, ownerReferences: [{kind: ReplicaSet, name: web-abc, controller: true}]}, spec: {nodeName: ${node}, containers: [{name: c, ports: [{containerPort: 80}]}]}, status: {phase: Running, podIP: ${address}${more}}}\n---\n`;
const FLANNEL = `apiVersion: v1
kind: ConfigMap
metadata: {name: kube-flannel-cfg, namespace: kube-flannel}
data: {net-conf.json: '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'}
---
{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: kubernetes}, spec: {cidrs: [10.96.0.0/16]}}
---
`;
const NODES = [1, 2, 3].map((n) => NODE(`w${n}`, `192.168.7.${10 + n}`, `10.244.${n - 1}.0/24`)).join("");
const PODS = [1, 2, 3].map((n) => POD(`web-abc-${n}x`, `w${n}`, `10.244.${n - 1}.9`)).join("");

describe("a compact file", () => {
  it("has pools of nodes, and workloads", () => {
    expect(`\n${compactText(imported(FLANNEL + NODES + PODS))}`).toBe(`
segment nodes { cidr 192.168.7.0/24 }
router gateway { attach nodes }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni flannel { backend vxlan }
  nodes w 1..3 { attach nodes 192.168.7.11 }
  namespace shop {
    deployment web replicas 3 {
      labels app=web
      container c { listen 80/tcp }
    }
  }
}
`);
  });

  it("keeps pods whose address a policy names, and workloads of services with a local traffic policy on their nodes", () => {
    const policy = `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: shop}, spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.1.9/32}}]}]}}\n---\n`;
    const text = compactText(imported(FLANNEL + NODES + PODS + policy));
    expect(text).toContain(
      "pod web-abc-2x on w2 {\n      owner deployment web\n      labels app=web pod-template-hash=abc\n      address 10.244.1.9\n",
    );
    expect(text).toContain("deployment web replicas 2 {");
    const service = `{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {type: NodePort, externalTrafficPolicy: Local, clusterIP: 10.96.0.9, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}}\n---\n`;
    const [, two, three] = PODS.split("---\n");
    expect(compactText(imported(FLANNEL + NODES + [two, three, service].join("---\n")))).toContain(
      "pod web-abc-3x on w3 {",
    );
    expect(compactText(imported(FLANNEL + NODES + [two, service].join("---\n")))).toContain(
      "deployment web replicas 1 on w2 {",
    );
  });

  it("keeps pods whose address a manual endpoint names", () => {
    const service = `{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {clusterIP: 10.96.0.9, ports: [{port: 80}]}}\n---\n`;
    const slice = `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}, addressType: IPv4, ports: [{port: 80}], endpoints: [{addresses: [10.244.2.9]}]}\n---\n`;
    const text = compactText(imported(FLANNEL + NODES + PODS + service + slice));
    expect(text).toContain(
      "pod web-abc-3x on w3 {\n      owner deployment web\n      labels app=web pod-template-hash=abc\n      address 10.244.2.9\n",
    );
    expect(text).toContain("deployment web replicas 2 {");
  });

  it("lists nodes whose ranges do not follow from their order", () => {
    const nodes =
      NODE("w1", "192.168.7.11", "10.244.5.0/24") + NODE("w2", "192.168.7.12", "10.244.0.0/24", ", zone: a");
    const text = compactText(imported(FLANNEL + nodes));
    expect(text).toContain("node w1 { attach nodes 192.168.7.11; pod-cidr 10.244.5.0/24 }");
    expect(text).toContain(
      "  node w2 {\n    attach nodes 192.168.7.12\n    labels zone=a\n    pod-cidr 10.244.0.0/24\n  }",
    );
  });

  it("has no pods that wait for a node, and only running pods of their workload", () => {
    const waiting =
      "{apiVersion: v1, kind: Pod, metadata: {name: later, namespace: shop}, spec: {containers: []}, status: {phase: Pending}}\n---\n";
    const template = "spec: {replicas: 5, template: {metadata: {labels: {app: web}}, spec: {containers: []}}}";
    const deployment = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, ${template}, status: {replicas: 3}}\n---\n`;
    const idle = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: idle, namespace: shop}, ${template}, status: {observedGeneration: 1}}\n---\n`;
    const manifest = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: planned, namespace: shop}, ${template}}\n---\n`;
    const documents = imported(FLANNEL + NODES + deployment + PODS + idle + manifest + waiting);
    const text = compactText(documents);
    expect(text.match(/deployment .*/g)).toEqual([
      "deployment web replicas 3 {",
      "deployment planned replicas 5 { labels app=web }",
    ]);
    expect(documents.problems.map(messageOf)).toContain("1 pod not scheduled to a node and omitted");
  });
});
