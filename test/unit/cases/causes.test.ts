/** The place that a reachability finding underlines, and the advice that it gives. */
import { describe, expect, it } from "vitest";
import { parseIp } from "../../../server/src/addressing/ip.ts";
import { blackHole } from "../../../server/src/checks/mtu/black-hole.ts";
import type { Journey } from "../../../server/src/dataplane/journey.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import { isIcmpFiltered } from "../../../server/src/questions/full-size.ts";
import { check, world } from "../checks/harness.ts";
import { titles } from "./proven.ts";

/** The underlined text of each finding with this code. */
const underlined = (text: string, code: string): readonly string[] =>
  check(text)
    .filter((one) => one.code === code)
    .map(({ start, end }) => text.slice(start, end));
const messages = (text: string, code: string): readonly string[] =>
  check(text)
    .filter((one) => one.code === code)
    .map(({ finding }) => finding.message);

describe("a segment that no router advertises (KN241)", () => {
  const fabric = (leaf2: string, internet = ""): string => `segment a { cidr 10.0.1.0/24; gateway leaf1 }
segment b { cidr 10.0.2.0/24; gateway leaf2 }
segment f1 { cidr 10.9.0.0/31 }
segment f2 { cidr 10.9.0.2/31 }
router spine {
  attach f1 10.9.0.0
  attach f2 10.9.0.2
  ${internet}
  bgp as 65000 { peer 10.9.0.1 as 65001; peer 10.9.0.3 as 65002; advertise 0.0.0.0/0 }
}
router leaf1 { attach a 10.0.1.1; attach f1 10.9.0.1; bgp as 65001 { peer 10.9.0.0 as 65000; advertise 10.0.1.0/24 } }
router leaf2 { attach b 10.0.2.1; attach f2 10.9.0.3; bgp as 65002 { peer 10.9.0.2 as 65000${leaf2} } }
segment up { cidr 10.8.0.0/24 }
host internet { attach up 10.8.0.9; answers any }
cluster k {
  pods 10.42.0.0/16
  services 10.43.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach a 10.0.1.11 }
  node n2 { attach b 10.0.2.12 }
}
`;
  const message =
    "router `leaf2` does not advertise segment `b` (10.0.2.0/24) over BGP: a pod on node `k/n1` cannot reach a pod on node `k/n2` (2 node pairs affected)";
  const uplink = "attach up 10.8.0.1; route default via 10.8.0.9";

  it("is blamed on its router, not on the router without a route", () => {
    expect(check(fabric("")).map(({ code }) => code)).toEqual(["KN241"]);
    expect(messages(fabric(""), "KN241")).toEqual([message]);
    expect(titles(fabric(""), "KN241")).toEqual(["Add `advertise 10.0.2.0/24`"]);
  });

  it("is blamed on its router, not on the host that receives the packets", () => {
    expect(check(fabric("", uplink)).map(({ code }) => code)).toEqual(["KN241"]);
    expect(messages(fabric("", uplink), "KN241")).toEqual([message]);
  });

  it("is not reported if a router advertises the segment or a covering prefix", () => {
    expect(check(fabric("; advertise 10.0.2.0/24", uplink))).toEqual([]);
    expect(check(fabric("; advertise 10.0.2.0/23", uplink)).map(({ code }) => code)).not.toContain("KN241");
  });
});

