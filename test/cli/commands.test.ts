import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { file, knet } from "./run.ts";

const root = join(import.meta.dirname, "../..");

describe("check", () => {
  it("reports no errors in the samples", () => {
    const samples = readdirSync(join(root, "samples"))
      .filter((name) => name.endsWith(".knet"))
      .map((name) => `samples/${name}`);
    const { code, out, err } = knet(["check", ...samples]);
    expect(err).toBe("");
    expect(out).toContain("0 errors");
    expect(code).toBe(0);
  });

  it("reports only the intended code in each broken sample", () => {
    const { code, out } = knet(["check", "samples/broken", "--format", "json"]);
    expect(code).toBe(1);
    const report = JSON.parse(out) as { files: { path: string; diagnostics: { code: string; severity: string }[] }[] };
    expect(report.files.length).toBeGreaterThan(20);
    for (const { path, diagnostics } of report.files) {
      const intended = /^# expect (KN\d+)/.exec(readFileSync(join(root, path), "utf8"))?.[1];
      const codes = new Set(
        diagnostics
          .filter((one) => ["error", "warning"].includes(one.severity) || one.code === intended)
          .map((one) => one.code),
      );
      expect([path, ...codes]).toEqual([path, intended]);
    }
  });

  it("underlines the location and shows the other side of a conflict", () => {
    const { out } = knet(["check", "samples/broken/pod-service-overlap.knet"]);
    expect(out).toMatch(/pod-service-overlap\.knet:\d+:\d+ error KN101 /);
    expect(out).toMatch(/\^\^\^/);
  });

  it("fails on warnings with --fail-on", () => {
    expect(knet(["check", "samples/broken/policy-selects-nothing.knet"]).code).toBe(0);
    expect(knet(["check", "samples/broken/policy-selects-nothing.knet", "--fail-on", "warning"]).code).toBe(1);
  });

  it("writes SARIF and GitHub annotations", () => {
    const sarif = JSON.parse(knet(["check", "samples/broken/pod-service-overlap.knet", "--format", "sarif"]).out) as {
      version: string;
      runs: {
        tool: { driver: { rules: { id: string }[] } };
        results: {
          ruleId: string;
          ruleIndex: number;
          locations: { physicalLocation: { region: { startLine: number } } }[];
        }[];
      }[];
    };
    expect(sarif.version).toBe("2.1.0");
    const run = sarif.runs[0];
    expect(run?.results[0]?.ruleId).toBe("KN101");
    expect(run?.tool.driver.rules[run.results[0]?.ruleIndex ?? -1]?.id).toBe("KN101");
    expect(run?.results[0]?.locations[0]?.physicalLocation.region.startLine).toBeGreaterThan(0);
    expect(knet(["check", "samples/broken/pod-service-overlap.knet", "--format", "github"]).out).toMatch(
      /^::error file=samples\/broken\/pod-service-overlap\.knet,line=\d+/,
    );
  });

  it("reads standard input", () => {
    const { code, out } = knet(["check", "-"], "segment a { cidr 10.0.0.0/33 }\n");
    expect(code).toBe(1);
    expect(out).toMatch(/^-:1:\d+ error KN006 /);
  });
});

describe("invalid input causes one clear message, never a stack trace", () => {
  const cases: [string, string | Uint8Array][] = [
    ["random bytes", Uint8Array.from({ length: 4096 }, (_, i) => (i * 7919 + (i >> 3)) & 255)],
    ["a NUL byte", "segment a {\0}"],
    ["invalid UTF-8", Uint8Array.from([0x73, 0xff, 0xfe, 0x0a])],
    ["ten thousand errors", 'wrong } [ "\n'.repeat(10_000)],
    ["a million braces", "{".repeat(1_000_000)],
    ["half a file", readFileSync(join(root, "samples/k1.knet"), "utf8").slice(0, 1234)],
    ["a pool of a billion", "segment a { cidr 10.0.0.0/8 }\ncluster c { nodes w 1..1000000000 { attach a } }\n"],
    ["nothing", ""],
  ];
  it.each(cases)("%s", (_name, content) => {
    const { code, out, err } = knet(["check", file(content)]);
    expect([0, 1, 2]).toContain(code);
    if (code === 2) expect(err.trim().split("\n")).toHaveLength(1);
    else expect(err).toBe("");
    expect(`${out}${err}`).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  });

  it("reports an unreadable file in one line, with exit code 2", () => {
    const { code, err } = knet(["check", "no/such/file.knet"]);
    expect(code).toBe(2);
    expect(err).toBe("knet: no/such/file.knet: cannot be read (ENOENT: no such file or directory)\n");
  });
});

