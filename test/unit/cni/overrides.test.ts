/** State that a file sets on one machine, in place of the state that programs create. */
import { expect, it } from "vitest";
import { printFdb, printNeighbours } from "../../../server/src/dataplane/print.ts";
import { sampleOf } from "./samples.ts";

const text = (statements: string): string => `segment lan { cidr 10.90.0.0/24; cidr fd00:90::/64; gateway gw }
router gw { attach lan 10.90.0.1 fd00:90::1 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan }
  node n1 {
    attach lan 10.90.0.11 fd00:90::11
    ${statements}
  }
  node n2 { attach lan 10.90.0.12 fd00:90::12 }
  pod a on n1
  pod b on n2 { listen 80 }
}
host h { attach lan 10.90.0.50 fd00:90::50; listen 80 }
`;

const macOf = (machine: string, device: string): string =>
  sampleOf(text("")).netns(machine).devices.get(device)?.mac ?? "";

it("an MTU changes the device only: pods keep theirs", () => {
  const { netns } = sampleOf(text("device flannel.1 { mtu 1300 }; device eth0 { mtu 1200 }"));
  const { devices } = netns("prod/n1");
  expect([devices.get("flannel.1")?.mtu, devices.get("cni0")?.mtu]).toEqual([1300, 1450]);
  expect(netns("prod/default/a").devices.get("eth0")?.mtu).toBe(1450);
  // Below 1280 bytes, the kernel removes the IPv6 addresses.
  expect(devices.get("eth0")?.addresses.map(({ ip }) => typeof ip)).toEqual(["number"]);
});

it("an FDB entry replaces the entry of flanneld", () => {
  const vtep = macOf("prod/n2", "flannel.1");
  const { netns, walk } = sampleOf(text(`fdb ${vtep.toUpperCase()} dst 10.90.0.99 dev flannel.1`));
  expect(printFdb(netns("prod/n1"))).toEqual([`${vtep} dev flannel.1 dst 10.90.0.99 self permanent`]);
  expect(walk("prod/default/a", "10.244.1.2")).toMatchObject({ reason: "neighbour-failed" });
  expect(walk("prod/default/b", "10.244.0.2").back).toContain("unreachable");
});

it("a neighbor entry replaces ARP: frames go to the machine with the MAC address, or to none", () => {
  const none = sampleOf(text("neighbor 10.90.0.50 lladdr 02:00:00:00:00:63 dev eth0"));
  expect(printNeighbours(none.netns("prod/n1"))).toContain("10.90.0.50 dev eth0 lladdr 02:00:00:00:00:63 PERMANENT");
  expect(none.walk("prod/n1", "10.90.0.50")).toMatchObject({ verdict: "dropped", reason: "wrong-mac" });
  expect(none.walk("prod/n1", "10.90.0.12").way).toContain("n2:eth0 in");
  // The router forwards the packet to the host.
  const wrong = sampleOf(text(`neighbor 10.90.0.50 lladdr ${macOf("gw", "eth0")} dev eth0`));
  expect(wrong.walk("prod/n1", "10.90.0.50").way).toBe("n1:eth0 out, gw:eth0 in, gw:eth0 out, h:eth0 in");
  const right = sampleOf(text(`neighbor 10.90.0.50 lladdr ${macOf("h", "eth0")} dev eth0`));
  expect(right.walk("prod/n1", "10.90.0.50").way).toBe("n1:eth0 out, h:eth0 in");
});

it("the same for neighbor discovery", () => {
  const wrong = sampleOf(text("neighbor fd00:90::50 lladdr 02:00:00:00:00:63 dev eth0"));
  expect(wrong.walk("prod/n1", "fd00:90::50")).toMatchObject({ verdict: "dropped", reason: "wrong-mac" });
  expect(wrong.walk("h", "fd00:90::11").back).toContain("dropped");
});
