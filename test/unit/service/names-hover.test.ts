/** Hovers of names that the file does not declare, of ingresses and gateways, and of the edge statements of a machine. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { completionsAt } from "../../../server/src/service/features/completion/index.ts";
import { hoverAt } from "../../../server/src/service/features/hover/index.ts";
import { findSymbols, type OutlineItem, outlineOf } from "../../../server/src/service/features/outline.ts";
import { CURSOR, fixture } from "./support.ts";

const sample = (name: string): string => readFileSync(new URL(`../../../samples/${name}`, import.meta.url), "utf8");
const INGRESS = sample("ingress.knet");
const DNS = sample("dns.knet");

function hover(text: string, piece: string, inside = 1): string {
  const start = text.indexOf(piece) + inside;
  if (start < inside) throw new Error(`"${piece}" is not in the text`);
  const one = fixture(text.slice(0, start) + CURSOR + text.slice(start));
  const found = hoverAt(one.analysis, one.file, one.offset);
  return found?.markdown ?? "nothing";
}

describe("an ingress", () => {
  it("shows its service and the backends of each path", () => {
    expect(hover(INGRESS, "ingress shop {", 9)).toMatchInlineSnapshot(`
      "**ingress** \`prod/shop/shop\` · 2 rules

      Served by \`prod/ingress-nginx/controller\` · node-port, ports 80 (node port 30080), 443 (node port 30443): 2 proxies

      - \`shop.example.com/\` → service \`prod/shop/web\` port 80: 10.244.0.3:8080
      - \`shop.example.com/api\` → service \`prod/shop/api\` port 80: 10.244.0.4:9090 and 10.244.1.3:9090"
    `);
  });
  it("shows the backends of a single line", () => {
    expect(hover(INGRESS, 'path "/api"', 7)).toMatchInlineSnapshot(`
      "\`/api\`

      Path prefix, by whole elements: /api matches /api/v1 but not /apis (\`path\`)

      - \`shop.example.com/api\` → service \`prod/shop/api\` port 80: 10.244.0.4:9090 and 10.244.1.3:9090"
    `);
    expect(hover(INGRESS, 'host "shop.example.com"', 8)).toContain("shop.example.com/api");
  });
  it("reports problems", () => {
    expect(hover(INGRESS.replace("web:80\n", "wob:80\n"), "ingress shop {", 9)).toMatch(/→ .*shop\/wob/);
    expect(hover(INGRESS.replace("served-by ingress-nginx/controller", ""), "ingress shop {", 9)).toContain(
      "Not served: no service selects the proxy pods",
    );
  });
  it("is in the outline and in the workspace symbols", () => {
    const { analysis, file } = fixture(INGRESS);
    const names = (items: readonly OutlineItem[]): readonly string[] =>
      items.flatMap((item) => [`${item.kind} ${item.name}`, ...names(item.children)]);
    expect(names(outlineOf(analysis, file))).toContain("ingress shop");
    const found = findSymbols(analysis, "prodshopshop", 10);
    expect(found.map(({ kind, container, name }) => `${kind} ${container}/${name}`)).toContain(
      "ingress prod/shop/shop",
    );
  });
});

describe("a gateway", () => {
  const text = INGRESS.replace(
    /ingress shop \{\n\s+served-by.*\n/,
    "gateway public { served-by ingress-nginx/controller }\n    gateway idle { served-by ingress-nginx/controller }\n    http-route shop {\n      gateway public\n",
  );
  it("shows its routes", () => {
    expect(hover(text, "gateway public", 9)).toMatchInlineSnapshot(`
      "**gateway** \`prod/shop/public\` · 1 route

      Served by \`prod/ingress-nginx/controller\` · node-port, ports 80 (node port 30080), 443 (node port 30443): 2 proxies

      **http-route** \`prod/shop/shop\` · 2 rules

      - \`shop.example.com/\` → service \`prod/shop/web\` port 80: 10.244.0.3:8080
      - \`shop.example.com/api\` → service \`prod/shop/api\` port 80: 10.244.0.4:9090 and 10.244.1.3:9090"
    `);
    expect(hover(text, "gateway idle", 9)).toContain("No HTTP route is attached");
    expect(hover(text, "http-route shop", 12)).toContain("**http-route** `prod/shop/shop`");
  });
});

describe("an endpoint that the file does not declare", () => {
  it("can be a URL: its ingress and its backends", () => {
    expect(hover(INGRESS, '"http://shop.example.com/api"', 5)).toMatchInlineSnapshot(`
      "\`http://shop.example.com/api\` · ingress \`prod/shop/shop\`

      Served by \`prod/ingress-nginx/controller\` · node-port, ports 80 (node port 30080), 443 (node port 30443): 2 proxies

      - forwarded directly to 2 endpoints of service \`prod/shop/api\`

      Destination, with port and protocol: shop/api:80, n1:53/udp (\`expect\`)"
    `);
    expect(hover(INGRESS.replace('"http://shop.example.com/api"', '"http://shop.example.org/"'), ".org", 2)).toContain(
      "no ingress or HTTP route matches shop.example.org/",
    );
  });
  it("can be a DNS name: its addresses", () => {
    expect(hover(DNS, "api.shop:80", 2)).toMatchInlineSnapshot(`
      "DNS name \`api.shop.svc.cluster.local\` of cluster \`prod\` · resolves to 10.96.1.0 through DNS service \`prod/kube-system/kube-dns\`

      **service** \`prod/shop/api\` · cluster-ip, ClusterIP 10.96.1.0 (allocated)

      Port **80/tcp** → target port 9090: 2 endpoints

      - 10.244.0.4:9090 \`api-0\` on \`n1\`
      - 10.244.1.3:9090 \`api-1\` on \`n2\`

      - DNS name \`api.shop.svc.cluster.local\`
      - environment \`API_SERVICE_HOST=10.96.1.0\` \`API_SERVICE_PORT=80\`

      Destination, with port and protocol: shop/api:80, n1:53/udp (\`expect\`)"
    `);
    expect(hover(DNS, "-> db-1.db.shop", 5)).toContain("pod `prod/shop/db-1` on node");
    expect(hover(DNS.replace("api.shop:80", "abi.shop:80"), "abi.shop:80", 2)).toContain("not declared");
  });
  it("is offered as a destination", () => {
    const labels = (text: string): readonly string[] => {
      const one = fixture(text);
      const { items } = completionsAt(one.analysis, one.file, one.offset, { importable: () => [] });
      return items.map(({ label, insert }) => (label === insert ? label : `${label} as ${insert}`));
    };
    expect(labels(`${DNS}expect shop/web -> ${CURSOR}`)).toContain("api.shop.svc.cluster.local");
    expect(labels(`${DNS}expect ${CURSOR}`)).not.toContain("api.shop.svc.cluster.local");
    expect(labels(`${DNS}expect shop/web -> api.shop:${CURSOR}`)).toEqual(["80"]);
    const urls = labels(`${INGRESS}expect laptop -> ${CURSOR}`);
    expect(urls).toContain('http://shop.example.com/api as "http://shop.example.com/api"');
    expect(labels(`${INGRESS}expect laptop -> "h${CURSOR}"`)).toContain("http://shop.example.com/api");
  });
});

describe("an edge statement of a machine", () => {
  const text = `segment office { cidr 192.168.1.0/24 }
segment wan { cidr 203.0.113.0/24 }
router edge {
  attach office 192.168.1.1
  attach wan 203.0.113.2
  masquerade from 192.168.1.0/24 out wan
  port-forward 443/tcp -> 192.168.1.20 port 8443 in wan
  port-forward 22/tcp -> 192.168.1.20
}
host web { attach office 192.168.1.20; listen 8443/tcp }
host internet {
  attach wan 203.0.113.1
  answers any
  listen 53/udp 80
}
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach office 192.168.1.11 }
  namespace shop {
    deployment web replicas 1 { listen 8080/tcp host-port 80 }
  }
}
`;
  it("shows the masquerade addresses", () => {
    expect(hover(text, "masquerade from")).toMatchInlineSnapshot(`
      "**masquerade** · Source NAT: packets leave with this machine's address

      \`iptables -t nat -A POSTROUTING -s … -d … -o … -j MASQUERADE\`. Replies return to this machine, which forwards them to the original source. The receiver sees this machine's address, so a firewall at the receiver must allow this address.

      Packets from 192.168.1.0/24 that leave \`edge\` are masqueraded to:

      - via \`eth1\` on segment \`wan\`: 203.0.113.2

      \`\`\`text
      -t nat -A POSTROUTING -s 192.168.1.0/24 -o eth1 -j MASQUERADE
      \`\`\`"
    `);
  });
  it("shows the receiver of a forwarded port", () => {
    expect(hover(text, "443/tcp ->")).toMatchInlineSnapshot(`
      "**443/tcp**

      Port on this machine's addresses; tcp by default (\`port-forward\`)

      Port 443/tcp of 203.0.113.2, for packets from segment \`wan\`, forwards to 192.168.1.20 port 8443: host \`web\`, \`web\` listens

      \`\`\`text
      -t nat -A PREROUTING -i eth1 -p tcp -m tcp --dport 443 -m addrtype --dst-type LOCAL -j DNAT --to-destination 192.168.1.20:8443
      \`\`\`"
    `);
    expect(hover(text, "22/tcp ->")).toContain("host `web`, nothing listens on this port");
  });
  it("shows that a host accepts packets to any address", () => {
    expect(hover(text, "answers any", 9)).toMatchInlineSnapshot(`
      "**any** · Any address (accepts every packet)

      Addresses that this host accepts packets for (\`answers\`)

      Accepts packets to any address (53/udp, 80/tcp) and replies from the address they were sent to."
    `);
  });
  it("shows the node port that is forwarded to a pod", () => {
    expect(hover(text, "host-port 80", 11)).toMatchInlineSnapshot(`
      "**80**

      Port of the node that is forwarded to this port (hostPort) (\`listen\`)

      Forwarded from node ports:

      - 192.168.1.11 port 80/tcp (node \`n1\`) → 10.244.0.2 port 8080 (pod \`web-0\`)"
    `);
  });
});
