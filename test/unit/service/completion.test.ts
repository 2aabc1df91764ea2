import { describe, expect, it } from "vitest";
import { completionsAt } from "../../../server/src/service/features/completion/index.ts";
import { CURSOR, fixture, SHOP } from "./support.ts";

const workspace = { importable: () => ["fabric.knet", "../shared/dc.knet"] };

/** The label and detail of every item. */
function complete(marked: string): readonly string[] {
  const { analysis, file, offset } = fixture(marked);
  return completionsAt(analysis, file, offset, workspace).items.map(({ label, detail }) => `${label} · ${detail}`);
}
const labels = (marked: string): readonly string[] => complete(marked).map((one) => one.split(" · ")[0] ?? "");

/** The common topology with a line inserted into it. */
const inNode = (line: string): string =>
  SHOP.replace("node n1 { attach rack-a 10.168.0.2 }", `node n1 {\n    attach rack-a 10.168.0.2\n    ${line}\n  }`);
const atTop = (line: string): string => `${SHOP}${line}\n`;
const inCluster = (line: string): string => SHOP.replace("  namespace shop", `  ${line}\n  namespace shop`);

describe("keywords", () => {
  it("of the top level, with their summaries", () => {
    expect(complete(CURSOR)).toMatchInlineSnapshot(`
      [
        "import · Imports all declarations of another file",
        "segment · A layer-2 broadcast domain: a switch, a VLAN, a cloud subnet",
        "router · A router that connects segments",
        "host · A machine outside of all clusters",
        "cluster · A Kubernetes cluster: its address ranges, CNI plugin, nodes, and pods",
        "expect · Requirement for the traffic between two endpoints; checked while you type",
        "network · Reads segments and routers from a Terraform plan or the output of a cloud's command line",
        "security-group · A stateful set of allow rules for the interfaces of several machines, as in clouds",
        "tunnel · A tunnel between two machines that carries prefixes: a site-to-site VPN",
      ]
    `);
  });
  it("of the block, without existing keywords that are not repeatable", () => {
    expect(labels(`segment lan {\n  mtu 1500\n  ${CURSOR}\n}\n`)).toEqual([
      "cidr",
      "gateway",
      "vlan",
      "cloud",
      "source-check",
      "deny",
    ]);
    expect(labels(`segment lan { m${CURSOR}`)).toContain("mtu");
  });
  it("of a block whose context depends on an argument", () => {
    expect(labels(inCluster(`cni flannel { backend vxlan { ${CURSOR} } }`))).toContain("vni");
    expect(labels(inCluster(`cni flannel { backend host-gw { ${CURSOR} } }`))).toEqual([]);
  });
  it("replace only the keyword if arguments follow", () => {
    const { analysis, file, offset } = fixture(`segm${CURSOR}ent lan { cidr 10.0.0.0/24 }`);
    const item = completionsAt(analysis, file, offset, workspace).items.find(({ label }) => label === "router");
    expect(item).toMatchObject({ insert: "router", snippet: false, replace: { start: 0, end: 7 } });
  });
  it("insert their required parts", () => {
    const { analysis, file, offset } = fixture(CURSOR);
    const { items } = completionsAt(analysis, file, offset, workspace);
    expect(items.map(({ insert }) => insert)).toMatchInlineSnapshot(`
      [
        "import "$1"",
        "segment \${1:name} {
      	$0
      }",
        "router \${1:name} {
      	$0
      }",
        "host \${1:name} {
      	$0
      }",
        "cluster \${1:name} {
      	$0
      }",
        "expect \${1:from} -> \${2:to} \${3|reachable,blocked,preserves-source|}",
        "network "$1"",
        "security-group \${1:name} {
      	$0
      }",
        "tunnel \${1:name} \${2|wireguard,ipsec,ipip,vxlan|} {
      	$0
      }",
      ]
    `);
  });
  it("are not offered in comments", () => {
    expect(labels(`# seg${CURSOR}`)).toEqual([]);
    expect(labels(`segment lan { /* ${CURSOR} */ }`)).toEqual([]);
  });
});

