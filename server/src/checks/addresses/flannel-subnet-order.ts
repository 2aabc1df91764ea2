import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { setEdit } from "../finding.ts";
import { clusterAt } from "../topology.ts";

export const flannelSubnetOrder: Check = {
  code: "KN132",
  name: "flannel-subnet-order",
  family: "addresses",
  severity: "error",
  summary: "subnet-min lies above subnet-max: there is no subnet to lease.",
  documentation: `flannel checks each of the two for itself but not their order; every node then waits for a lease with *out of subnets*.`,
  example: {
    bad: twoNodes(
      "cni flannel {\n  subnet-manager etcd\n  subnet-min 10.244.32.0\n  subnet-max 10.244.16.0\n  backend vxlan\n}",
    ),
    good: twoNodes(
      "cni flannel {\n  subnet-manager etcd\n  subnet-min 10.244.16.0\n  subnet-max 10.244.32.0\n  backend vxlan\n}",
    ),
  },
  message: ({ min, max }) =>
    `subnet-min ${min} is above subnet-max ${max}: no node gets a subnet ("out of subnets"); exchange them`,
  fixes: ({ min, max }, source, { topology }) => {
    const cni = clusterAt(topology, source)?.cni.source;
    if (!cni) return [];
    const edits = [setEdit(cni, "subnet-min", String(max)), setEdit(cni, "subnet-max", String(min))];
    return [{ title: "Exchange them", edits }];
  },
};
