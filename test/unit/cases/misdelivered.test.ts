/** "Reachable" by the name of a service or by a URL: one of its endpoints must reply, not another machine with the address. */
import { describe, expect, it } from "vitest";
import { check } from "../checks/harness.ts";

const failures = (text: string): readonly string[] =>
  check(text)
    .filter(({ code }) => code === "KN701")
    .map(({ finding }) => finding.message);

/** `route`: where the router sends packets to the external IP. */
const shop = (
  route: string,
  inside: string,
  expectation: string,
): string => `segment lan { cidr 10.0.0.0/24; gateway r }
router r { attach lan 10.0.0.1; route 10.42.0.0/24 via 10.0.0.11; route 101.0.0.1/32 via ${route} }
host client { attach lan 10.0.0.50 }
host other { attach lan 10.0.0.60; loopback 101.0.0.1; listen 80/tcp }
cluster k {
  pods 10.42.0.0/16
  services 10.43.0.0/16
  cni flannel { backend vxlan }
  kube-proxy iptables
  node n1 { attach lan 10.0.0.11 }
  ${inside}
}
expect ${expectation}
`;
const web = `deployment web replicas 2 { labels app=web; listen 80/tcp }
  service web { type node-port; select app=web; port 80 node-port 30080; external-ip 101.0.0.1 }`;
const proxied = `deployment proxy replicas 1 { labels app=proxy; listen 80/tcp }
  service proxy { type node-port; select app=proxy; port 80 node-port 30080; external-ip 101.0.0.1 }
  namespace shop {
    deployment api replicas 1 { labels app=api; listen 5000/tcp }
    service api { select app=api; port 5000 }
    ingress shop { served-by default/proxy; host "shop.example.com" { path "/" -> api:5000 } }
  }`;

describe("an external IP that another machine has", () => {
  it("fails the expectation for the service", () => {
    expect(failures(shop("10.0.0.60", web, "client -> web:80 reachable"))).toEqual([
      "expected `client -> web:80` to be reachable, but other replies, not an endpoint of service k/default/web",
    ]);
    expect(failures(shop("10.0.0.60", web, "client -> web:80 preserves-source"))).toHaveLength(1);
    expect(failures(shop("10.0.0.60", web, "client -> web:80 blocked"))).toEqual([]);
  });

  it("fails the expectation for the URL", () => {
    expect(failures(shop("10.0.0.60", proxied, 'client -> "http://shop.example.com/" reachable'))).toEqual([
      "expected `client -> http://shop.example.com/` to be reachable, but other replies, not an endpoint of service k/default/proxy",
    ]);
  });

  it("does not matter for the address itself", () => {
    expect(failures(shop("10.0.0.60", web, "client -> 101.0.0.1:80 reachable"))).toEqual([]);
  });

  it("passes if the packets reach a node", () => {
    expect(failures(shop("10.0.0.11", web, "client -> web:80 reachable"))).toEqual([]);
    expect(failures(shop("10.0.0.11", web, "client -> web:80 blocked"))).toHaveLength(1);
    expect(failures(shop("10.0.0.11", proxied, 'client -> "http://shop.example.com/" reachable'))).toEqual([]);
  });

  it("fails for a service without endpoints", () => {
    const empty = web.replace("select app=web", "select app=none");
    expect(failures(shop("10.0.0.60", empty, "client -> web:80 reachable"))).toHaveLength(1);
  });

  it("is fine if the machine is an endpoint", () => {
    const manual = `service web { type node-port; endpoint 10.0.0.60:80; port 80 node-port 30080; external-ip 101.0.0.1 }`;
    expect(failures(shop("10.0.0.60", manual, "client -> web:80 reachable"))).toEqual([]);
  });

  it("accepts host network pods, and endpoints outside the file", () => {
    const host = web.replace("replicas 2 {", "replicas 1 { host-network;");
    expect(failures(shop("10.0.0.11", host, "client -> web:80 reachable"))).toEqual([]);
    const outside = `service web { type node-port; endpoint 192.0.2.7:80; port 80 node-port 30080; external-ip 101.0.0.1 }`;
    expect(failures(shop("10.0.0.60", outside, "client -> web:80 reachable"))).toEqual([]);
  });
});