describe("usage", () => {
  it.each([
    ["--help"],
    ["check", "--help"],
    ["trace", "--help"],
    ["routes", "--help"],
    ["fmt", "--help"],
    ["explain", "--help"],
    ["lsp", "--help"],
    ["--version"],
  ])("%s %s", (...args) => {
    const { code, out } = knet(args.filter((arg) => arg !== undefined));
    expect(code).toBe(0);
    expect(out).not.toBe("");
  });

  it.each([
    [["frobnicate"], "unknown command `frobnicate`; run `knet --help`"],
    [["trace", "samples/k1.knet"], "missing argument `from`"],
    [["explain", "KN101", "KN102"], "too many arguments for `explain`: expected at most 1, not 2"],
    [
      ["trace", "samples/k1.knet", "p1", "p2", "--port", "0"],
      "invalid value `0` for `--port <n>`: expected a whole number from 1 to 65535",
    ],
    [["trace", "samples/k1.knet", "p1", "p2", "--port"], "option `--port <n>` requires a value"],
    [["trace", "samples/k1.knet", "p1", "p2", "-4", "-6"], "`-4, --ipv4` and `-6, --ipv6` are mutually exclusive"],
    [
      ["check", "--format", "xml"],
      "invalid value `xml` for `--format <format>`: expected text, json, sarif, github, or junit",
    ],
    [["fmt", "--chek", "x.knet"], "unknown option `--chek`; did you mean `--check`?"],
    [
      ["check", "--shard", "5/4"],
      "invalid value `5/4` for `--shard <i/n>`: expected I/N, with I from 1 to N and N up to 999999, such as 1/4",
    ],
    [["trace", "samples/services.knet", "web", "api:99999"], "`api:99999`: expected a port from 1 to 65535"],
    [["trace", "samples/services.knet", "web", "[::1]:0"], "`[::1]:0`: expected a port from 1 to 65535"],
    [["trace", "samples/services.knet", "web", "api-0", "--size", "39"], "size 39: the headers alone have 40 bytes"],
    [
      ["trace", "samples/dual-stack.knet", "web", "api", "-6", "--proto", "udp", "--size", "47"],
      "size 47: the headers alone have 48 bytes",
    ],
    [
      ["lab", "samples/services.knet", "--name", "a/b"],
      "invalid value `a/b` for `--name <name>`: expected 1 to 100 letters, digits, `-`, `_`, and `.`, without a leading `.`",
    ],
    [
      ["lab", "samples/services.knet", "--run", "--pcap", "/proc/knet"],
      "/proc/knet: captures cannot be written (ENOENT: no such file or directory)",
    ],
    [["lab", "samples/services.knet", "--run", "--pcap", "README.md/x"], `${join(root, "README.md")}: not a folder`],
    [["explain", "KN999"], "unknown diagnostic KN999; run `knet explain` for a list"],
  ])("%s is a usage error", (args, message) => {
    const { code, err } = knet(args);
    expect(code).toBe(2);
    expect(err).toBe(`knet: ${message}\n`);
  });

  it("names the options that the other form of knet lab uses", () => {
    const { code, out, err } = knet(["lab", "samples/services.knet", "--probes", "40", "--pcap", "x"]);
    expect([code, out.startsWith("#!")]).toEqual([0, true]);
    expect(err).toBe("knet: --probes has no effect without --run\nknet: --pcap has no effect without --run\n");
  });

  it("encloses IPv6 addresses before a port in brackets", () => {
    expect(knet(["trace", "samples/services.knet", "web", "::1", "--port", "8080"]).out).toMatch(
      /^web -> \[::1\]:8080 \(tcp\)\n/,
    );
  });

  it("lists the candidates for an unknown or ambiguous name", () => {
    const unknown = knet(["trace", "samples/k1.knet", "p11", "p2"]);
    expect(unknown.code).toBe(2);
    expect(unknown.err).toMatch(/`p11` does not exist; did you mean .*p1`/);
    const twice = file(
      "segment a { cidr 10.0.0.0/24 }\ncluster c { pods 10.244.0.0/16; node n { attach a }\nnamespace x { pod web }\nnamespace y { pod web } }\n",
    );
    const ambiguous = knet(["trace", twice, "web", "10.0.0.1"]);
    expect(ambiguous.code).toBe(2);
    expect(ambiguous.err).toContain("`web` is ambiguous: `c/x/web` or `c/y/web`");
  });
});

describe("routes", () => {
  const routes = (sample: string): string[] => knet(["routes", `samples/${sample}.knet`, "node1"]).out.split("\n");

  // Golden vectors of flannel: three nodes, and a router without routes to pods.
  it.each([
    [
      "flannel-vxlan",
      ["10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink", "10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink"],
    ],
    [
      "flannel-direct-routing",
      ["10.244.2.0/24 via 192.168.10.12 dev eth0", "10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink"],
    ],
    ["flannel-host-gw", ["10.244.2.0/24 via 192.168.10.12 dev eth0"]],
    [
      "flannel-ipip",
      [
        "10.244.2.0/24 via 192.168.10.12 dev flannel.ipip onlink",
        "10.244.3.0/24 via 192.168.20.13 dev flannel.ipip onlink",
      ],
    ],
    ["flannel-udp", ["10.244.0.0/16 dev flannel0"]],
  ])("%s", (sample, extra) => {
    const usual = [
      "default via 192.168.10.1 dev eth0",
      "10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1",
      "192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.11",
    ];
    const lines = routes(sample);
    const start = lines.indexOf("# ip route") + 1;
    const end = lines.indexOf("", start);
    expect(lines.slice(start, end).sort()).toEqual([...usual, ...extra].sort());
  });

  it("prints neighbor entries and FDB entries of the tunnel", () => {
    const lines = routes("flannel-vxlan");
    expect(lines.some((line) => /^10\.244\.2\.0 dev flannel\.1 lladdr 0e:\S+ PERMANENT$/.test(line))).toBe(true);
    expect(lines.some((line) => /^0e:\S+ dev flannel\.1 dst 192\.168\.10\.12 self permanent$/.test(line))).toBe(true);
  });

  it("prints JSON with the keys of ip -json", () => {
    const report = JSON.parse(knet(["routes", "samples/flannel-vxlan.knet", "node1", "--format", "json"]).out) as {
      schema: string;
      routes: { dst: string; dev?: string; location?: unknown }[];
    };
    expect(report.schema).toBe("knet-routes/1");
    const lease = report.routes.find((route) => route.dst === "10.244.2.0/24");
    expect(lease?.dev).toBe("flannel.1");
    expect(lease?.location).toBeDefined();
  });

  it("prints the routes of a pod and of a router", () => {
    expect(knet(["routes", "samples/flannel-vxlan.knet", "web"]).out).toContain("default via 10.244.1.1 dev eth0");
    expect(knet(["routes", "samples/flannel-vxlan.knet", "core"]).out).toContain("192.168.20.0/24 dev eth1");
  });
});

describe("fmt and explain", () => {
  it("formats standard input and lists unformatted files", () => {
    expect(knet(["fmt", "-"], "segment   a{cidr 10.0.0.0/24}\n").out).toBe("segment a { cidr 10.0.0.0/24 }\n");
    const messy = file("segment   a { cidr   10.0.0.0/24 }\n");
    expect(knet(["fmt", "--check", messy])).toMatchObject({ code: 1, out: `${messy}\n` });
    expect(knet(["fmt", messy]).code).toBe(0);
    expect(readFileSync(messy, "utf8")).toBe("segment a { cidr 10.0.0.0/24 }\n");
    expect(knet(["fmt", "--check", messy]).code).toBe(0);
  });

  it("finds the samples formatted", () => {
    expect(knet(["fmt", "--check", "samples"]).out).toBe("");
  });

  it("explains a code with an incorrect and a correct example", () => {
    const { code, out } = knet(["explain", "kn101"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^KN101 /);
    expect(out).toContain("Incorrect:");
    const codes = knet(["explain"]).out.match(/^KN\d+/gm) ?? [];
    expect(codes.length).toBeGreaterThan(60);
    expect(codes).toEqual([...codes].sort());
  });
});
