/** `knet plan` as a process: the formats, manifests as input, and invalid usage. */
import { describe, expect, it } from "vitest";
import type { Plan } from "../../server/src/questions/capacity/schema.ts";
import { knet } from "./run.ts";

const TOPOLOGY = `segment lan { cidr 192.168.10.0/28 }
cluster prod {
  pods 10.244.0.0/22 per-node /24
  services 10.96.0.0/24
  cni flannel { backend vxlan }
  nodes w 1..2 { attach lan }
  deployment web replicas 3 { listen 80 }
}
`;

describe("knet plan", () => {
  it("prints aligned tables: ranges, masks, and growth", () => {
    const { code, out, err } = knet(["plan", "-"], TOPOLOGY);
    expect([code, err]).toEqual([0, ""]);
    expect(
      out,
    ).toBe(`range            kind      owner     size  used  free    %  largest free     next free      next range
10.96.0.0/24     services  prod       254     1   253  <1%  10.96.0.64/26    10.96.0.16     10.96.1.0/24
10.244.0.0/22    pods      prod     1,024   512   512  50%  10.244.2.0/23    10.244.2.0/24  10.244.4.0/22
  10.244.0.0/24  node      prod/w1    253     2   251  <1%  10.244.0.64/26   10.244.0.4
  10.244.1.0/24  node      prod/w2    253     1   252  <1%  10.244.1.64/26   10.244.1.3
192.168.10.0/28  segment   lan         14     2    12  14%  192.168.10.4/30  192.168.10.3   192.168.10.16/28

cluster prod: 2 nodes, 3 pods, max-pods 110

  10.244.0.0/22
    per node  nodes  pods per node   pods
         /22      1          1,021  1,021  too few for 2 nodes
         /23      2            509  1,018
         /24      4            253  1,012  <- current
         /25      8            125  1,000
         /26     16             61    976  below max-pods 110
         /27     32             29    928  below max-pods 110
         /28     64             13    832  below max-pods 110
    2 nodes need /23 or longer; 110 pods per node: /25 or shorter

  10.244.0.0/22            full at 2 more nodes (4 in total)
  lan (192.168.10.0/28)    full at 12 more nodes (14 in total)
  prod/w1 (10.244.0.0/24)  full at 251 more pods on this node (253 in total)
  10.96.0.0/24             full at 253 more services (254 in total)
`);
  });

  it("prints CSV with one row per range", () => {
    const { out } = knet(["plan", "-", "--format", "csv"], TOPOLOGY);
    expect(out).toBe(`range,kind,owner,cluster,nodes,size,used,free,largest_free,next_free,next_range,overlaps
10.96.0.0/24,services,prod,prod,,254,1,253,10.96.0.64/26,10.96.0.16/32,10.96.1.0/24,
10.244.0.0/22,pods,prod,prod,,1024,512,512,10.244.2.0/23,10.244.2.0/24,10.244.4.0/22,
10.244.0.0/24,node,prod/w1,prod,,253,2,251,10.244.0.64/26,10.244.0.4/32,,
10.244.1.0/24,node,prod/w2,prod,,253,1,252,10.244.1.64/26,10.244.1.3/32,,
192.168.10.0/28,segment,lan,,,14,2,12,192.168.10.4/30,192.168.10.3/32,192.168.10.16/28,
`);
  });

  it("prints JSON with the location of each range", () => {
    const { out } = knet(["plan", "-", "--format", "json"], TOPOLOGY);
    const { ranges } = JSON.parse(out) as Plan;
    expect(ranges.map(({ range, location }) => [range, location?.range.start.line])).toEqual([
      ["10.96.0.0/24", 3],
      ["10.244.0.0/22", 2],
      ["10.244.0.0/24", 2],
      ["10.244.1.0/24", 2],
      ["192.168.10.0/28", 0],
    ]);
  });

  it("reads manifests", () => {
    const node = (n: number): string =>
      JSON.stringify({
        apiVersion: "v1",
        kind: "Node",
        metadata: { name: `n${n}` },
        spec: { podCIDR: `10.42.${n}.0/24`, podCIDRs: [`10.42.${n}.0/24`] },
        status: { addresses: [{ type: "InternalIP", address: `10.0.0.1${n}` }] },
      });
    const { code, out } = knet(["plan", "-"], `{"kind":"List","apiVersion":"v1","items":[${node(1)},${node(2)}]}`);
    expect(code).toBe(0);
    expect(out).toMatch(/10\.42\.1\.0\/24 +node +cluster\/n1/);
  });

  it("of a file without ranges states that", () => {
    expect(knet(["plan", "-"], "# nothing\n")).toMatchObject({ code: 0, out: "no ranges are declared\n" });
  });

  it("rejects invalid usage", () => {
    expect(knet(["plan"])).toMatchObject({ code: 2, err: "knet: missing argument `file`\n" });
    expect(knet(["plan", "no/such.knet"]).code).toBe(2);
  });
});
