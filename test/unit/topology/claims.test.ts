/** Blocks that nodes claim, and addresses that they borrow: every pod has a unique address that resolves to it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatIp, type Ip, prefixContains, prefixOf } from "../../../server/src/addressing/ip.ts";
import type { Cluster, Pod } from "../../../server/src/topology/model.ts";
import { world } from "../checks/harness.ts";

interface Plan {
  readonly nodes: number;
  readonly poolLength: number;
  readonly blockLength: number;
  readonly strict: boolean;
  readonly tunnel: boolean;
  readonly spread: number;
  readonly pinned: readonly { readonly node: number; readonly replicas: number }[];
  /** Index of the address in the pool; odd, because the first address of a block can be a tunnel's. */
  readonly given: readonly { readonly node: number; readonly n: number }[];
}
const plans: fc.Arbitrary<Plan> = fc.record({
  nodes: fc.integer({ min: 1, max: 6 }),
  poolLength: fc.integer({ min: 26, max: 28 }),
  blockLength: fc.integer({ min: 28, max: 31 }),
  strict: fc.boolean(),
  tunnel: fc.boolean(),
  spread: fc.nat(20),
  pinned: fc.array(fc.record({ node: fc.nat(5), replicas: fc.nat(12) }), { maxLength: 3 }),
  given: fc.uniqueArray(fc.record({ node: fc.nat(5), n: fc.constantFrom(9, 11, 13, 15) }), {
    maxLength: 2,
    selector: ({ n }) => n,
  }),
});

function clusterOf(plan: Plan): Cluster {
  const { nodes, poolLength, blockLength, strict, tunnel, spread, pinned, given } = plan;
  const lines = [
    "segment lan { cidr 192.168.0.0/24; gateway r }",
    "router r { attach lan 192.168.0.1 }",
    "cluster c {",
    `  cni calico { strict-affinity ${strict}; pool p 10.0.0.0/${poolLength} { block-size /${blockLength}; ${tunnel ? "vxlan always" : ""} } }`,
    `  nodes n 0..${nodes - 1} { attach lan }`,
    `  deployment spread replicas ${spread}`,
    ...pinned.map(({ node, replicas }, i) => `  deployment p${i} replicas ${replicas} on n${node % nodes}`),
    ...given.map(({ node, n }, i) => `  pod g${i} on n${node % nodes} { address 10.0.0.${n} }`),
    "}",
  ];
  const [cluster] = world(`${lines.join("\n")}\n`).topology.clusters;
  if (!cluster) throw new Error("no cluster");
  return cluster;
}

describe("claimed addresses", () => {
  it("each belong to one pod or one node, within the pool and the node's own ranges", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const cluster = clusterOf(plan);
        const pool = prefixOf(0x0a000000, plan.poolLength);
        const holders = new Map<Ip, string>();
        const take = (ip: Ip, who: string): void => {
          expect(holders.get(ip), `${formatIp(ip)} of ${who}`).toBeUndefined();
          expect(prefixContains(pool, ip), formatIp(ip)).toBe(true);
          holders.set(ip, who);
        };
        for (const node of cluster.nodes) {
          for (const { prefix, own = 0 } of node.podCidrs) {
            for (let n = 0; n < own; n++) take(Number(prefix.ip) + n, node.name);
          }
          const pods: Pod[] = [...cluster.pods.podsOn(node)];
          for (const pod of pods) {
            for (const ip of pod.addresses) {
              take(ip, pod.name);
              expect(
                node.podCidrs.some(({ prefix }) => prefixContains(prefix, ip)),
                pod.name,
              ).toBe(true);
              expect(cluster.pods.podsByAddress(ip).map(({ name }) => name)).toEqual([pod.name]);
            }
          }
          // A pod has no address only if no node has a spare one, affinity is strict, or its node has its 20 blocks.
          const isFull = node.podCidrs.filter(({ prefix }) => prefix.len < 32).length >= 20;
          if (
            !plan.strict &&
            !isFull &&
            plan.given.length === 0 &&
            pods.some(({ addresses }) => addresses.length === 0)
          ) {
            const all = cluster.nodes.flatMap((one) => [...cluster.pods.podsOn(one)]);
            const used = all.filter(({ addresses }) => addresses.length > 0).length;
            const own = plan.tunnel ? cluster.nodes.filter((one) => one.podCidrs.some((cidr) => cidr.own)).length : 0;
            expect(used + own).toBe(2 ** (32 - plan.poolLength));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
