/** The place that a reachability finding underlines, and the advice that it gives. */
import { describe, expect, it } from "vitest";
import { parseIp } from "../../../server/src/addressing/ip.ts";
import { blackHole } from "../../../server/src/checks/mtu/black-hole.ts";
import { isIcmpFiltered } from "../../../server/src/checks/mtu/full-size.ts";
import type { Journey } from "../../../server/src/dataplane/journey.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
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
