/** The arithmetic of `pods.ts` compared with pods placed one after another. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatIp, type Ip, parseIp } from "../../../server/src/addressing/ip.ts";
import type { Cluster, Pod } from "../../../server/src/topology/model.ts";
import { topologyOf } from "./print.ts";

interface Planned {
  readonly kind: "pod" | "deployment" | "statefulset" | "daemonset";
  readonly replicas: number;
  readonly on: number | undefined;
  readonly hostNetwork: boolean;
  /** The address `n` of the node with the index `node`. */
  readonly address: { readonly node: number; readonly n: number } | undefined;
  readonly namespace: "default" | "shop";
}

const planned: fc.Arbitrary<Planned> = fc.record({
  kind: fc.constantFrom("pod", "deployment", "statefulset", "daemonset"),
  replicas: fc.nat(7),
  on: fc.option(fc.nat(4), { nil: undefined, freq: 3 }),
  hostNetwork: fc.boolean(),
  address: fc.option(fc.record({ node: fc.nat(4), n: fc.integer({ min: 2, max: 13 }) }), { nil: undefined, freq: 4 }),
  namespace: fc.constantFrom("default", "shop"),
});

interface Case {
  readonly nodes: number;
  readonly dual: boolean;
  readonly workloads: readonly Planned[];
}
const cases: fc.Arbitrary<Case> = fc.record({
  nodes: fc.nat(5),
  dual: fc.boolean(),
  workloads: fc.array(planned, { maxLength: 14 }),
});

/** A configured address is in the IPv4 range of its node: /28 blocks of 10.244.0.0/16, gateway at 1. */
const blockAddress = (node: number, n: number): string => formatIp(0x0af40000 + node * 16 + n);

function textOf({ nodes, dual, workloads }: Case): string {
  const lines = [
    "segment lan { cidr 10.0.0.0/24 }",
    "cluster c {",
    "  cni bridge",
    "  pods 10.244.0.0/16 per-node /28",
  ];
  if (dual) lines.push("  pods fd00::/112 per-node /124");
  for (let n = 0; n < nodes; n++) lines.push(`  node n${n} { attach lan }`);
  workloads.forEach(({ kind, replicas, on, hostNetwork, address, namespace }, index) => {
    const replicated = kind === "deployment" || kind === "statefulset";
    const place = on === undefined || kind === "daemonset" ? "" : ` on n${on}`;
    const inside = [
      hostNetwork ? "host-network" : "",
      kind === "pod" && address ? `address ${blockAddress(address.node, address.n)}` : "",
    ];
    const statement = `${kind} w${index}${replicated ? ` replicas ${replicas}` : ""}${place} { ${inside.join("; ")} }`;
    lines.push(namespace === "shop" ? `  namespace shop { ${statement} }` : `  ${statement}`);
  });
  return `${[...lines, "}"].join("\n")}\n`;
}

interface NaivePod {
  readonly path: string;
  readonly node: number | undefined;
  readonly slot: number;
  readonly addresses: readonly string[];
}

function naive({ nodes, dual, workloads }: Case): NaivePod[] {
  const drafts: { path: string; node: number | undefined; hostNetwork: boolean; given: string | undefined }[] = [];
  let turn = 0;
  workloads.forEach(({ kind, replicas, on, hostNetwork, address, namespace }, index) => {
    const count = kind === "pod" ? 1 : kind === "daemonset" ? nodes : replicas;
    const given = kind === "pod" && address ? address : undefined;
    for (let ordinal = 0; ordinal < count; ordinal++) {
      const name =
        kind === "pod" ? `w${index}` : kind === "daemonset" ? `w${index}-n${ordinal}` : `w${index}-${ordinal}`;
      let node: number | undefined;
      if (nodes === 0) node = undefined;
      else if (kind === "daemonset") node = ordinal;
      else if (on !== undefined) node = on < nodes ? on : undefined;
      else if (given !== undefined && given.node < nodes) node = given.node;
      else node = turn++ % nodes;
      drafts.push({
        path: `c/${namespace}/${name}`,
        node,
        hostNetwork,
        given: given === undefined ? undefined : blockAddress(given.node, given.n),
      });
    }
  });
  const taken = new Set(drafts.filter(({ hostNetwork }) => !hostNetwork).map(({ given }) => given));
  const slots = new Map<number, number>();
  return drafts.map(({ path, node, hostNetwork, given }) => {
    if (hostNetwork && !given)
      return { path, node, slot: -1, addresses: node === undefined ? [] : [`10.0.0.${node + 1}`] };
    if (hostNetwork) return { path, node, slot: -1, addresses: node === undefined ? [] : [`10.0.0.${node + 1}`] };
    if (given !== undefined) return { path, node, slot: -1, addresses: [given] };
    if (node === undefined) return { path, node, slot: -1, addresses: [] };
    const slot = slots.get(node) ?? 0;
    slots.set(node, slot + 1);
    const free4 = Array.from({ length: 13 }, (_, n) => blockAddress(node, n + 2)).filter((ip) => !taken.has(ip));
    const free6 = Array.from({ length: 14 }, (_, n) => formatIp((0xfd00n << 112n) + BigInt(node * 16 + n + 2)));
    const own = dual ? [free4[slot], free6[slot]] : [free4[slot]];
    const complete = own.filter((ip) => ip !== undefined);
    return { path, node, slot, addresses: complete.length === own.length ? complete : [] };
  });
}

