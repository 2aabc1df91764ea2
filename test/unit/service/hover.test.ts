import { describe, expect, it } from "vitest";
import { specFor } from "../../../server/src/declared/schema/index.ts";
import { keywordDocumentation } from "../../../server/src/service/features/completion/keywords.ts";
import { hoverAt } from "../../../server/src/service/features/hover/index.ts";
import { code, codeBlock } from "../../../server/src/service/features/markdown.ts";
import { CURSOR, fixture, SHOP } from "./support.ts";

function hover(piece: string, inside = 1, text = SHOP): string {
  const start = text.indexOf(piece) + inside;
  if (start < inside) throw new Error(`"${piece}" is not in the text`);
  const one = fixture(text.slice(0, start) + CURSOR + text.slice(start));
  const found = hoverAt(one.analysis, one.file, one.offset);
  return found ? `[${one.text.slice(found.span.start, found.span.end)}]\n${found.markdown}` : "nothing";
}

describe("a node", () => {
  it("shows its devices and the first of its routes", () => {
    expect(hover("node n1", 6)).toMatchInlineSnapshot(`
      "[n1]
      **node** \`prod/n1\`

      - \`eth0\` on segment \`rack-a\` 10.168.0.2/24, MTU 1500
      - \`flannel.1\` VXLAN 1 over eth0, UDP port 8472 10.244.0.0/32, MTU 1450
      - \`cni0\` bridge 10.244.0.1/24, MTU 1450

      - pod CIDR 10.244.0.0/24: 2 pods of at most 110
      - cni \`flannel, backend vxlan\`

      \`\`\`text
      # ip route
      default via 10.168.0.1 dev eth0
      10.168.0.0/24 dev eth0 proto kernel scope link src 10.168.0.2
      10.244.0.0/24 dev cni0 proto kernel scope link src 10.244.0.1
      10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink
      10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink
      10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink
      10.244.4.0/24 via 10.244.4.0 dev flannel.1 onlink
      10.244.5.0/24 via 10.244.5.0 dev flannel.1 onlink
      10.244.6.0/24 via 10.244.6.0 dev flannel.1 onlink
      10.244.7.0/24 via 10.244.7.0 dev flannel.1 onlink
      10.244.8.0/24 via 10.244.8.0 dev flannel.1 onlink
      10.244.9.0/24 via 10.244.9.0 dev flannel.1 onlink
      10.244.10.0/24 via 10.244.10.0 dev flannel.1 onlink
      10.244.11.0/24 via 10.244.11.0 dev flannel.1 onlink
      10.244.12.0/24 via 10.244.12.0 dev flannel.1 onlink
      … 39 more
      \`\`\`

      Reasons:

      - \`10.244.1.0/24\` flanneld (vxlan): node n2 has 10.244.1.0/24; tunnel to 10.168.1.3
      - \`10.244.2.0/24\` flanneld (vxlan): node w1 has 10.244.2.0/24; tunnel to 10.168.0.3
      - \`10.244.3.0/24\` flanneld (vxlan): node w2 has 10.244.3.0/24; tunnel to 10.168.0.4
      - \`10.244.4.0/24\` flanneld (vxlan): node w3 has 10.244.4.0/24; tunnel to 10.168.0.5
      - and 47 more"
    `);
  });
  it("of a pool is the named member", () => {
    expect(hover("w17 ->", 1, `${SHOP}expect w17 -> laptop reachable`).split("\n").slice(0, 4)).toMatchInlineSnapshot(`
      [
        "[w17]",
        "**node** \`prod/w17\`",
        "",
        "- \`eth0\` on segment \`rack-a\` 10.168.0.19/24, MTU 1500",
      ]
    `);
    expect(hover("nodes w", 6).split("\n").slice(0, 4)).toMatchInlineSnapshot(`
      [
        "[w]",
        "**50 nodes** \`w1\` to \`w50\`; for example:",
        "",
        "**node** \`prod/w1\`",
      ]
    `);
  });
});

