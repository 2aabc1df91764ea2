/** Node ports and host ports on 127.0.0.1: route_localnet (recorded on Linux 6.18). */
import { describe, expect, test } from "vitest";
import { crossings, traceOf } from "./kernel-trace.ts";

function cluster(proxy: string, { node = "", service = true } = {}): string {
  return `segment lan { cidr 192.168.0.0/24; gateway router }
router router { attach lan 192.168.0.1 }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni flannel { backend vxlan }
  kube-proxy ${proxy}
  node n1 { attach lan 192.168.0.2 ${node} }
  node n2 { attach lan 192.168.0.3 }
  pod web on n2 { labels app=web; listen 80/tcp 80/udp }
  pod own on n1 { listen 80/tcp host-port 8080 }
  ${service ? "service web { type node-port; select app=web; port 80 node-port 30001; port 80/udp node-port 30001 }" : ""}
}
`;
}

describe("a node port on localhost", () => {
  test("kube-proxy in iptables mode sets route_localnet: reply received", () => {
    const trace = traceOf(cluster("iptables"), "n1", "127.0.0.1", { port: 30001, proto: "tcp" });
    expect(trace).toMatchObject({ verdict: "delivered", answered: true });
    expect(trace.paths[0]?.receiver?.src).toBe("10.244.0.0");
    expect(trace.paths[0]?.reply?.receiver?.src).toBe("127.0.0.1");
  });

  const off = cluster("iptables", { node: "; sysctl net.ipv4.conf.all.route_localnet 0" });
  test("route_localnet=0: the SYN is never sent, and TCP times out", () => {
    const { paths } = traceOf(off, "n1", "127.0.0.1", { port: 30001, proto: "tcp" });
    expect(paths[0]).toMatchObject({ verdict: "dropped", reason: { code: "martian-source" } });
    expect(paths[0]?.reason?.message).toBe(
      "node c/n1 does not send packets from 127.0.0.1 on flannel.1 (net.ipv4.conf.flannel.1.route_localnet is 0)",
    );
    expect(crossings(paths[0])).toEqual([]);
    expect(paths[0]?.error).toBeUndefined();
  });
  test("route_localnet=0: UDP reports EINVAL", () => {
    const { paths } = traceOf(off, "n1", "127.0.0.1", { port: 30001, proto: "udp" });
    expect(paths[0]?.error).toEqual({ kind: "local", errno: "EINVAL" });
  });
  test("localhost-node-ports false, or node port addresses without loopback: closed port", () => {
    for (const setting of ["localhost-node-ports false", "node-port-addresses 192.168.0.0/24"]) {
      const text = cluster(`iptables { ${setting} }`);
      expect(traceOf(text, "n1", "127.0.0.1", { port: 30001, proto: "tcp" }).verdict).toBe("rejected");
    }
  });
});

test("portmap sets route_localnet on the bridge: a host port on localhost replies without kube-proxy's setting", () => {
  const text = cluster("nftables", { service: false });
  expect(traceOf(text, "n1", "127.0.0.1", { port: 8080 })).toMatchObject({ verdict: "delivered", answered: true });
});
