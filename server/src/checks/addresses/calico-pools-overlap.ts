import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";

export const calicoPoolsOverlap: Check = {
  code: "KN150",
  name: "calico-pools-overlap",
  family: "addresses",
  severity: "error",
  summary: "Two IP pools of a cluster share addresses.",
  documentation: `The API server refuses such a pool (*IPPool … overlaps with IPPool …*, libcalico-go/lib/clientv3/ippool.go); with resources that were written another way
two nodes could claim the same addresses. Cut the pools so that they are disjoint; a larger one cannot be laid over a smaller one.`,
  example: {
    bad: twoNodes("cni calico {\n  pool a 10.244.0.0/16\n  pool b 10.244.128.0/17\n}"),
    good: twoNodes("cni calico {\n  pool a 10.244.0.0/17\n  pool b 10.244.128.0/17\n}"),
  },
  message: ({ pool, cidr, other, otherCidr }) =>
    `pool ${pool} (${cidr}) overlaps pool ${other} (${otherCidr}): Calico refuses the second one; make them disjoint`,
};
