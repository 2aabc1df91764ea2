/**
 * `.knet` → Kubernetes objects → `.knet`. The objects of a cluster do not show the network between its nodes: routers and their routes and
 * access lists, hosts, MTUs, prefixes other than /24 and /64 (except with Calico), sysctls, and processes on nodes. Each difference that
 * this causes is excluded by the generator (set `shown`); the network between the segments is one router without restrictions.
 */
import { describe, expect, it } from "vitest";
import type { Service } from "../../../server/src/topology/model.ts";
import { topologyText } from "../../kernel/generator.ts";
import { textsIn } from "../texts.ts";
import { analysed, exportOf, imported, pairsOf, pathOf, printed, read, stateOf, textOf } from "./support.ts";

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed + 1);

/** The DaemonSets of the pod network are objects of the cluster: they are in the dump, but not in the file. */
const ownNamespace = (end: Parameters<typeof pathOf>[0]): string | undefined => {
  const path = pathOf(end);
  return path.startsWith("kube-") ? undefined : path;
};

describe("a cluster as Kubernetes objects", () => {
  it.each(SEEDS)("is read back: seed %i", (seed) => {
    const before = read(topologyText(seed, "shown"));
    const after = analysed(imported(textOf(before, "kubernetes")));
    const [old] = before.topology.clusters;
    const [fresh] = after.topology.clusters;
    expect(fresh?.nodes.map(({ name }) => name)).toEqual(old?.nodes.map(({ name }) => name));
    for (const node of old?.nodes ?? []) {
      const other = fresh?.nodeByName(node.name);
      expect(other && stateOf(after, other)).toEqual(stateOf(before, node));
    }
    expect(pairsOf(after, "policy", ownNamespace)).toEqual(pairsOf(before, "policy", ownNamespace));
    expect(pairsOf(after, "reach", ownNamespace)).toEqual(pairsOf(before, "reach", ownNamespace));
  });

  it.each(SEEDS.slice(0, 20))("is stable: seed %i", (seed) => {
    const first = imported(textOf(read(topologyText(seed, "shown")), "kubernetes"));
    const again = imported(textOf(analysed(first), "kubernetes"));
    expect(printed(again)).toBe(printed(first));
    expect(exportOf(analysed(again), "kubernetes").files).toEqual(exportOf(analysed(first), "kubernetes").files);
  });
});

/** Ranges outside of clusters depend on the networks of the nodes. */
const workloadOnly = (end: Parameters<typeof pathOf>[0]): string | undefined =>
  "path" in end ? ownNamespace(end) : undefined;

/** Samples with one cluster, whose pod network Kubernetes objects show. The mode of azure is in its API. */
const SAMPLES = [...textsIn("samples"), ...textsIn("samples/broken")].filter(({ text }) => {
  const { clusters } = read(text).topology;
  return clusters.length === 1 && !/cni (azure|bridge|docker|kubenet|macvlan|ipvlan|none)/.test(text);
});

describe("samples as Kubernetes objects", () => {
  it.each(SAMPLES)("$name", ({ text }) => {
    const before = read(text);
    const first = imported(textOf(before, "kubernetes"));
    const after = analysed(first);
    expect(pairsOf(after, "policy", workloadOnly)).toEqual(pairsOf(before, "policy", workloadOnly));
    const servicesOf = ({ topology }: typeof before): readonly string[] =>
      (topology.clusters[0]?.services.all ?? []).map(serviceText);
    expect(servicesOf(after)).toEqual(servicesOf(before));
    const again = imported(textOf(after, "kubernetes"));
    expect(printed(again)).toBe(printed(first));
  });
});

it("external addresses of nodes are read back", () => {
  const sample = SAMPLES.find(({ name }) => name.endsWith("external-ip.knet"));
  const text = printed(imported(textOf(read(sample?.text ?? ""), "kubernetes")));
  expect(text).toContain("external-ip 203.0.113.10");
  expect(text).toContain("external-ip 203.0.113.20");
});

it("the port and the VNI of Calico's VXLAN are read back", () => {
  const sample = SAMPLES.find(
    ({ name }) => name.endsWith("/calico-autodetection.knet") || name === "calico-autodetection.knet",
  );
  const text = printed(imported(textOf(read(sample?.text ?? ""), "kubernetes")));
  expect(text).toContain("vxlan-port 8472");
  expect(text).toContain("vxlan-vni 5000");
});

/** All values of a service except its locations, and without generated names of ports. */
function serviceText(service: Service): string {
  const { index: _index, allocated: _allocated, ports, ...rest } = service;
  const own = ports.map(({ name, ...port }) => ({
    ...port,
    name: /^port-\d+-\w+$/.test(name ?? "") ? undefined : name,
  }));
  const text = (value: unknown): unknown => {
    if (value instanceof Map) return [...value];
    if (typeof value === "bigint") return String(value);
    if (Array.isArray(value)) return value.map(text);
    if (typeof value !== "object" || value === null) return value;
    const plain = Object.entries(value).filter(([key]) => !/source$|Source$|^nodePortGiven$/.test(key));
    return Object.fromEntries(plain.map(([key, one]) => [key, text(one)]));
  };
  return JSON.stringify(text({ ...rest, ports: own }));
}
