import { describe, expect, it } from "vitest";
import { crossings, file, knet, trace } from "./run.ts";

const K1 = "samples/k1.knet";
const nodesOf = (hops: readonly { readonly owner: string }[]): string[] => [
  ...new Set(hops.map((hop) => hop.owner).filter((owner) => owner.startsWith("node "))),
];

describe("packets in the Network Graph's example", () => {
  it("delivers from container to container on another node through n1 and n2, and the reply", () => {
    const { code, trace: found } = trace([K1, "p1/c1.1", "10.1.2.1", "--port", "8080"]);
    expect(code).toBe(0);
    expect(found).toMatchObject({ schema: "knet-trace/1", verdict: "delivered", answered: true });
    const path = found.paths[0];
    expect(nodesOf(path?.hops ?? [])).toEqual(["node k1/n1", "node k1/n2"]);
    expect(path?.receiver).toEqual({ src: "10.1.1.1", sport: 40000, process: "c2.1" });
    expect(nodesOf(path?.reply?.hops ?? [])).toEqual(["node k1/n2", "node k1/n1"]);
  });

  it("delivers localhost within the pod to the other container", () => {
    const { code, trace: found } = trace([K1, "p1/c1.1", "127.0.0.1", "--port", "9090"]);
    expect(code).toBe(0);
    expect(new Set(found.paths[0]?.hops.map((hop) => hop.netns))).toEqual(new Set(["k1/default/p1"]));
    expect(found.paths[0]?.receiver?.process).toBe("c1.2");
    expect(crossings(found.paths[0]?.hops ?? [])).toEqual(["p1 lo out 64", "p1 lo in 64"]);
  });

  it("uses lo for a pod's own address", () => {
    const { trace: found } = trace([K1, "p1/c1.1", "10.1.1.1", "--port", "9090"]);
    expect(crossings(found.paths[0]?.hops ?? [])).toEqual(["p1 lo out 64", "p1 lo in 64"]);
  });

  it("delivers from a daemon to a pod on its node", () => {
    const { code, trace: found } = trace([K1, "n1/d1", "10.1.1.1", "--port", "8080"]);
    expect(code).toBe(0);
    expect(crossings(found.paths[0]?.hops ?? [])).toEqual(["n1 cni0 out 64", "n1 veth out 64", "p1 eth0 in 64"]);
    // Locally generated packets have the address of the outgoing device as source.
    expect(found.paths[0]?.receiver?.src).toBe("10.1.1.254");
  });

  it("rejects with RST for a closed TCP port and with ICMP for a closed UDP port", () => {
    const tcp = trace([K1, "p1/c1.1", "10.1.2.1", "--port", "81"]);
    expect(tcp.code).toBe(1);
    expect(tcp.trace).toMatchObject({ verdict: "rejected", answered: false });
    expect(tcp.trace.paths[0]?.error).toEqual({ kind: "rst", errno: "ECONNREFUSED" });
    const udp = trace([K1, "p1/c1.1", "10.1.2.1", "--port", "53", "--proto", "udp"]);
    expect(udp.trace.paths[0]?.error).toEqual({
      kind: "icmp",
      type: 3,
      code: 3,
      from: "10.1.2.1",
      errno: "ECONNREFUSED",
    });
  });
});

