import { describe, expect, it } from "vitest";
import { file, knet } from "./run.ts";

const SAMPLE = "samples/policy.knet";

interface Matrix {
  readonly schema: string;
  readonly connections: readonly {
    readonly from: { readonly path?: string; readonly kind?: string; readonly range?: string };
    readonly to: { readonly path?: string; readonly kind?: string; readonly range?: string };
    readonly allowed: readonly { readonly proto: string; readonly ports: string }[];
  }[];
}

function matrix(...args: readonly string[]): Matrix {
  const { code, out, err } = knet(["matrix", SAMPLE, "--format", "json", ...args]);
  expect([code, err]).toEqual([0, ""]);
  return JSON.parse(out) as Matrix;
}

const shown = ({ connections }: Matrix): readonly string[] =>
  connections.map(
    ({ from, to, allowed }) =>
      `${from.path ?? from.range} > ${to.path ?? to.range}: ${allowed.map(({ proto, ports }) => `${proto} ${ports}`).join(", ")}`,
  );

describe("knet matrix", () => {
  it("evaluates only policies", () => {
    const all = matrix("--policy-only", "--from", "shop");
    expect(all.schema).toBe("knet-matrix/1");
    expect(shown(all)).toEqual([
      "shop/web > kube-system/dns: tcp 53, udp 53",
      "shop/web > shop/api: tcp 9090",
      "shop/api > kube-system/dns: tcp 53, udp 53",
      "shop/api > shop/db: tcp 5432",
      "shop/db > kube-system/dns: tcp 53, udp 53",
    ]);
    expect(all.connections[1]?.from).toEqual({ path: "shop/web", kind: "Deployment", namespace: "shop" });
  });

  it("splits external addresses at the boundaries of a query", () => {
    expect(shown(matrix("--policy-only", "--from", "8.8.0.0/16", "--to", "shop"))).toEqual([
      "8.8.0.0-8.8.255.255 > shop/web: tcp 80",
    ]);
  });

  it("lists only listening ports when it uses the data plane", () => {
    const tcp = shown(matrix("--to", "app=api")).filter((line) => line.includes("tcp"));
    expect(tcp).toEqual([
      "monitoring/prometheus > shop/api: tcp 9100, icmp 1-65535",
      "shop/web > shop/api: tcp 9090, icmp 1-65535",
    ]);
  });

  it("selects by name in any namespace", () => {
    const api = ["shop/api > shop/db: tcp 5432"];
    for (const name of ["shop/api", "api", "pod/api", "deployment/api", "api-1"])
      expect(shown(matrix("--policy-only", "--from", name, "--to", "db"))).toEqual(api);
    expect(knet(["matrix", SAMPLE, "--from", "statefulset/api"]).code).toBe(2);
  });

  it("lists pods separately", () => {
    expect(shown(matrix("--policy-only", "--by", "pod", "--from", "shop/web-0", "--to", "app=api"))).toEqual([
      "shop/web-0 > shop/api-0: tcp 9090",
      "shop/web-0 > shop/api-1: tcp 9090",
    ]);
  });

  it("prints text and CSV", () => {
    const { out } = knet(["matrix", SAMPLE, "--policy-only", "--from", "shop"]);
    expect(out).toContain("shop/web\n  tcp 53; udp 53 -> kube-system/dns\n  tcp 9090       -> shop/api\n");
    const csv = knet(["matrix", SAMPLE, "--policy-only", "--from", "shop/api", "--format", "csv"]).out;
    expect(csv).toBe(
      [
        "from,from_kind,to,to_kind,proto,ports",
        "shop/api,Deployment,kube-system/dns,Pod,tcp,53",
        "shop/api,Deployment,kube-system/dns,Pod,udp,53",
        "shop/api,Deployment,shop/db,StatefulSet,tcp,5432",
        "",
      ].join("\n"),
    );
  });

  it("reports an unknown name in one line", () => {
    expect(knet(["matrix", SAMPLE, "--from", "shop/missing"])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^knet: no workload, pod, or namespace `shop\/missing`; .*\n$/),
    });
    expect(knet(["matrix", SAMPLE, "--from", "app=web=x"]).code).toBe(2);
    expect(knet(["matrix", "/nowhere.knet"]).code).toBe(2);
  });

  it.each([
    ["app=nosuch", [], "no pod or host matches `app=nosuch`"],
    ["app=nosuch", ["--policy-only"], "no pod or address outside the clusters matches `app=nosuch`"],
    ["!app,app", ["--by", "pod"], "no pod or host matches `!app,app`"],
    ["8.8.8.8", [], "no pod or host matches `8.8.8.8`"],
    ["10.244.9.9", ["--policy-only"], "no pod or address outside the clusters matches `10.244.9.9`"],
  ])("reports a filter that matches nothing: %s %j", (filter, options, message) => {
    for (const side of ["--from", "--to"])
      expect(knet(["matrix", SAMPLE, side, filter, ...options])).toEqual({
        code: 2,
        out: "",
        err: `knet: ${message}\n`,
      });
  });

  it("is empty for an empty cluster", () => {
    const empty = file("segment lan { cidr 10.0.0.0/24 }\ncluster c { pods 10.244.0.0/16 }\n");
    expect(knet(["matrix", empty, "--format", "json"])).toMatchObject({
      code: 0,
      out: '{\n  "schema": "knet-matrix/1",\n  "connections": []\n}\n',
    });
  });

  it.each([
    ["text", "some text\n"],
    ["JSON", '{"a": 1}'],
    ["an unknown statement", "clutser prod { pods 10.0.0.0/16 }\n"],
  ])("rejects a text that is not a topology: %s", (_, text) => {
    const { code, out, err } = knet(["matrix", file(text)]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(
      /^knet: .*test\.knet: not a topology: it has no statement of the language; see `knet check`\n$/,
    );
  });
});