describe("values", () => {
  it("names of the right kind", () => {
    expect(complete(inNode(`attach ${CURSOR}`))).toEqual([
      "rack-a · segment 10.168.0.0/24",
      "rack-b · segment 10.168.1.0/24",
    ]);
    expect(complete(inCluster(`pod p on ${CURSOR}`))).toEqual([
      "n1 · node of prod",
      "n2 · node of prod",
      "w1 · one of 50 nodes of prod",
    ]);
    expect(complete(`segment a { gateway ${CURSOR} }\nrouter tor {}`)[0]).toBe("tor · router");
  });
  it("free addresses", () => {
    expect(complete(inNode(`attach rack-b ${CURSOR}`))).toEqual([
      "10.168.1.51 · next free in 10.168.1.0/24",
      "10.168.1.2 · free in 10.168.1.0/24",
    ]);
    expect(complete(SHOP.replace("pod web on n1 {", `pod web on n1 {\n address ${CURSOR}`))).toEqual([
      "10.244.0.4 · next free on n1",
    ]);
  });
  it("free ClusterIPs and node ports of services, and BGP peers", () => {
    const service = (line: string): readonly string[] =>
      complete(
        inCluster(`service a { cluster-ip 10.96.0.2; port 80; node-port 30000 }\n  service b { port 80; ${line} }`),
      );
    expect(service(`cluster-ip ${CURSOR}`)).toEqual(["10.96.0.3 · next free ClusterIP of cluster prod"]);
    expect(service(`cluster-ip 10.96.0.9${CURSOR}`)).toEqual(["10.96.0.3 · next free ClusterIP of cluster prod"]);
    expect(service(`node-port ${CURSOR}`)).toEqual(["30001 · next free node port of cluster prod"]);
    expect(service(`port 81 node-port ${CURSOR}`)).toEqual(["30001 · next free node port of cluster prod"]);
    expect(labels(inCluster(`cni calico { peer tor { peer-ip ${CURSOR} } }`))).toEqual(["10.168.0.1", "10.168.1.1"]);
  });
  it("one address per family", () => {
    const text = SHOP.replace("cidr 10.168.1.0/24", "cidr [10.168.1.0/24 fd00:168:1::/64]");
    const complete6 = (line: string): readonly string[] => labels(text.replace("node n1 {", `node n1 { ${line};`));
    expect(complete6(`attach rack-b 10.168.1.77 ${CURSOR}`)).toEqual(["fd00:168:1::1"]);
    expect(complete6(`attach rack-b 10.168.1.${CURSOR}`)).toContain("10.168.1.51");
  });
  it("free prefixes", () => {
    expect(complete(atTop(`segment rack-c { cidr ${CURSOR} }`))).toMatchInlineSnapshot(`
      [
        "10.168.2.0/24 · next free /24",
        "10.0.0.0/24 · next free /24",
        "172.16.0.0/24 · next free /24",
        "192.168.0.0/24 · next free /24",
      ]
    `);
    expect(complete(atTop(`cluster two { pods ${CURSOR} }`))).toMatchInlineSnapshot(`
      [
        "10.245.0.0/16 · next free /16",
        "10.0.0.0/16 · next free /16",
        "172.16.0.0/16 · next free /16",
        "192.168.0.0/16 · next free /16",
        "fd00:10::/56 · next free /56",
      ]
    `);
    expect(complete(atTop(`cluster two { services ${CURSOR} }`))).toMatchInlineSnapshot(`
      [
        "10.112.0.0/16 · next free /16",
        "10.0.0.0/16 · next free /16",
        "172.16.0.0/16 · next free /16",
        "192.168.0.0/16 · next free /16",
        "fd00:10::/112 · next free /112",
      ]
    `);
    expect(complete(inNode(`pod-cidr ${CURSOR}`))).toEqual([
      "10.244.0.0/24 · current value",
      "10.244.52.0/24 · next free block of 10.244.0.0/16",
    ]);
  });
  it("destinations and next hops of routes", () => {
    expect(complete(inNode(`route ${CURSOR}`)).slice(0, 7)).toMatchInlineSnapshot(`
      [
        "default · all destinations without a more specific route",
        "10.168.0.0/24 · segment rack-a (10.168.0.0/24)",
        "10.168.1.0/24 · segment rack-b (10.168.1.0/24)",
        "10.244.0.0/16 · pod CIDR 10.244.0.0/16 of cluster prod",
        "10.96.0.0/12 · service CIDR 10.96.0.0/12 of cluster prod",
        "10.244.0.0/24 · pod CIDR of node prod/n1",
        "10.244.1.0/24 · pod CIDR of node prod/n2",
      ]
    `);
    expect(labels(inNode(`route 10.0.0.0/8 ${CURSOR}`))).toEqual([
      "via",
      "blackhole",
      "unreachable",
      "prohibit",
      "dev",
      "metric",
      "table",
      "src",
      "mtu",
      "onlink",
    ]);
    expect(complete(inNode(`route 10.0.0.0/8 via ${CURSOR}`)).slice(0, 2)).toEqual([
      "10.168.0.1 · router tor on rack-a",
      "10.168.0.3 · node prod/w1 on rack-a",
    ]);
    expect(labels(inNode(`route 10.0.0.0/8 via 10.168.0.1 ${CURSOR}`))).toContain("dev");
    expect(labels(inNode(`route 10.0.0.0/8 blackhole ${CURSOR}`))).toEqual([
      "dev",
      "metric",
      "table",
      "src",
      "mtu",
      "onlink",
    ]);
    expect(labels(inNode(`route 10.0.0.0/8 via 10.168.0.1 dev ${CURSOR}`))).toEqual(["eth0"]);
  });
  it("enumerations, lengths, booleans, numbers", () => {
    expect(complete(inCluster(`cni ${CURSOR}`)).slice(0, 4)).toMatchInlineSnapshot(`
      [
        "none · No plugin: pods have no network beyond their node",
        "docker · Docker only: \`docker0\` with the same range on every node",
        "bridge · The reference bridge plugin with host-local; routes between the nodes are configured manually",
        "flannel · flannel with one of its backends",
      ]
    `);
    expect(labels(inCluster(`cni flannel { backend ${CURSOR} }`))).toEqual([
      "vxlan",
      "host-gw",
      "udp",
      "ipip",
      "wireguard",
      "ipsec",
    ]);
    expect(labels(inCluster(`cni flannel { ip-masq ${CURSOR} }`))).toEqual(["true", "false"]);
    expect(complete(inCluster(`pods 10.240.0.0/16 per-node ${CURSOR}`))[0]).toBe("/24 · 256 addresses, 256 blocks");
    expect(labels(atTop(`segment x { mtu ${CURSOR} }`))).toEqual(["1500", "1450", "9000"]);
  });
  it("of access lists, in any order allowed by the language", () => {
    expect(labels(inNode(`deny ${CURSOR}`)).slice(0, 10)).toEqual([
      "any",
      "tcp",
      "udp",
      "sctp",
      "icmp",
      "icmpv6",
      "ipip",
      "esp",
      "in",
      "out",
    ]);
    expect(labels(inNode(`deny udp ${CURSOR}`))).toEqual(["in", "out", "forward", "type", "port", "from", "to"]);
    expect(labels(inNode(`deny in ${CURSOR}`))).toEqual([
      "rack-a",
      "rack-b",
      "eth0",
      "type",
      "port",
      "from",
      "to",
      "in",
      "out",
    ]);
    expect(labels(inNode(`deny udp port 8472 from ${CURSOR}`))).toContain("10.168.1.0/24");
  });
  it("labels and sysctls", () => {
    expect(labels(inNode(`labels ${CURSOR}`))).toEqual(["app=web"]);
    expect(labels(inNode(`sysctl ${CURSOR}`))).toContain("net.ipv4.conf.eth0.rp_filter");
  });
  it("between quotes, not outside them", () => {
    expect(labels(`import ${CURSOR}"fab"`)).toEqual([]);
    expect(labels(`import "fab"${CURSOR}`)).toEqual([]);
    expect(labels(`import "fab${CURSOR}`)).toContain("fabric.knet");
    const { analysis, file, offset } = fixture(`import "a\\"${CURSOR}`);
    expect(completionsAt(analysis, file, offset, workspace).items[0]?.replace).toEqual({ start: 8, end: 11 });
  });
  it("files whose names have quotes", () => {
    const { analysis, file, offset } = fixture(`import "${CURSOR}"`);
    const quoted = { importable: () => ['a "b".knet'] };
    expect(completionsAt(analysis, file, offset, quoted).items[0]?.insert).toBe('a \\"b\\".knet');
  });
  it("files to import", () => {
    expect(complete(`import "${CURSOR}"`)).toEqual(["fabric.knet · ", "../shared/dc.knet · "]);
    const { analysis, file, offset } = fixture(`import ${CURSOR}`);
    expect(completionsAt(analysis, file, offset, workspace).items[0]?.insert).toBe('"fabric.knet"');
  });
});