describe("sequences of devices (observed on Linux 6.18)", () => {
  it("same node, bridge: cni0 itself does not see a purely bridged frame", () => {
    const { trace: found } = trace(["samples/flannel-vxlan.knet", "web", "cache", "--port", "6379"]);
    expect(crossings(found.paths[0]?.hops ?? [])).toEqual([
      "web eth0 out 64",
      "node1 veth in 64",
      "node1 veth out 64",
      "cache eth0 in 64",
    ]);
  });

  it("host-gw", () => {
    const { trace: found } = trace(["samples/flannel-host-gw.knet", "web", "api", "--port", "9090"]);
    expect(crossings(found.paths[0]?.hops ?? [])).toEqual([
      "web eth0 out 64",
      "node1 veth in 64",
      "node1 cni0 in 64",
      "node1 eth0 out 63",
      "node2 eth0 in 63",
      "node2 cni0 out 62",
      "node2 veth out 62",
      "api eth0 in 62",
    ]);
  });

  it("vxlan: the outer packet is 50 bytes longer, TTL 64, DF clear, UDP port 8472", () => {
    const { trace: found } = trace(["samples/flannel-vxlan.knet", "web", "api", "--port", "9090"]);
    const hops = found.paths[0]?.hops ?? [];
    expect(crossings(hops)).toEqual([
      "web eth0 out 64",
      "node1 veth in 64",
      "node1 cni0 in 64",
      "node1 flannel.1 out 63",
      "node1 eth0 out 63 [outer 192.168.10.11 > 192.168.10.12 ttl 64]",
      "node2 eth0 in 63 [outer 192.168.10.11 > 192.168.10.12 ttl 64]",
      "node2 flannel.1 in 63",
      "node2 cni0 out 62",
      "node2 veth out 62",
      "api eth0 in 62",
    ]);
    const outer = hops.find(
      (hop) => hop.device === "eth0" && hop.direction === "out" && hop.owner === "node prod/node1",
    )?.packet;
    const inner = hops.find((hop) => hop.device === "flannel.1" && hop.direction === "out")?.packet;
    expect(outer?.length).toBe((inner?.length ?? 0) + 50);
    expect(outer?.headers[0]).toMatchObject({ kind: "ip", df: false, ttl: 64, proto: "udp" });
    expect(outer?.headers[1]).toMatchObject({ kind: "udp", dport: 8472 });
    expect(outer?.headers[2]).toEqual({ kind: "vxlan", vni: 1 });
  });

  it("vxlan between segments: the router decrements the outer TTL, not the inner TTL", () => {
    const { trace: found } = trace(["samples/flannel-vxlan.knet", "web", "db", "--port", "5432"]);
    expect(crossings(found.paths[0]?.hops ?? [])).toContain(
      "node3 eth0 in 63 [outer 192.168.10.11 > 192.168.20.13 ttl 63]",
    );
  });

  it("udp: flanneld decrements the inner TTL on both sides", () => {
    const { trace: found } = trace(["samples/flannel-udp.knet", "web", "api", "--port", "9090"]);
    expect(crossings(found.paths[0]?.hops ?? []).at(-1)).toBe("api eth0 in 60");
  });
});

/** Two nodes on one segment, a router, and one pod per node; `more` is inserted in node n1, `end` at the end of the file. */
function two(backend: string, more = "", end = ""): string {
  return file(`segment lan { cidr 192.168.10.0/24; gateway r }
segment far { cidr 192.168.20.0/24; gateway r }
router r {
  attach lan 192.168.10.1
  attach far 192.168.20.1
  route 198.51.100.0/24 unreachable
  route 203.0.113.0/24 prohibit
  route 192.0.2.0/24 blackhole
}
host laptop { attach far 192.168.20.50; listen 443/tcp }
cluster k {
  pods 10.244.0.0/16
  cni flannel { backend ${backend} }
  node n1 { attach lan 192.168.10.11; ${more} }
  node n2 { attach lan 192.168.10.12 }
  pod a on n1 { listen 80/tcp }
  pod b on n2 { listen 80/tcp }
}
${end}`);
}

