/** Names in the cluster DNS: resolution, DNS queries, and traces without a DNS answer. */
import { describe, expect, test } from "vitest";
import { dnsNames, searched } from "../../../server/src/topology/dns.ts";
import { wayOf, waysOf } from "../../../server/src/trace/layout.ts";
import { type Ask, ask } from "../../../server/src/trace/trace.ts";
import { world } from "../checks/harness.ts";
import { sampleText } from "../cni/samples.ts";

const text = sampleText("dns");
const { topology, network } = world(text);
const [cluster] = topology.clusters;
const trace = (from: string, to: string, more: Partial<Ask> = {}, changed = { topology, network }) =>
  ask({ ...changed, locate: () => undefined }, { from, to, ...more });

describe("a name resolves to", () => {
  const meaning = (name: string) =>
    dnsNames(topology.clusters, name).map((one) => (one.kind === "service" ? one.service.path : one.pod.path));
  test.each([
    ["api.shop", "prod/shop/api"],
    ["api.shop.svc", "prod/shop/api"],
    ["api.shop.svc.cluster.local", "prod/shop/api"],
    ["api.shop.svc.cluster.local.", "prod/shop/api"],
    ["db-1.db.shop.svc.cluster.local", "prod/shop/db-1"],
    ["10-244-0-3.shop.pod.cluster.local", "prod/shop/web"],
  ])("%s: %s", (name, path) => {
    const ip = cluster?.pods.podByName("shop", "web")?.addresses[0];
    expect(ip).toBeDefined();
    expect(meaning(name.replace("10-244-0-3", dashed(ip as number)))).toEqual([path]);
  });
  test.each(["api.shop.svc.example.org", "nobody.shop", "api", "db-9.db.shop", "api-0.api.shop", "a..b", "-.-"])(
    "nothing: %s",
    (name) => expect(meaning(name)).toEqual([]),
  );
});

test("search domains are tried first for names with fewer than five dots (kubernetes/dns, ndots:5)", () => {
  if (!cluster) throw new Error("no cluster");
  expect(searched(cluster, "shop", "api.shop")).toEqual([
    "api.shop.shop.svc.cluster.local",
    "api.shop.svc.cluster.local",
    "api.shop.cluster.local",
    "api.shop",
  ]);
  expect(searched(cluster, "shop", "a.b.c.d.e.f")[0]).toBe("a.b.c.d.e.f");
});

describe("a trace by name", () => {
  test("starts with the DNS query, which is sent to an endpoint of kube-dns and answered", () => {
    const answer = trace("shop/web", "api.shop", { port: 80 });
    if (!answer.ok) throw new Error(answer.error);
    const { lookup, verdict, answered } = answer.trace;
    expect([verdict, answered, lookup?.answered, lookup?.server]).toEqual([
      "delivered",
      true,
      true,
      "prod/kube-system/kube-dns",
    ]);
    expect(lookup?.asked).toEqual(["api.shop.shop.svc.cluster.local", "api.shop.svc.cluster.local"]);
    const [first] = lookup?.paths ?? [];
    expect(first?.hops.find(({ action }) => action === "dnat")?.text).toMatch(
      /^destination rewritten to 10\.244\.\d\.\d+:53 \(DNAT/,
    );
    expect(waysOf(answer.trace)).toHaveLength(4);
    expect(wayOf(answer.trace, 1)).toEqual({ kind: "lookup" });
    expect(wayOf(answer.trace, 2)).toEqual({ kind: "own", index: 0 });
  });
  test("ends with the query if DNS does not respond: the packet is never sent", () => {
    const deaf = world(text.replace("listen 53/udp 53/tcp", "listen 54/udp"));
    const answer = trace("shop/web", "api.shop", { port: 80 }, deaf);
    if (!answer.ok) throw new Error(answer.error);
    expect([answer.trace.verdict, answer.trace.answered]).toEqual(["rejected", false]);
    expect(answer.trace.notes).toEqual([
      "api.shop.svc.cluster.local is not resolved: no DNS response from prod/kube-system/kube-dns; the packet is never sent",
    ]);
  });
  test("without a DNS service has a note and sends the packet", () => {
    const none = world(text.replace("service kube-dns", "service other-dns"));
    const answer = trace("shop/web", "db-1.db.shop.svc.cluster.local", { port: 5432 }, none);
    if (!answer.ok) throw new Error(answer.error);
    expect(answer.trace.verdict).toBe("delivered");
    expect(answer.trace.notes?.at(-1)).toContain("service kube-system/kube-dns is not declared");
  });
  test("is rejected for senders with a different name server", () => {
    expect(trace("n1", "api.shop", { port: 80 })).toMatchObject({
      ok: false,
      error: "prod/n1 does not use the cluster DNS, which alone resolves api.shop; write prod/shop/api",
    });
  });
});

function dashed(ip: number): string {
  return [24, 16, 8, 0].map((shift) => (ip >>> shift) & 255).join("-");
}

test("paths above the limit are omitted, and the trace has a note", () => {
  const many = world(
    text
      .replace("deployment api replicas 2", "deployment api replicas 300")
      .replace("10.244.0.0/16", "10.240.0.0/12 per-node /20"),
  );
  const answer = trace("shop/web", "shop/api", { port: 80 }, many);
  if (!answer.ok) throw new Error(answer.error);
  expect(answer.trace.paths).toHaveLength(256);
  expect(answer.trace.notes?.at(-1)).toBe("256 paths shown, covering 85.3% of the packets; further paths are omitted");
});