describe("a pod", () => {
  it("shows its node and the paths to it", () => {
    expect(hover("pod web", 5)).toMatchInlineSnapshot(`
      "[web]
      **pod** \`prod/shop/web\` · 10.244.0.2

      - on node \`prod/n1\`
      - container \`nginx\`

      Listens on 8080/tcp (\`nginx\`)

      - From its own node: n1 \`cni0\` \`veth0cf69f1c\` → web \`eth0\`
      - From pod \`api-1\` on \`n2\`: api-1 \`eth0\` → n2 \`veth51c73a18\` \`cni0\` \`flannel.1\` \`eth0\` → tor \`eth1\` \`eth0\` → n1 \`eth0\` \`flannel.1\` \`cni0\` \`veth0cf69f1c\` → web \`eth0\`"
    `);
    expect(hover("shop/api-0", 6)).toMatchInlineSnapshot(`
      "[api-0]
      **pod** \`prod/shop/api-0\` · 10.244.0.3

      - on node \`prod/n1\`
      - container \`api\`

      Listens on 9090/tcp (\`api\`), 53/udp (\`api\`)

      - From its own node: n1 \`cni0\` \`veth59efb475\` → api-0 \`eth0\`
      - From pod \`api-1\` on \`n2\`: api-1 \`eth0\` → n2 \`veth51c73a18\` \`cni0\` \`flannel.1\` \`eth0\` → tor \`eth1\` \`eth0\` → n1 \`eth0\` \`flannel.1\` \`cni0\` \`veth59efb475\` → api-0 \`eth0\`"
    `);
  });
  it("of a deployment: the first few", () => {
    expect(hover("deployment api", 12)).toMatchInlineSnapshot(`
      "[api]
      **deployment** \`prod/shop/api\` · 3 pods

      - \`api-0\` 10.244.0.3 on \`n1\`
      - \`api-1\` 10.244.1.2 on \`n2\`
      - \`api-2\` 10.244.2.2 on \`w1\`

      Listens on 9090/tcp (\`api\`), 53/udp (\`api\`)

      - From its own node: n1 \`cni0\` \`veth59efb475\` → api-0 \`eth0\`
      - From pod \`api-1\` on \`n2\`: api-1 \`eth0\` → n2 \`veth51c73a18\` \`cni0\` \`flannel.1\` \`eth0\` → tor \`eth1\` \`eth0\` → n1 \`eth0\` \`flannel.1\` \`cni0\` \`veth59efb475\` → api-0 \`eth0\`"
    `);
  });
});

describe("addresses and prefixes", () => {
  it("show owner and usage", () => {
    expect(hover("10.168.0.0/24")).toMatchInlineSnapshot(`
      "[10.168.0.0/24]
      **10.168.0.0/24** · 256 addresses, 10.168.0.0 – 10.168.0.255, hosts 10.168.0.1 – 10.168.0.254

      - segment \`rack-a\`: 52 of 254 used
      - next free: 10.168.0.53

      Prefixes of the segment, of either address family (\`cidr\`)"
    `);
    expect(hover("10.244.0.0/16")).toMatchInlineSnapshot(`
      "[10.244.0.0/16]
      **10.244.0.0/16** · 65,536 addresses, 10.244.0.0 – 10.244.255.255

      - pod CIDR of cluster \`prod\`: 52 of 256 node pod CIDRs (/24) allocated

      The cluster's pod CIDR (\`pods\`)"
    `);
    expect(hover("10.96.0.0/12")).toMatchInlineSnapshot(`
      "[10.96.0.0/12]
      **10.96.0.0/12** · 1,048,576 addresses, 10.96.0.0 – 10.111.255.255

      - service CIDR of cluster \`prod\`: virtual addresses, rewritten on each node, never routed

      Service CIDR (\`services\`)"
    `);
    expect(hover("10.168.1.50")).toMatchInlineSnapshot(`
      "[10.168.1.50]
      **10.168.1.50**

      - \`eth0\` of host \`laptop\` on segment \`rack-b\`
      - in segment \`rack-b\` (10.168.1.0/24)

      Own addresses, optionally with a prefix length (\`attach\`)

      Default: the next free address of the segment, one per address family"
    `);
  });
  it("show the enclosing range", () => {
    const text = SHOP.replace("node n2 {", "node n2 { pod-cidr 10.244.9.0/24;");
    expect(hover("10.244.9.0/24", 1, text)).toMatchInlineSnapshot(`
      "[10.244.9.0/24]
      **10.244.9.0/24** · 256 addresses, 10.244.9.0 – 10.244.9.255

      - pod CIDR of node \`prod/n2\`: 1 pod, next free 10.244.9.3
      - inside pod CIDR 10.244.0.0/16 of cluster \`prod\`

      One prefix per address family (\`pod-cidr\`)

      Default: the next free block of the cluster's pod CIDR"
    `);
  });
});

