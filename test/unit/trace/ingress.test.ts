/** Requests by URL: rule matching, and the two connections of a request. */
import { describe, expect, test } from "vitest";
import { readUrl, routeUrl } from "../../../server/src/topology/ingress.ts";
import { ask } from "../../../server/src/trace/trace.ts";
import { world } from "../checks/harness.ts";
import { sampleText } from "../cni/samples.ts";

const text = sampleText("ingress");
const { topology, network } = world(text);

function trace(from: string, to: string, around = { topology, network }) {
  const answer = ask({ ...around, locate: () => undefined }, { from, to });
  if (!answer.ok) throw new Error(answer.error);
  return answer.trace;
}

describe("the rule that a URL matches", () => {
  const rules = `
      host "shop.example.com" {
        path "/" -> web:80
        path "/api" -> api:80
        path "/api/v1" exact -> web:80
      }
      host "*.example.com" { path "/" -> api:80 }
      default-backend -> web:80
    }`;
  const routes = world(text.replace(/\n {6}host "shop[\s\S]*?\n {4}\}/, rules)).topology;
  const backend = (url: string): string | undefined => {
    const read = readUrl(url);
    const rule = read && routeUrl(routes.clusters, read)?.rules[0];
    return rule && `${rule.host ?? "any"}${rule.isDefault ? "" : rule.path} ${rule.backend.text}`;
  };
  test.each([
    ["http://shop.example.com", "shop.example.com/ web"],
    ["http://SHOP.example.com/api", "shop.example.com/api api"],
    ["http://shop.example.com/api/", "shop.example.com/api api"],
    ["http://shop.example.com/api/v1", "shop.example.com/api/v1 web"],
    ["http://shop.example.com/api/v1/x", "shop.example.com/api api"],
    ["http://shop.example.com/apis", "shop.example.com/ web"],
    ["https://docs.example.com/x?y=/api#z", "*.example.com/ api"],
    ["http://a.b.example.com/", "any web"],
    ["http://other.org/", "any web"],
  ])("%s", (url, rule) => expect(backend(url)).toBe(rule));
  test.each(["shop.example.com", "ftp://x/", "http://", "http://x:99999/", "http://a b/"])("no URL: %s", (url) => {
    expect(readUrl(url)).toBeUndefined();
  });
});

describe("a request", () => {
  test("consists of two connections: from the client to a proxy, and from the proxy to a backend pod, not to the ClusterIP", () => {
    const { verdict, answered, paths, proxied } = trace("laptop", "http://shop.example.com/api");
    expect([verdict, answered, proxied?.by]).toEqual(["delivered", true, "prod/shop/shop"]);
    expect(new Set(paths.map((path) => path.hops.at(-1)?.netns))).toEqual(
      new Set(["prod/ingress-nginx/controller-0", "prod/ingress-nginx/controller-1"]),
    );
    expect(new Set(proxied?.paths.map((path) => path.hops.at(-1)?.netns))).toEqual(
      new Set(["prod/shop/api-0", "prod/shop/api-1"]),
    );
    expect(proxied?.paths.flatMap(({ hops }) => hops).some(({ action }) => action === "dnat")).toBe(false);
    const sum = (proxied?.paths ?? []).reduce((all, { probability }) => all + probability, 0);
    expect(sum).toBeCloseTo(1);
    // The backend sees the proxy.
    const proxies = topology.clusters[0]?.workloads.find(({ name }) => name === "controller");
    expect(proxies).toBeDefined();
    for (const path of proxied?.paths ?? []) expect(path.receiver?.src).not.toBe("192.168.1.50");
  });
  test("ends at the proxy if the backend does not listen", () => {
    const closed = world(text.replace("listen 9090/tcp", "listen 9091/tcp"));
    const { verdict, answered, paths, proxied } = trace("laptop", "http://shop.example.com/api", closed);
    expect([verdict, answered]).toEqual(["rejected", false]);
    expect(paths.every((path) => path.verdict === "delivered")).toBe(true);
    expect(proxied?.verdict).toBe("rejected");
  });
  test("to an unknown host is rejected with a list of the known hosts", () => {
    const asked = { from: "laptop", to: "http://other.org/" };
    expect(ask({ topology, network, locate: () => undefined }, asked)).toMatchObject({
      ok: false,
      error: "no ingress or HTTP route matches other.org/; rules exist for shop.example.com/ and shop.example.com/api",
    });
  });
});

test("a route of the Gateway API distributes requests by weight", () => {
  const gateway = text
    .replace(
      "ingress shop {",
      "gateway public {\n      served-by ingress-nginx/controller\n    }\n    http-route shop {",
    )
    .replace("      served-by ingress-nginx/controller\n      host", "      gateway public\n      host")
    .replace('path "/" -> web:80', 'path "/" -> web:80 weight 9\n        path "/" -> api:80 weight 1');
  const { proxied } = trace("laptop", "http://shop.example.com/", world(gateway));
  const share = new Map<string, number>();
  for (const { hops, probability } of proxied?.paths ?? []) {
    const name = hops.at(-1)?.netns.split("/").at(-1)?.replace(/-\d+$/, "") ?? "";
    share.set(name, (share.get(name) ?? 0) + probability);
  }
  expect([share.get("web"), share.get("api")].map((one) => one?.toFixed(2))).toEqual(["0.90", "0.10"]);
});
