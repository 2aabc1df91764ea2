/** What hovers say of names that the file does not declare, of who serves them, and of lines at a machine's edge. */
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
  it("says who serves it and where each path leads", () => {
    expect(hover(INGRESS, "ingress shop {", 9)).toMatchInlineSnapshot(`
      "**ingress** \`prod/shop/shop\` · 2 rules

      Served by \`prod/ingress-nginx/controller\` · node-port, port 80 (on every node 30080), 443 (on every node 30443): 2 proxies

      - \`shop.example.com/\` → service \`prod/shop/web\` port 80: 10.244.0.3:8080
      - \`shop.example.com/api\` → service \`prod/shop/api\` port 80: 10.244.0.4:9090, 10.244.1.3:9090"
    `);
  });
  it("does so line by line", () => {
    expect(hover(INGRESS, 'path "/api"', 7)).toMatchInlineSnapshot(`
      "\`/api\`

      Beginning of the path, by whole elements: /api fits /api/v1 and not /apis (\`path\`)

      - \`shop.example.com/api\` → service \`prod/shop/api\` port 80: 10.244.0.4:9090, 10.244.1.3:9090"
    `);
    expect(hover(INGRESS, 'host "shop.example.com"', 8)).toContain("shop.example.com/api");
  });
  it("says what is wrong with it", () => {
    expect(hover(INGRESS.replace("web:80\n", "wob:80\n"), "ingress shop {", 9)).toContain(
      "there is no service shop/wob",
    );
    expect(hover(INGRESS.replace("served-by ingress-nginx/controller", ""), "ingress shop {", 9)).toContain(
      "Served by nobody",
    );
  });
  it("is in the outline and among the symbols of the workspace", () => {
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
  it("has its routes", () => {
    expect(hover(text, "gateway public", 9)).toMatchInlineSnapshot(`
      "**gateway** \`prod/shop/public\` · 1 route

      Served by \`prod/ingress-nginx/controller\` · node-port, port 80 (on every node 30080), 443 (on every node 30443): 2 proxies

      **http-route** \`prod/shop/shop\` · 2 rules

      - \`shop.example.com/\` → service \`prod/shop/web\` port 80: 10.244.0.3:8080
      - \`shop.example.com/api\` → service \`prod/shop/api\` port 80: 10.244.0.4:9090, 10.244.1.3:9090"
    `);
    expect(hover(text, "gateway idle", 9)).toContain("No HTTP route belongs to it");
    expect(hover(text, "http-route shop", 12)).toContain("**http-route** `prod/shop/shop`");
  });
});

describe("an end that the file does not declare", () => {
  it("is a URL: who takes it, and where it goes", () => {
    expect(hover(INGRESS, '"http://shop.example.com/api"', 5)).toMatchInlineSnapshot(`
      "\`http://shop.example.com/api\` · ingress \`prod/shop/shop\`

      Served by \`prod/ingress-nginx/controller\` · node-port, port 80 (on every node 30080), 443 (on every node 30443): 2 proxies

      - the proxy sends to service \`prod/shop/api\`, straight to one of 2 endpoints

      Receiver, with port and protocol: shop/api:80, n1:53/udp (\`expect\`)"
    `);
    expect(hover(INGRESS.replace('"http://shop.example.com/api"', '"http://shop.example.org/"'), ".org", 2)).toContain(
      "no ingress and no HTTP route has a rule for shop.example.org/",
    );
  });
  it("is a DNS name: what it resolves to", () => {
    expect(hover(DNS, "api.shop:80", 2)).toMatchInlineSnapshot(`
      "DNS name \`api.shop.svc.cluster.local\` of cluster \`prod\` · answers 10.96.1.0; the DNS service \`prod/kube-system/kube-dns\` is asked first

      **service** \`prod/shop/api\` · cluster-ip, ClusterIP 10.96.1.0 (allocated)

      Port **80/tcp** → 9090: 2 endpoints

      - 10.244.0.4:9090 \`api-0\` on \`n1\`
      - 10.244.1.3:9090 \`api-1\` on \`n2\`

      - DNS name \`api.shop.svc.cluster.local\`
      - environment \`API_SERVICE_HOST=10.96.1.0\` \`API_SERVICE_PORT=80\`

      Receiver, with port and protocol: shop/api:80, n1:53/udp (\`expect\`)"
    `);
    expect(hover(DNS, "-> db-1.db.shop", 5)).toContain("pod `prod/shop/db-1` on node");
    expect(hover(DNS.replace("api.shop:80", "abi.shop:80"), "abi.shop:80", 2)).toContain("nothing has this name");
  });
  it("is offered where a packet goes to", () => {
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

describe("a line at a machine's edge", () => {
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
  it("says what masquerading makes of packets", () => {
    expect(hover(text, "masquerade from")).toMatchInlineSnapshot(`
      "**masquerade** · Source NAT: packets leave with this machine's own address

      \`iptables -t nat -A POSTROUTING -s … -o … -j MASQUERADE\`. The replies come back to this machine, which sends them on to the first sender. What the receiver sees, and what its firewall has to allow, is this machine.

      Packets from 192.168.1.0/24 that leave \`edge\` get its own address as their source:

      - by \`eth1\` to segment \`wan\`: 203.0.113.2

      \`\`\`text
      -t nat -A POSTROUTING -s 192.168.1.0/24 -o eth1 -j MASQUERADE
      \`\`\`"
    `);
  });
  it("says where a forwarded port leads", () => {
    expect(hover(text, "443/tcp ->")).toMatchInlineSnapshot(`
      "**443/tcp**

      Port on this machine's addresses; tcp where no protocol is written (\`port-forward\`)

      Port 443/tcp of 203.0.113.2, for packets that come from segment \`wan\`, leads to 192.168.1.20 port 8443: host \`web\`, where \`web\` listens

      \`\`\`text
      -t nat -A PREROUTING -i eth1 -p tcp -m tcp --dport 443 -m addrtype --dst-type LOCAL -j DNAT --to-destination 192.168.1.20:8443
      \`\`\`"
    `);
    expect(hover(text, "22/tcp ->")).toContain("host `web`, where nobody listens on this port");
  });
  it("says for whom a host answers", () => {
    expect(hover(text, "answers any", 9)).toMatchInlineSnapshot(`
      "**any** · Every address that a packet reaches it with

      Which addresses are this host (\`answers\`)

      A packet that reaches \`internet\` is answered from the address to which it went, whatever that is: on 53/udp, 80/tcp."
    `);
  });
  it("says which port of which node leads to a pod", () => {
    expect(hover(text, "host-port 80", 11)).toMatchInlineSnapshot(`
      "**80**

      Port of the node that leads here (\`listen\`)

      A port of the nodes leads here:

      - 192.168.1.11 port 80/tcp (node \`n1\`) → 10.244.0.2 port 8080 (pod \`web-0\`)"
    `);
  });
});