describe("errors at the sender (observed on Linux 6.18)", () => {
  const error = (text: string, args: string[]): unknown => {
    const found = trace([text, ...args]).trace;
    return found.paths[0]?.error ?? found.verdict;
  };

  it("no route: ICMP 3/0 from the router's ingress address; a local packet fails immediately", () => {
    const topology = two("host-gw");
    expect(error(topology, ["a", "8.8.8.8"])).toEqual({
      kind: "icmp",
      type: 3,
      code: 0,
      from: "192.168.10.1",
      errno: "ENETUNREACH",
    });
    expect(error(topology, ["r", "8.8.8.8"])).toEqual({ kind: "local", errno: "ENETUNREACH" });
  });

  it("no ARP reply: ICMP 3/1, or EHOSTUNREACH for a local packet", () => {
    const topology = two("host-gw");
    expect(error(topology, ["laptop", "192.168.10.77"])).toEqual({
      kind: "icmp",
      type: 3,
      code: 1,
      from: "192.168.20.1",
      errno: "EHOSTUNREACH",
    });
    // Masquerading precedes ARP: the error is addressed to the node, and conntrack translates it back to the pod.
    expect(error(topology, ["a", "192.168.10.77"])).toEqual({
      kind: "icmp",
      type: 3,
      code: 1,
      from: "192.168.10.11",
      errno: "EHOSTUNREACH",
    });
    expect(error(topology, ["n1", "192.168.10.77"])).toEqual({ kind: "local", errno: "EHOSTUNREACH" });
  });

  it("unreachable, prohibit, and blackhole routes", () => {
    const topology = two("host-gw");
    expect(error(topology, ["a", "198.51.100.1"])).toEqual({
      kind: "icmp",
      type: 3,
      code: 1,
      from: "192.168.10.1",
      errno: "EHOSTUNREACH",
    });
    expect(error(topology, ["a", "203.0.113.1"])).toEqual({
      kind: "icmp",
      type: 3,
      code: 13,
      from: "192.168.10.1",
      errno: "EHOSTUNREACH",
    });
    expect(error(topology, ["a", "192.0.2.1"])).toBe("dropped");
    expect(error(topology, ["r", "198.51.100.1"])).toEqual({ kind: "local", errno: "EHOSTUNREACH" });
    expect(error(topology, ["r", "203.0.113.1"])).toEqual({ kind: "local", errno: "EACCES" });
    expect(error(topology, ["r", "192.0.2.1"])).toEqual({ kind: "local", errno: "EINVAL" });
  });

  it("filtered packet, ip_forward=0, different tunnel port or VNI: dropped silently", () => {
    expect(error(two("host-gw", "deny tcp port 80"), ["laptop", "n1"])).toBe("dropped");
    expect(error(two("host-gw", "sysctl net.ipv4.ip_forward 0"), ["b", "a"])).toBe("dropped");
    expect(error(two("vxlan", "deny udp port 8472"), ["b", "a"])).toBe("dropped");
    expect(error(two("vxlan", "cni flannel { backend vxlan { port 4789 } }"), ["b", "a"])).toBe("dropped");
    expect(error(two("vxlan", "cni flannel { backend vxlan { vni 7 } }"), ["b", "a"])).toBe("dropped");
  });

  it("packet with DF larger than the MTU: EMSGSIZE at the sender, or ICMP 3/4 with the MTU from the ingress address", () => {
    const topology = two("vxlan");
    expect(error(topology, ["a", "b", "--size", "1500", "--df"])).toEqual({
      kind: "local",
      errno: "EMSGSIZE",
      mtu: 1450,
    });
    const narrow = file(`segment a { cidr 10.0.1.0/24; gateway r }
segment b { cidr 10.0.2.0/24; gateway r; mtu 1400 }
router r { attach a 10.0.1.1; attach b 10.0.2.1 }
host x { attach a 10.0.1.2 }
host y { attach b 10.0.2.2; listen 80/tcp }
`);
    expect(error(narrow, ["x", "y", "--size", "1500", "--df"])).toEqual({
      kind: "icmp",
      type: 3,
      code: 4,
      from: "10.0.1.1",
      mtu: 1400,
      errno: "EMSGSIZE",
    });
    // TCP always sets DF; UDP only on packets that fit.
    expect(trace([narrow, "x", "y", "--size", "1500"]).trace.verdict).toBe("dropped");
    const datagram = trace([narrow, "x", "y", "--size", "1500", "--proto", "udp"]).trace;
    expect(datagram.paths[0]?.hops.some(({ action }) => action === "fragment")).toBe(true);
    expect(trace([narrow, "x", "y", "--size", "1400", "--df"]).trace.paths[0]?.mtu).toBe(1400);
  });

  it("TTL expired in a loop: ICMP 11/0", () => {
    const loop = file(`segment a { cidr 10.0.1.0/24; gateway r1 }
segment b { cidr 10.0.2.0/24 }
router r1 { attach a 10.0.1.1; attach b 10.0.2.1; route default via 10.0.2.2 }
router r2 { attach b 10.0.2.2; route default via 10.0.2.1 }
host x { attach a 10.0.1.2 }
`);
    const { trace: found } = trace([loop, "x", "8.8.8.8"]);
    expect(found.verdict).toBe("looped");
    expect(found.paths[0]?.error).toMatchObject({ kind: "icmp", type: 11, code: 0, errno: "EHOSTUNREACH" });
  });

  it("missing pod route: the packet leaks to the default gateway", () => {
    const { trace: found } = trace(["samples/flannel-vxlan.knet", "web", "10.244.9.9"]);
    const out = found.paths[0]?.hops.find((hop) => hop.owner === "node prod/node1" && hop.direction === "out");
    expect(out?.rule?.text).toBe("default via 192.168.10.1 dev eth0");
  });

  it("masquerade: a pod reaches an external host with its node's address, and the reply returns", () => {
    const { code, trace: found } = trace([two("vxlan"), "a", "laptop"]);
    expect(code).toBe(0);
    expect(found.paths[0]?.receiver?.src).toBe("192.168.10.11");
  });

  it("locally generated packets use the address of the outgoing device: flannel.1 with vxlan, eth0 with host-gw", () => {
    expect(trace([two("vxlan"), "n1", "b"]).trace.paths[0]?.receiver?.src).toBe("10.244.0.0");
    expect(trace([two("host-gw"), "n1", "b"]).trace.paths[0]?.receiver?.src).toBe("192.168.10.11");
  });
});

