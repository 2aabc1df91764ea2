/** Validates the JSON output of the command line and the benchmark against the published schemas. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { afterAll, describe, expect, it } from "vitest";
import type { Result } from "../../../bench/schema.ts";
import { compared } from "../../../bench/statistics.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

const TOPOLOGY = `segment rack-a { cidr 192.168.10.0/24; gateway tor }
segment rack-b { cidr 192.168.20.0/24; gateway tor }
router tor {
  attach rack-a 192.168.10.1
  attach rack-b 192.168.20.1
  deny tcp port 23
}
host laptop { attach rack-a 192.168.10.200 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  pods fd00:10:244::/56
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach rack-a 192.168.10.11 }
  node n2 { attach rack-b 192.168.20.12 }
  pod a on n1 { listen 80/tcp }
  pod b on n2 { listen 80/tcp; listen 53/udp }
}
`;

function schemaOf(name: string): ValidateFunction {
  const schema: unknown = JSON.parse(readFileSync(`${root}schemas/${name}.schema.json`, "utf8"));
  if (typeof schema !== "object" || schema === null) throw new Error(`${name} is not a schema`);
  return new Ajv2020({ allErrors: true }).compile(schema);
}

/** Runs the command with a topology on standard input. */
function knet(args: readonly string[], input = TOPOLOGY): unknown {
  const { stdout, stderr } = spawnSync(process.execPath, [`${root}dist/knet.cjs`, ...args, "--format", "json"], {
    cwd: root,
    input,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

const folder = mkdtempSync(join(tmpdir(), "knet-schemas-"));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const file = join(folder, "old.knet");
  writeFileSync(file, text);
  return file;
}

function expectValid(validate: ValidateFunction, value: unknown): void {
  validate(value);
  expect(validate.errors ?? []).toEqual([]);
}

describe("knet trace --format json", () => {
  const validate = schemaOf("knet-trace-1");
  it.each([
    ["delivered through a tunnel", ["a", "b", "--port", "80"]],
    ["rejected by a closed port", ["a", "b", "--port", "81"]],
    ["delivered over UDP", ["a", "b", "--port", "53", "--proto", "udp"]],
    ["larger than the MTU", ["n1", "b", "--port", "80", "--size", "1500"]],
    ["ICMP", ["n1", "n2", "--proto", "icmp"]],
    ["dropped by an access list", ["laptop", "n2", "--port", "23"]],
    ["unreachable", ["laptop", "10.244.9.9"]],
  ])("%s", (_, [from = "", to = "", ...rest]) => {
    expectValid(validate, knet(["trace", "-", from, to, ...rest]));
  });

  it("rejects an invalid trace", () => {
    expect(validate({ schema: "knet-trace/1" })).toBe(false);
  });
});

describe("knet check --format json", () => {
  const validate = schemaOf("knet-check-1");
  it("of a valid topology", () => expectValid(validate, knet(["check", "-"])));
  it("of every broken sample", () => {
    const broken = readdirSync(`${root}samples/broken`).filter((name) => name.endsWith(".knet"));
    expect(broken.length).toBeGreaterThan(0);
    expectValid(validate, knet(["check", "samples/broken"]));
  });
});

describe("knet matrix --format json", () => {
  const validate = schemaOf("knet-matrix-1");
  it.each([
    ["by workload", []],
    ["by pod", ["--by", "pod"]],
    ["from one workload", ["--from", "a"]],
    ["from an external address", ["--from", "8.8.8.8"]],
  ])("%s", (_, more) => {
    const policy = "policy p { ingress from namespace default to 80 53/udp }";
    const input = TOPOLOGY.replace("pod a on n1", `network-policy kube-router\n  ${policy}\n  pod a on n1`);
    expectValid(validate, knet(["matrix", "-", "--policy-only", ...more], input));
  });
});

describe("knet diff --format json", () => {
  const validate = schemaOf("knet-diff-1");
  it.each([
    ["no change", TOPOLOGY],
    ["a firewall", TOPOLOGY.replace("deny tcp port 23", "deny udp port 8472")],
    ["a new pod and a finding", TOPOLOGY.replace("pod a on n1", "pod c on n1 { listen 81/tcp }\n  pod a on n9")],
    [
      "renamed and removed machines",
      TOPOLOGY.replace("node n1", "node n9").replace("on n1", "on n9").replace("host laptop", "host pc"),
    ],
    [
      "a policy",
      TOPOLOGY.replace(
        "  node n1",
        "  network-policy kube-router\n  policy p { ingress from cidr 10.9.0.0/16 to 80 }\n  node n1",
      ),
    ],
  ])("%s", (_, changed) => {
    expectValid(validate, knet(["diff", fileOf(TOPOLOGY), "-"], changed));
    expectValid(validate, knet(["diff", "-", fileOf(TOPOLOGY)], changed));
  });
});

describe("knet routes --format json", () => {
  const validate = schemaOf("knet-routes-1");
  it.each(["n1", "n2", "a", "tor", "laptop"])("of %s", (where) => expectValid(validate, knet(["routes", "-", where])));
  it.each(["udp", "ipip", "host-gw", "vxlan { direct-routing true }"])("of a node with %s", (backend) => {
    expectValid(validate, knet(["routes", "-", "n1"], TOPOLOGY.replace("backend vxlan", `backend ${backend}`)));
  });
  it.each(["docker", "bridge", "none"])("of a node with cni %s", (plugin) => {
    const input = TOPOLOGY.replace("cni flannel { backend vxlan }", `cni ${plugin}`);
    expectValid(validate, knet(["routes", "-", "n1"], input));
  });
});

describe("knet rules --format json", () => {
  const validate = schemaOf("knet-rules-1");
  it.each(["iptables", "nftables", "ipvs", "none"])("of a node with kube-proxy %s", (mode) => {
    const service = "service s { select app=a; port 80; external-traffic-policy local; type node-port }";
    const input = TOPOLOGY.replace("pod a on n1 {", `kube-proxy ${mode}\n  ${service}\n  pod a on n1 { labels app=a;`);
    expectValid(validate, knet(["rules", "-", "n1"], input));
    expectValid(schemaOf("knet-trace-1"), knet(["trace", "-", "b", "s"], input));
    expectValid(schemaOf("knet-routes-1"), knet(["routes", "-", "n1"], input));
  });
});

describe("knet plan --format json", () => {
  const validate = schemaOf("knet-plan-1");
  it("of a dual-stack cluster", () => expectValid(validate, knet(["plan", "-"])));
  it.each(readdirSync(`${root}samples`).filter((name) => name.endsWith(".knet")))("of samples/%s", (name) => {
    expectValid(validate, knet(["plan", `samples/${name}`]));
  });

  it("rejects an invalid plan", () => {
    expect(validate({ schema: "knet-plan/1", ranges: [{ range: "10.0.0.0/8" }], clusters: [] })).toBe(false);
  });
});

describe("npm run bench -- --json", () => {
  const validate = schemaOf("knet-bench-1");
  it("of one measurement, with a ratio", () => {
    const { stdout, stderr } = spawnSync(process.execPath, [`${root}bench/measure.ts`, "check", "small"], {
      cwd: root,
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    const { results }: { readonly results: readonly Result[] } = JSON.parse(stdout);
    const [parse, check] = results;
    if (!parse || !check) throw new Error("no measurements");
    expectValid(validate, { schema: "knet-bench/1", results: [parse, compared(check, parse)] });
  });

  it("rejects an invalid result", () => {
    expect(validate({ schema: "knet-bench/1", results: [{ name: "a" }] })).toBe(false);
  });
});