describe("the port of an endpoint", () => {
  const text = SHOP.replace(
    "    deployment api",
    "    service front { select app=web; port 80 -> 8080/tcp; node-port 30080 }\n    deployment api",
  );
  const port = (end: string): string => {
    const [name = "", rest = ""] = end.split(":");
    return hover(`${end} reachable`, name.length + 2, `${text}expect laptop -> ${name}:${rest} reachable\n`);
  };
  it("shows the listening process", () => {
    expect(port("shop/api-1:9090")).toMatchInlineSnapshot(`
      "[9090]
      **9090/tcp** of \`prod/shop/api-1\`

      - \`api\` listens"
    `);
    expect(port("web:8080/tcp")).toMatchInlineSnapshot(`
      "[8080/tcp]
      **8080/tcp** of \`prod/shop/web\`

      - \`nginx\` listens"
    `);
    expect(port("web:81")).toMatchInlineSnapshot(`
      "[81]
      **81/tcp** of \`prod/shop/web\`

      Nothing listens"
    `);
  });
  it("shows the endpoints of a service port, and the service of a node port", () => {
    expect(port("front:80")).toMatchInlineSnapshot(`
      "[80]
      **80/tcp** of service \`prod/shop/front\`

      Port **80/tcp** → target port 8080, node port 30080: 1 endpoint

      - 10.244.0.2:8080 \`web\` on \`n1\`"
    `);
    expect(port("front:81")).toMatchInlineSnapshot(`
      "[81]
      **81/tcp** is not a port of service \`prod/shop/front\`"
    `);
    expect(port("w17:30080")).toMatchInlineSnapshot(`
      "[30080]
      **30080/tcp** of \`prod/w17\`

      - node port of service \`prod/shop/front\`"
    `);
  });
});

describe("a statement", () => {
  it("attach: the interface and its routes", () => {
    const markdown = hover("attach rack-a 10.168.0.2", 1);
    expect(markdown.slice(markdown.indexOf("In the kernel"))).toMatchInlineSnapshot(`
      "In the kernel of \`prod/n1\`:

      - device \`eth0\` with 10.168.0.2/24, MTU 1500
      - 2 routes: 10.168.0.2/24 is an address of eth0; 10.168.0.1: gateway of the segment

      \`\`\`text
      10.168.0.0/24 dev eth0 proto kernel scope link src 10.168.0.2
      default via 10.168.0.1 dev eth0
      \`\`\`"
    `);
  });
  it("route: the installed route, or that the kernel rejects it", () => {
    const text = SHOP.replace("node n1 {", "node n1 { route 10.9.0.0/16 via 10.168.0.1;");
    const markdown = hover("route 10.9", 1, text);
    expect(markdown.slice(markdown.indexOf("In the kernel"))).toMatchInlineSnapshot(`
      "In the kernel of \`prod/n1\`:

      - 1 route: static route of node n1

      \`\`\`text
      10.9.0.0/16 via 10.168.0.1 dev eth0
      \`\`\`"
    `);
    expect(hover("route 10.9", 1, text.replace("via 10.168.0.1", "via 10.99.0.1"))).toContain(
      "The kernel rejects this route; it is ignored.",
    );
  });
  it("backend: its state on a node", () => {
    const markdown = hover("backend vxlan", 1);
    expect(markdown.slice(markdown.indexOf("On node"))).toMatchInlineSnapshot(`
      "On node \`n1\`:

      - \`flannel.1\` VXLAN 1 over eth0, UDP port 8472, MTU 1450, 51 routes, 51 static neighbor entries, 51 FDB entries
      - \`cni0\` bridge, MTU 1450, 1 route"
    `);
  });
});