describe("host-gw across a router", () => {
  it("is unreachable from the router, and check reports the cause at the backend", () => {
    const { trace: found } = trace(["samples/flannel-host-gw.knet", "web", "db"]);
    expect(found.verdict).toBe("unreachable");
    expect(found.paths[0]?.hops.at(-1)?.owner).toBe("router core");
    const { out } = knet(["check", "samples/flannel-host-gw.knet", "--format", "json"]);
    const report = JSON.parse(out) as { files: { diagnostics: { code: string; message: string }[] }[] };
    expect(report.files[0]?.diagnostics.map((one) => one.code)).toEqual(["KN220"]);
  });
});

describe("output formats", () => {
  it.each([
    ["text", /✓ delivered, reply received/],
    ["mermaid", /^sequenceDiagram/],
    ["svg", /^<svg[^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/],
    ["html", /^<!doctype html>/i],
  ])("%s", (format, expected) => {
    const { code, out } = knet(["trace", K1, "p1", "p2", "--format", format]);
    expect(code).toBe(0);
    expect(out).toMatch(expected);
  });
});

describe("the destination", () => {
  it("can end with a port and its protocol, as in an expectation", () => {
    const { trace: found } = trace([K1, "p1/c1.1", "10.1.2.1:8080/tcp"]);
    expect(found.query).toMatchObject({ to: "10.1.2.1:8080/tcp", port: 8080, proto: "tcp" });
    expect(knet(["trace", K1, "p1/c1.1", "10.1.2.1:8080/tcp"]).out).toMatch(/^p1\/c1\.1 -> 10\.1\.2\.1:8080 \(tcp\)\n/);
  });

  it.each([
    [["p2:80", "--port", "81"], "`p2:80` has port 80, not the requested port 81"],
    [["p2:53/udp", "--proto", "tcp"], "`p2:53/udp` has protocol udp, not the requested protocol tcp"],
    [["p2", "--proto", "icmp", "--port", "80"], "port 80 requires tcp, udp, or sctp: ICMP has no ports"],
  ])("%j is invalid usage", (args, message) => {
    expect(knet(["trace", K1, "p1", ...args])).toEqual({ code: 2, out: "", err: `knet: ${message}\n` });
  });
});

describe("dual stack", () => {
  const DUAL = "samples/dual-stack.knet";
  const destination = (...args: string[]) => trace([DUAL, ...args]).trace.paths[0]?.hops[0]?.packet.headers[0];

  it("uses the cluster's primary family by default, or the requested family", () => {
    expect(destination("web", "db", "--port", "5432")).toMatchObject({ dst: "10.244.3.2", df: true });
    expect(destination("web", "db", "--port", "5432", "--ipv4")).toMatchObject({ dst: "10.244.3.2" });
    // IPv6 has no DF bit.
    expect(destination("web", "db", "--port", "5432", "-6")).toMatchObject({ dst: "fd00:10:244:3::2", df: false });
    expect(destination("web", "sensor")).toMatchObject({ dst: "fd00:20::50" });
  });

  it("reports a missing address of the requested family", () => {
    expect(knet(["trace", DUAL, "web", "sensor", "--ipv4"])).toMatchObject({
      code: 2,
      err: "knet: sensor has no IPv4 address\n",
    });
    expect(knet(["trace", DUAL, "web", "db", "-4", "-6"]).code).toBe(2);
  });

  it("encapsulates IPv6 in IPv6 with 70 bytes of overhead", () => {
    const { code, trace: found } = trace([DUAL, "web", "db", "--port", "5432", "-6"]);
    expect(code).toBe(0);
    const outer = found.paths[0]?.hops.find((hop) => hop.device === "eth0" && hop.owner === "node prod/node1");
    expect(outer?.packet).toMatchObject({ length: 150, ttl: 63 });
    expect(outer?.packet.headers.map(({ kind }) => kind)).toEqual(["ip", "udp", "vxlan", "ethernet", "ip", "tcp"]);
    expect(found.paths[0]?.mtu).toBe(1430);
  });
});

describe("a headless service without endpoints", () => {
  it("is unreachable: DNS returns no address", () => {
    const design = file(`segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  node n1 { attach lan }
  pod web
  pod late { labels app=late; not-ready; listen 80/tcp }
  service db { type headless; select app=late; port 80 }
}
`);
    const { code, trace: found } = trace([design, "web", "db"]);
    expect([code, found.verdict, found.answered]).toEqual([1, "unreachable", false]);
    expect(found.paths).toMatchObject([
      {
        reason: {
          code: "name-not-resolved",
          message:
            "DNS returns no address for service prod/default/db, which is headless and has no endpoints: no packet is sent",
        },
        error: { kind: "local", errno: "EAI_NONAME" },
        hops: [],
      },
    ]);
    expect(knet(["trace", design, "web", "db"]).out).not.toContain("timeout");
    for (const format of ["mermaid", "svg", "html"])
      expect(knet(["trace", design, "web", "db", "--format", format])).toMatchObject({ code: 1, err: "" });
  });
});
