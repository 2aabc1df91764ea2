/** Addresses that a cloud delivers although no machine of the lab has them. */
import { expect, it } from "vitest";
import { fabricLines } from "../../../server/src/lab/fabric.ts";
import { world } from "../checks/harness.ts";

it("an address of an interface without a pod has a neighbor entry if a probe is sent to it", () => {
  const { network } = world(`segment s { cidr 10.0.1.0/24; cloud aws; gateway vpc }
router vpc { attach s 10.0.1.1 }
cluster eks {
  cni aws-vpc { instance t3.medium }
  nodes a 1..2 { attach s }
}
`);
  const spaces = ["eks/a1", "eks/a2", "vpc"].flatMap((id) => network.netns(id) ?? []);
  const entries = (ip: number): readonly string[] => [...fabricLines(network, spaces, [ip]).keys()];
  // 10.0.1.254 is one of the unused addresses of a1; no node has 10.0.1.100.
  expect(entries(0x0a0001fe)).toEqual(["eks/a2", "vpc"]);
  expect(entries(0x0a000164)).toEqual([]);
});