describe("the language", () => {
  it("keywords, literals, and values with their defaults", () => {
    expect(hover("services 10", 1)).toMatchInlineSnapshot(`
      "[services]
      **services** · Service CIDR; one statement per address family

      kube-apiserver's \`--service-cluster-ip-range\`. It must not overlap the pod CIDR or the nodes' addresses: a packet to an address in both ranges is redirected to a service endpoint (DNAT) before routing. kubeadm's default is 10.96.0.0/12; without this statement, knet assumes no service CIDR."
    `);
    expect(hover("per-node", 1)).toMatchInlineSnapshot(`
      "[per-node]
      \`per-node\`

      Prefix length of each node's pod CIDR (\`pods\`)

      Default: /24; for IPv6, /64"
    `);
    expect(hover("flannel {", 1)).toContain("flannel with one of its backends");
    expect(hover("reachable", 1)).toMatchInlineSnapshot(`
      "[reachable]
      \`reachable\`

      The packet and its reply are delivered, on every path (\`expect\`)"
    `);
    expect(hover("cluster prod", 9)).toMatchInlineSnapshot(`
      "[prod]
      **cluster** \`prod\` · 52 nodes, 4 pods, cni \`flannel, backend vxlan\`

      **10.244.0.0/16** · 65,536 addresses, 10.244.0.0 – 10.244.255.255

      - pod CIDR of cluster \`prod\`: 52 of 256 node pod CIDRs (/24) allocated

      **10.96.0.0/12** · 1,048,576 addresses, 10.96.0.0 – 10.111.255.255

      - service CIDR of cluster \`prod\`: virtual addresses, rewritten on each node, never routed"
    `);
  });
  it("has no hover in comments, between tokens, and on unknown keywords", () => {
    expect(hover("# note", 3, "# note\n")).toBe("nothing");
    expect(hover("x  {", 2, "segment x  { cidr 10.0.0.0/24 }")).toBe("nothing");
    expect(hover("nonsense", 3, "nonsense 3\n")).toBe("nothing");
  });
  it("never throws at any position of an incomplete text", () => {
    for (let cut = 0; cut < SHOP.length; cut += 3) {
      const one = fixture(SHOP.slice(0, cut) + CURSOR);
      for (let at = 0; at <= cut; at += 29) hoverAt(one.analysis, one.file, at);
    }
  });
});

describe("text from a file", () => {
  it("is not interpreted as markup in a hover", () => {
    expect(code("a`b``c")).toBe("``` a`b``c ```");
    expect(codeBlock(["```", "x"])).not.toContain("```\n```\n");
    expect(hover("<img", 2, 'import "<img src=x>`"\n')).not.toMatch(/^<img/m);
  });
});

describe("the documentation of a statement", () => {
  it("keeps list items on separate lines and joins the lines of an item", () => {
    const spec = specFor("cluster", "version");
    const text = spec ? keywordDocumentation(spec) : "";
    const items = text.split("\n").filter((line) => line.startsWith("- "));
    expect(items.map((line) => line.slice(0, 8))).toEqual(["- 1.33: ", "- 1.34: ", "- 1.36: "]);
    expect(items[0]).toMatch(/so a node without an endpoint drops its own packets/);
  });
});