describe("expectations", () => {
  it("endpoints of a packet", () => {
    expect(complete(atTop(`expect ${CURSOR}`))).toMatchInlineSnapshot(`
      [
        "tor · router",
        "n1 · node of prod",
        "n2 · node of prod",
        "w1 · one of 50 nodes of prod",
        "web · pod of prod/shop",
        "api · deployment of prod/shop",
        "laptop · host",
      ]
    `);
    expect(labels(atTop(`expect web ${CURSOR}`))).toEqual(["->"]);
    expect(labels(atTop(`expect web -> ${CURSOR}`))).toContain("laptop");
  });
  it("ports of the destination", () => {
    expect(complete(atTop(`expect web -> shop/api:${CURSOR}`))).toEqual(["9090 · api", "53/udp · api"]);
    const { analysis, file, offset, text } = fixture(atTop(`expect web -> shop/api:90${CURSOR} reachable`));
    const [item] = completionsAt(analysis, file, offset, workspace).items;
    expect(item && text.slice(item.replace.start, item.replace.end)).toBe("90");
  });
  it("one item if a deployment and its service share a name, and services only as destinations", () => {
    const shared = SHOP.replace(
      "    deployment api",
      "    service api { select app=api; port 80 -> 9090 }\n    deployment api",
    );
    const expectations = (line: string): readonly string[] =>
      complete(`${shared}${line}\n`).filter((one) => /^[a-z/]*\bapi\b/.test(one) && !one.includes("DNS"));
    expect(expectations(`expect ${CURSOR}`)).toEqual(["api · deployment of prod/shop"]);
    expect(expectations(`expect web -> ${CURSOR}`)).toEqual(["api · service of prod/shop"]);
    expect(complete(`${shared}expect web -> api:${CURSOR}\n`)).toEqual(["80 · "]);
  });
  it("below the typed part of a path", () => {
    expect(labels(atTop(`expect shop/${CURSOR}`))).toEqual(["shop/web", "shop/api"]);
    expect(labels(atTop(`expect prod/${CURSOR}`))).toEqual([
      "prod/n1",
      "prod/n2",
      "prod/w1",
      "prod/shop/web",
      "prod/shop/api",
    ]);
    expect(labels(atTop(`expect laptop -> shop/w${CURSOR}:80`))).toEqual(["shop/web", "shop/api"]);
    expect(labels(atTop(`expect web/${CURSOR}`))).toEqual(["web/nginx"]);
    expect(labels(atTop(`expect missing/${CURSOR}`))).toEqual([]);
    expect(labels(inCluster(`pod p on prod/${CURSOR}`))).toEqual(["prod/n1", "prod/n2", "prod/w1"]);
  });
  it("only nodes of the same cluster", () => {
    expect(labels(atTop(`cluster two { node z1; pod p on ${CURSOR} }`))).toEqual(["z1"]);
  });
  it("peers of a policy", () => {
    const rule = (line: string): readonly string[] => labels(inCluster(`policy p { select app=web; ${line} }`));
    expect(rule(`ingress from ${CURSOR}`)).toEqual([
      "app=web",
      "*",
      "namespaces",
      "namespace",
      "cidr",
      "except",
      "any",
    ]);
    expect(rule(`ingress from namespaces team=a ${CURSOR}`)).toContain("to");
  });
  it("existing tokens are not inserted again", () => {
    const { analysis, file, offset } = fixture(atTop(`expect web -> laptop mtu${CURSOR} >= 1400`));
    const found = completionsAt(analysis, file, offset, workspace).items.find(({ label }) => label === "mtu >=");
    expect(found?.insert).toBe("mtu");
  });
  it("a destination in front of its port", () => {
    const { analysis, file, offset, text } = fixture(atTop(`expect web -> lap${CURSOR}x:90 reachable`));
    const found = completionsAt(analysis, file, offset, workspace).items.find(({ label }) => label === "laptop");
    expect(found && text.slice(found.replace.start, found.replace.end)).toBe("lapx");
  });
  it("backend services of an ingress, named relative to its namespace", () => {
    const two = SHOP.replace(
      "    pod web",
      `    service api { port 80 -> 9090 }\n    ingress in { host a.example { path / -> ${CURSOR} } }\n    pod web`,
    ).replace("  namespace shop", "  namespace other { service api { port 80 } }\n  namespace shop");
    expect(complete(two)).toEqual(["other/api · service of prod/other", "api · service of prod/shop"]);
    expect(complete(two.replace(CURSOR, `api:${CURSOR}`))).toEqual(["80 · "]);
  });
  it("alias targets and external endpoints of a service", () => {
    expect(complete(inCluster(`service old { external-name ${CURSOR} }`))).toEqual([
      "laptop · host",
      "old.default.svc.cluster.local · DNS name of service prod/default/old",
    ]);
    expect(complete(inCluster(`service old { endpoint ${CURSOR} }`))).toEqual(["10.168.1.50 · host laptop"]);
  });
  it("outcomes of an expectation", () => {
    expect(labels(atTop(`expect web -> laptop ${CURSOR}`))).toEqual([
      "reachable",
      "blocked",
      "via",
      "preserves-source",
      "mtu >=",
      "survives",
    ]);
    expect(labels(atTop(`expect web -> laptop mtu ${CURSOR}`))).toEqual([">="]);
    expect(labels(atTop(`expect web -> laptop via ${CURSOR}`))).toContain("tor");
    expect(labels(atTop(`expect web -> laptop reachable ${CURSOR}`))).toEqual([]);
  });
});

describe("incomplete files", () => {
  it("have valid completions at every position", () => {
    for (let cut = 0; cut <= SHOP.length; cut++) {
      const { analysis, file, offset } = fixture(SHOP.slice(0, cut) + CURSOR);
      for (const { replace } of completionsAt(analysis, file, offset, workspace).items) {
        expect(replace.start).toBeLessThanOrEqual(offset);
        expect(replace.end).toBeGreaterThanOrEqual(offset);
      }
    }
  });
});
