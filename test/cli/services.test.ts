/** Services on the command line, with the samples. */
import { describe, expect, it } from "vitest";
import type { Trace } from "../../server/src/trace/schema.ts";
import { knet } from "./run.ts";

function trace(...args: readonly string[]): { readonly code: number | null; readonly trace: Trace } {
  const { code, out } = knet(["trace", ...args, "--format", "json"]);
  return { code, trace: JSON.parse(out) as Trace };
}

describe("knet trace to a service", () => {
  it.each([
    ["services", "nat/KUBE-SEP-"],
    ["services-nftables", "nft kube-proxy/service-"],
    ["services-ipvs", "ipvs"],
  ])(
    "in %s.knet: one path per endpoint, DNAT on the client's node, reverse translation for the reply",
    (sample, table) => {
      const { code, trace: found } = trace(`samples/${sample}.knet`, "web", "api", "--port", "80");
      expect(code).toBe(0);
      expect(found.paths.map(({ probability }) => Math.round(probability * 100))).toEqual([33, 33, 33]);
      expect(new Set(found.paths.map(({ hops }) => hops.at(-1)?.netns)).size).toBe(3);
      for (const { hops, reply } of found.paths) {
        const there = hops.filter(({ action }) => action === "dnat");
        expect(there.map(({ netns }) => netns)).toEqual(["prod/n1"]);
        expect(there[0]?.rule?.table.startsWith(table)).toBe(true);
        expect(reply?.hops.filter(({ action }) => action === "snat").map(({ netns }) => netns)).toEqual(["prod/n1"]);
      }
    },
  );

  it.each([
    ["n1", "30080", 0, ["10.244.0.1", "10.244.0.0"]],
    ["n3", "30080", 0, ["10.244.2.0", "10.244.2.0"]],
    ["n1", "30081", 0, ["192.168.20.99"]],
    ["n3", "30081", 1, [undefined]],
  ])("through the node port of %s, port %s", (node, port, exit, sources) => {
    const { code, trace: found } = trace("samples/nodeport.knet", "laptop", node, "--port", port);
    expect(code).toBe(exit);
    expect(found.paths.map(({ receiver }) => receiver?.src)).toEqual(sources);
  });

  it("explains how the sender reaches the service", () => {
    const { out } = knet(["trace", "samples/nodeport.knet", "laptop", "shop/kept", "--port", "80"]);
    expect(out).toContain(
      "outside cluster prod, prod/shop/kept is reached at port 30081 of any node (here n1, n2, and n3)",
    );
  });

  it("rejects a service as source", () => {
    const { code, err } = knet(["trace", "samples/nodeport.knet", "shop/kept", "laptop"]);
    expect([code, err]).toEqual([2, "knet: `prod/shop/kept` is a service; a service cannot send packets\n"]);
  });
});

describe("knet rules", () => {
  it("prints rules like iptables-save, with the location of the corresponding statement", () => {
    const text = knet(["rules", "samples/services.knet", "n1"]);
    expect(text.code).toBe(0);
    expect(text.out).toMatch(/^# iptables-save\n\*nat\n:PREROUTING ACCEPT \[0:0\]\n/);
    expect(text.out).toContain("--probability 0.33333333349 -j KUBE-SEP-");
    const report = JSON.parse(knet(["rules", "samples/services.knet", "n1", "--format", "json"]).out) as {
      sections: { command: string; lines: { text: string; location?: { file: string } }[] }[];
    };
    const rule = report.sections[0]?.lines.find(({ text: line }) => line.includes("DNAT"));
    expect(rule?.location?.file).toContain("services.knet");
  });

  it("prints nothing for a pod and fails for an unknown name", () => {
    expect(knet(["rules", "samples/services.knet", "web"])).toEqual({ code: 0, out: "", err: "" });
    expect(knet(["rules", "samples/services.knet", "shop/missing"]).code).toBe(2);
  });
});