const shown = ({ path, node, slot, addresses }: Pod): NaivePod => ({
  path,
  node: node?.index,
  slot,
  addresses: addresses.map(formatIp),
});

function allPods(cluster: Cluster): Pod[] {
  return cluster.workloads.flatMap((workload) =>
    Array.from({ length: workload.replicas }, (_, ordinal) => cluster.pods.podAt(workload, ordinal)),
  );
}

describe("computed pods", () => {
  it("are the same as pods placed one after another", () => {
    fc.assert(
      fc.property(cases, (one) => {
        const [cluster] = topologyOf(textOf(one)).clusters;
        if (cluster === undefined) throw new Error("no cluster");
        const expected = naive(one);
        expect(allPods(cluster).map(shown)).toEqual(expected);
        expect(cluster.pods.count).toBe(expected.length);
        for (const node of cluster.nodes) {
          const here = expected.filter((pod) => pod.node === node.index);
          expect([...cluster.pods.podsOn(node)].map(shown)).toEqual(here);
          expect(cluster.pods.countOn(node)).toBe(here.length);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("are found by name and by address", () => {
    fc.assert(
      fc.property(cases, (one) => {
        const [cluster] = topologyOf(textOf(one)).clusters;
        if (cluster === undefined) throw new Error("no cluster");
        const pods = allPods(cluster);
        for (const pod of pods) {
          const found = cluster.pods.podByName(pod.workload.namespace, pod.name);
          expect(found?.path).toBe(pod.path);
          expect(found?.ordinal).toBe(pod.ordinal);
        }
        const asked = new Set<Ip>(pods.flatMap(({ addresses }) => addresses));
        for (let n = 0; n < 90; n++) asked.add(0x0af40000 + n);
        for (const ip of asked) {
          const expected = pods.filter(({ workload, addresses }) => !workload.hostNetwork && addresses.includes(ip));
          const found = cluster.pods.podsByAddress(ip);
          expect(found.map(({ path }) => path).sort()).toEqual(expected.map(({ path }) => path).sort());
        }
      }),
      { numRuns: 200 },
    );
  });

  it("are all found if every node has the same range", () => {
    const [cluster] = topologyOf("cluster c { cni docker; nodes n 1..4; deployment d replicas 9 }").clusters;
    const names = (ip: string): string[] =>
      (cluster?.pods.podsByAddress(parseIp(ip) ?? 0) ?? []).map(({ name }) => name);
    expect(names("172.17.0.2").sort()).toEqual(["d-0", "d-1", "d-2", "d-3"]);
    expect(names("172.17.0.4")).toEqual(["d-8"]);
    expect(names("172.17.0.5")).toEqual([]);
  });

  it("are created only on request, for any number of pods", () => {
    const text = `cluster c { cni bridge; pods 10.0.0.0/8; nodes n 1..5000; deployment d replicas 1000000; deployment e replicas 1 }`;
    const [cluster] = topologyOf(text).clusters;
    const e = cluster?.workloadByName("default", "e");
    expect(e && cluster?.pods.podAt(e, 0).node?.name).toBe("n1");
    expect(cluster?.pods.podByName("default", "d-999999")?.node?.name).toBe("n5000");
  });
});
