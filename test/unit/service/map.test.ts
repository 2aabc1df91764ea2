import { describe, expect, it } from "vitest";
import { layoutMap, type Place } from "../../../server/src/service/map/layout.ts";
import { mapOf } from "../../../server/src/service/map/model.ts";
import { mapText } from "../../../server/src/service/map/text.ts";
import { fixture, SHOP } from "./support.ts";

const map = (text: string) => mapOf(fixture(text).analysis.topology);

const CAMPUS = `${SHOP}segment lab { cidr fd00:1::/64; vlan 30; mtu 9000 }
router core {
  attach rack-a
  attach lab fd00:1::1
  attach rack-b
  deny tcp port 23
}
host alone {}
`;

describe("the drawing of a topology", () => {
  it("has a text form", () => {
    expect(mapText(map(CAMPUS))).toMatchInlineSnapshot(`
      "cluster prod: cni flannel; pod CIDR 10.244.0.0/16, /24 per node; service CIDR 10.96.0.0/12; 52 nodes, 4 pods

      segment rack-a: 10.168.0.0/24, 201 of 254 free; mtu 1500; gateway 10.168.0.1
        router tor: eth0 10.168.0.1
        router core: eth0 10.168.0.53; 1 access list rule
        node prod/n1: eth0 10.168.0.2; pod CIDR 10.244.0.0/24; 2 pods
          pod shop/web 10.244.0.2
          pod shop/api-0 10.244.0.3
        node prod/w1 (w1 … w50): eth0 10.168.0.3 … 10.168.0.52; 50 nodes; pod CIDR 10.244.2.0/24 … 10.244.51.0/24; 1 pod
          pod shop/api-2 10.244.2.2

      segment rack-b: 10.168.1.0/24, 250 of 254 free; mtu 1500; gateway 10.168.1.1
        router tor: eth1 10.168.1.1
        router core: eth2 10.168.1.2
        host laptop: eth0 10.168.1.50
        node prod/n2: eth0 10.168.1.3; pod CIDR 10.244.1.0/24; 1 pod
          pod shop/api-1 10.244.1.2

      segment lab: fd00:1::/64; mtu 9000; vlan 30; gateway fd00:1::1
        router core: eth1 fd00:1::1

      not attached to a segment:
        host alone
      "
    `);
  });

  it("groups many similar nodes", () => {
    const nodes = Array.from({ length: 40 }, (_, index) => `  node n${index} { attach lan }`).join("\n");
    const { stations } = map(`segment lan { cidr 10.0.0.0/24 }\ncluster c {\n  pods 10.244.0.0/16\n${nodes}\n}\n`);
    expect(stations.map(({ item, count }) => [item.name, count])).toEqual([["n0 … n39", 40]]);
  });

  it("has no overlapping items", () => {
    const { boxes, bars, lines, width, height } = layoutMap(map(CAMPUS));
    const disjoint = (a: Place, b: Place): boolean =>
      a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
    const all = [...boxes, ...bars];
    all.forEach((one, index) => {
      for (const other of all.slice(index + 1)) expect(disjoint(one, other)).toBe(true);
      expect(one.x >= 0 && one.y >= 0 && one.x + one.width <= width && one.y + one.height <= height).toBe(true);
    });
    for (const box of boxes)
      for (const pod of box.pods) expect(pod.y + pod.height).toBeLessThanOrEqual(box.y + box.height);
    for (const { x, from, to, station } of lines) {
      expect(from).toBeLessThan(to);
      const line = { x, y: from, width: 0, height: to - from };
      boxes.forEach((box, index) => {
        if (index !== station) expect(disjoint(line, box)).toBe(true);
      });
    }
    expect(lines).toHaveLength(map(CAMPUS).stations.flatMap(({ links }) => links).length);
  });

  it("exists for an empty and for an incomplete file", () => {
    expect(layoutMap(map("")).boxes).toEqual([]);
    for (let cut = 0; cut < CAMPUS.length; cut += 53)
      expect(layoutMap(map(CAMPUS.slice(0, cut))).width).toBeGreaterThan(0);
  });
});