describe("advice that fits the topology", () => {
  const kindnet = `segment a { cidr 172.18.0.0/24; gateway r }
segment b { cidr 172.19.0.0/24; gateway r }
router r { attach a 172.18.0.1; attach b 172.19.0.1 }
cluster kind {
  pods 10.244.0.0/16
  cni kindnet
  node w1 { attach a 172.18.0.2 }
  node w2 { attach b 172.19.0.2 }
}
`;

  it("kindnet has no backend (KN220)", () => {
    expect(messages(kindnet, "KN220")).toEqual([
      "kindnet requires all nodes on one segment and has no encapsulation: a router is between node `kind/w1` and next hop 172.19.0.2 of node `kind/w2` (2 node pairs affected); use a different plugin",
    ]);
  });

  it("only WireGuard works behind NAT (KN223)", () => {
    const text = `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend host-gw }
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12; cni flannel { public-ip 203.0.113.9 } }
}
`;
    expect(messages(text, "KN223")).toEqual([
      "`public-ip` 203.0.113.9 of node `prod/n2` is not its interface address 192.168.10.12, which host-gw rejects; use `wireguard` if the node is behind NAT",
    ]);
  });

  it("ICMP is only worth allowing if a rule drops it (KN302)", () => {
    expect(messages(blackHole.example.bad, "KN302")).toEqual([
      expect.stringMatching(/; lower the pods' MTU, or allow ICMP "packet too big"$/),
    ]);
    const [lost] = simulate(world(blackHole.example.bad).network, {
      from: "prod/default/a",
      dst: parseIp("10.244.1.2") ?? 0,
      proto: "udp",
      sport: 40000,
      dport: 65000,
      size: 9000,
      df: true,
    });
    if (!lost) throw new Error("no journey");
    const denied = {
      ...lost,
      verdict: "dropped",
      reply: { ...lost, reason: { code: "filtered", message: "", netns: "" } },
    };
    expect(isIcmpFiltered(denied as Journey)).toBe(true);
    // A segment drops the frame: no machine sends an error.
    expect(isIcmpFiltered({ ...lost, reply: undefined })).toBe(false);
  });
});

describe("forwarding is off (KN206)", () => {
  const nodes = (n2: string): string => `segment lan { cidr 192.168.10.0/24 fd00:1::/64; gateway r }
router r { attach lan 192.168.10.1 fd00:1::1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  pods fd00:244::/56
  cni flannel { backend host-gw }
  node n1 { attach lan 192.168.10.11 fd00:1::11 }
  node n2 { attach lan 192.168.10.12 fd00:1::12; ${n2} }
}
`;

  it("blames the sysctl that is 0, not the first one", () => {
    const text = nodes("sysctl net.ipv4.ip_forward 1; sysctl net.ipv4.conf.all.forwarding 0");
    expect(underlined(text, "KN206")).toEqual(["sysctl net.ipv4.conf.all.forwarding 0"]);
    expect(titles(text, "KN206")).toEqual(["Change to 1"]);
  });

  // One variable with two names (devinet_sysctl_forward): recorded with sysctl(8) on Linux 6.18.
  it("applies the last of the two IPv4 names", () => {
    expect(underlined(nodes("sysctl net.ipv4.conf.all.forwarding 0; sysctl net.ipv4.ip_forward 1"), "KN206")).toEqual(
      [],
    );
    const off = nodes("sysctl net.ipv4.conf.all.forwarding 1; sysctl net.ipv4.ip_forward 0");
    expect(underlined(off, "KN206")).toEqual(["sysctl net.ipv4.ip_forward 0"]);
  });

  it("blames the sysctl of the packet's family", () => {
    const text = nodes("sysctl net.ipv4.ip_forward 1; sysctl net.ipv6.conf.all.forwarding 0");
    expect(underlined(text, "KN206")).toEqual(["sysctl net.ipv6.conf.all.forwarding 0"]);
  });
});

describe("strict reverse path filtering (KN207)", () => {
  const asymmetric = (sysctls: string): string => `segment a { cidr 10.0.1.0/24; gateway r }
segment b { cidr 10.0.2.0/24; gateway r }
router r { attach a 10.0.1.1; attach b 10.0.2.1 }
cluster k {
  pods 10.244.0.0/16
  cni flannel { backend vxlan; iface eth1 }
  node n1 { attach a 10.0.1.11; attach b 10.0.2.11 }
  node n2 { attach a 10.0.1.12; attach b 10.0.2.12; route 10.0.2.11/32 via 10.0.1.11; ${sysctls} }
}
`;

  it("blames the setting with the value that applies", () => {
    const text = asymmetric("sysctl net.ipv4.conf.eth1.rp_filter 0; sysctl net.ipv4.conf.all.rp_filter 1");
    expect(underlined(text, "KN207")).toEqual(["sysctl net.ipv4.conf.all.rp_filter 1"]);
  });

  it("ignores `default` if the device has a value", () => {
    const text = asymmetric(
      "sysctl net.ipv4.conf.default.rp_filter 2; sysctl net.ipv4.conf.eth1.rp_filter 0; sysctl net.ipv4.conf.all.rp_filter 1",
    );
    expect(underlined(text, "KN207")).toEqual(["sysctl net.ipv4.conf.all.rp_filter 1"]);
  });
});
