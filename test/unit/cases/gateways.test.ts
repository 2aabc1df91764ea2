/** Gateways that the kernel rejects (each recorded on Linux 6.18), in static routes and in routes of CNI plugins. */
import { describe, expect, it } from "vitest";
import { printRoutes } from "../../../server/src/dataplane/print.ts";
import { check, shown, world } from "../checks/harness.ts";

const routesOf = (text: string, id: string, family: 4 | 6 = 4): readonly string[] => {
  const netns = world(text).network.netns(id);
  if (!netns) throw new Error(id);
  return printRoutes(netns, family);
};

const host = (route: string): string => `segment lan { cidr 10.0.0.0/24 fd00::/64 }
host h { attach lan 10.0.0.5 fd00::5; loopback fd01::1; ${route} }
`;

describe("the gateway of a static route", () => {
  it.each([
    [
      "10.9.0.0/16 via 10.0.0.255",
      'next hop 10.0.0.255 for 10.9.0.0/16 is a broadcast address on machine `h`: the kernel rejects the route ("Nexthop has invalid gateway")',
    ],
    [
      "fd99::/64 via fd00::5",
      'next hop fd00::5 for fd99::/64 is an address of machine `h` itself: the kernel rejects the route ("Gateway can not be a local address")',
    ],
    [
      "fd99::/64 via fd00::5 dev eth0",
      'next hop fd00::5 for fd99::/64 is an address of machine `h` itself: the kernel rejects the route ("Gateway can not be a local address")',
    ],
    [
      "10.9.0.0/16 via 10.1.0.1",
      'next hop 10.1.0.1 for 10.9.0.0/16 is not on-link on machine `h`: the kernel rejects the route ("Nexthop has invalid gateway")',
    ],
  ])("%s is rejected", (route, message) => {
    const text = host(`route ${route}`);
    expect(check(text).map(shown)).toEqual([`KN210 error line 2: ${message}`]);
    expect(routesOf(text, "h", route.startsWith("fd") ? 6 : 4).join("\n")).not.toContain("via");
  });

  it("can be an IPv4 address of the machine", () => {
    const text = host("route 10.9.0.0/16 via 10.0.0.5");
    expect(check(text).map(shown)).toEqual([]);
    expect(routesOf(text, "h")).toContain("10.9.0.0/16 via 10.0.0.5 dev eth0");
  });
});

/** Machines with the same address on separate segments, as on Vagrant. */
const vagrant = (cni: string): string => `segment a { cidr 10.0.2.0/24 fd02::/64; gateway 10.0.2.2 }
segment b { cidr 10.0.2.0/24 fd02::/64; gateway 10.0.2.2 }
segment p { cidr 192.168.56.0/24 }
cluster c {
  pods 10.244.0.0/16
  pods fd44::/48
  services 10.96.0.0/16
  cni ${cni}
  node n1 { attach a 10.0.2.15 fd02::15; attach p 192.168.56.11 }
  node n2 { attach b 10.0.2.15 fd02::15; attach p 192.168.56.12 }
  pod x on n1
  pod y on n2
}
`;

describe("a node with the address of another node", () => {
  it("rejects flannel's IPIP route to it, but not its host-gw route", () => {
    expect(routesOf(vagrant("flannel { backend ipip }"), "c/n1").join("\n")).not.toContain("10.244.1.0/24");
    expect(routesOf(vagrant("flannel { backend host-gw }"), "c/n1")).toContain("10.244.1.0/24 via 10.0.2.15 dev eth0");
  });

  it("rejects IPv6 routes to it", () => {
    const routes = routesOf(vagrant("bridge"), "c/n1", 6);
    expect(routes.join("\n")).not.toContain("via fd02::15");
  });

  it.each(["calico", "calico { program-routes bird }", "calico { pool p 10.244.0.0/16 { vxlan cross-subnet } }"])(
    "has no Calico state: calico-node exits (%s)",
    (cni) => {
      const text = vagrant(cni);
      const { network } = world(text);
      expect([...(network.netns("c/n1")?.devices.keys() ?? [])].some((name) => name.startsWith("cali"))).toBe(true);
      expect([...(network.netns("c/n2")?.devices.keys() ?? [])]).toEqual(["lo", "eth0", "eth1"]);
      expect([...(network.netns("c/default/y")?.devices.keys() ?? [])]).toEqual(["lo"]);
      expect(routesOf(text, "c/n1").join("\n")).not.toContain("via 10.0.2.15");
      expect(check(text).map(({ code }) => code)).toEqual(["KN239"]);
    },
  );
});
