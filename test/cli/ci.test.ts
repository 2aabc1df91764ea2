/** Formats of `knet check` for continuous integration, in `.knet` files and in manifests. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { file, knet } from "./run.ts";
import { elements, type XmlElement } from "./xml.ts";

const TOPOLOGY = `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach lan }
  node n2 { attach lan; deny tcp port 81 }
  pod a on n1
  pod b on n2 { listen 80/tcp }
}
expect a -> b:80 reachable
expect a -> n2:81 reachable
expect a -> b:80 blocked
expect a -> nowhere reachable
`;

/** Attributes and children by element: jenkinsci/xunit-plugin, junit-10.xsd. */
const SCHEMA: Readonly<
  Record<
    string,
    {
      readonly attributes: readonly string[];
      readonly required: readonly string[];
      readonly children: readonly string[];
    }
  >
> = {
  testsuites: { attributes: ["name", "tests", "failures", "errors", "time"], required: [], children: ["testsuite"] },
  testsuite: {
    attributes: ["name", "tests", "failures", "errors", "skipped", "file"],
    required: ["name", "tests", "failures", "errors"],
    children: ["testcase", "properties", "system-out", "system-err"],
  },
  testcase: {
    attributes: ["name", "time", "classname", "group"],
    required: ["name"],
    children: ["failure", "skipped", "error"],
  },
  failure: { attributes: ["type", "message"], required: [], children: [] },
  skipped: { attributes: ["type", "message"], required: [], children: [] },
};

function expectValid({ name, attributes, children }: XmlElement): void {
  const known = SCHEMA[name];
  if (!known) throw new Error(`unexpected element ${name}`);
  expect(known.attributes).toEqual(expect.arrayContaining([...attributes.keys()]));
  expect([...attributes.keys()]).toEqual(expect.arrayContaining([...known.required]));
  for (const child of children) {
    expect(known.children).toContain(child.name);
    expectValid(child);
  }
}

function junit(args: readonly string[], input?: string): { readonly code: number | null; readonly root: XmlElement } {
  const { code, out, err } = knet(["check", ...args, "--format", "junit"], input);
  expect(err).toBe("");
  const root = elements(out);
  expectValid(root);
  return { code, root };
}

const names = (suite: XmlElement | undefined): readonly string[] =>
  (suite?.children ?? []).map(
    ({ attributes, children: [only] }) => `${attributes.get("name")}: ${only?.name ?? "passed"}`,
  );

describe("knet check --format junit", () => {
  it("has one test case per expectation, and one for the other diagnostics", () => {
    const path = file(TOPOLOGY);
    const { code, root } = junit([path]);
    expect(code).toBe(1);
    expect(root.children).toHaveLength(1);
    const [suite] = root.children;
    expect(names(suite)).toEqual([
      "diagnostics: passed",
      "a -> b:80 reachable: passed",
      "a -> n2:81 reachable: failure",
      "a -> b:80 blocked: failure",
      "a -> nowhere reachable: failure",
    ]);
    for (const counted of [root, suite]) {
      expect(counted?.attributes.get("tests")).toBe("5");
      expect(counted?.attributes.get("failures")).toBe("3");
    }
    expect([suite?.attributes.get("name"), suite?.attributes.get("file")]).toEqual([path, path]);
    expect(suite?.children.map(({ attributes }) => attributes.get("classname"))).toEqual(Array(5).fill(path));
  });

  it("states the failing hop with its location", () => {
    const path = file(TOPOLOGY);
    const failure = junit([path]).root.children[0]?.children[2]?.children[0];
    expect(failure?.attributes.get("type")).toBe("KN701");
    expect(failure?.attributes.get("message")).toContain("expected `a -> n2:81` to be reachable");
    const lines = failure?.text.split("\n") ?? [];
    expect(lines[0]).toMatch(/test\.knet:12:1: error KN701: expected/);
    expect(lines.at(-1)).toMatch(/test\.knet:7:25: \d+\. node prod\/n2 drops the packet \(filter\/INPUT\)$/);
  });

  it("has a failure for each other error, and for warnings with --fail-on warning", () => {
    const path = "samples/broken/pod-service-overlap.knet";
    const [diagnostics] = junit([path]).root.children[0]?.children ?? [];
    expect(diagnostics?.children.map(({ attributes }) => attributes.get("type"))).toEqual(["KN101"]);
    expect(names(junit(["samples/broken/policy-selects-nothing.knet"]).root.children[0])[0]).toBe(
      "diagnostics: passed",
    );
    const strict = junit(["samples/broken/policy-selects-nothing.knet", "--fail-on", "warning"]);
    expect(names(strict.root.children[0])[0]).toBe("diagnostics: failure");
    expect(strict.code).toBe(1);
  });

  it("shows suppressed failures as skipped, and duplicates under different names", () => {
    const comment = "expect a -> b:80 blocked # knet-ignore KN701 known problem\n";
    const { code, root } = junit(
      ["-"],
      `${TOPOLOGY.split("expect")[0]}${comment}expect a -> b:80 reachable\nexpect a -> b:80 reachable\n`,
    );
    expect(code).toBe(0);
    expect(names(root.children[0])).toEqual([
      "diagnostics: passed",
      "a -> b:80 blocked: skipped",
      "a -> b:80 reachable: passed",
      "a -> b:80 reachable (line 13): passed",
    ]);
    expect(root.children[0]?.attributes.get("skipped")).toBe("1");
  });

  it("is well-formed with any text", () => {
    const path = file("segment a { cidr 10.0.0.0/33 } \u0001 <&\"'> \n", 'odd & <name> "ü".knet');
    expect(junit([path]).root.children[0]?.attributes.get("name")).toContain('odd & <name> "ü".knet');
  });

  it("lists every file of a folder, with the same result from worker threads", () => {
    const { root } = junit(["samples"]);
    expect(root.children.length).toBeGreaterThan(100);
    const tests = root.children.map(({ children }) => children.length).reduce((a, b) => a + b);
    expect(root.attributes.get("tests")).toBe(String(tests));
  });
});

describe("knet check --no-fixes", () => {
  it("reports the same findings without fixes", () => {
    const path = "samples/broken/pod-service-overlap.knet";
    const report = (args: readonly string[]): string => knet(["check", path, "--format", "json", ...args]).out;
    expect(report([])).toContain('"title"');
    expect(report(["--no-fixes"])).not.toContain('"title"');
    const without = (text: string): unknown => JSON.parse(text, (key, value) => (key === "fixes" ? [] : value));
    expect(JSON.parse(report(["--no-fixes"]))).toEqual(without(report([])));
  });
});

const MANIFEST = `# Workloads
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata:
      labels: {app: db}
    spec: {containers: [{name: c, ports: [{containerPort: 5432}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: dbb}}
  ingress: []
`;

function folder(): string {
  const root = dirname(file("", "empty.txt"));
  mkdirSync(join(root, "deploy"));
  writeFileSync(join(root, "deploy", "shop.yaml"), MANIFEST);
  const second = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "web", namespace: "shop" },
  };
  const list = {
    kind: "List",
    apiVersion: "v1",
    items: [{ ...second, spec: { podSelector: { matchLabels: { app: "nothing" } }, ingress: [] } }],
  };
  writeFileSync(join(root, "deploy", "web.json"), `${JSON.stringify(list, undefined, 2)}\n`);
  return join(root, "deploy");
}

/** Line and column of a text, from 1. */
function positionIn(text: string, part: string): readonly [number, number] {
  const before = text.slice(0, text.indexOf(part)).split("\n");
  return [before.length, (before.at(-1)?.length ?? 0) + 1];
}

interface Sarif {
  readonly runs: readonly [
    {
      readonly results: readonly {
        readonly ruleId: string;
        readonly locations: readonly {
          readonly physicalLocation: {
            readonly artifactLocation: { readonly uri: string };
            readonly region: { readonly startLine: number; readonly startColumn: number };
          };
        }[];
      }[];
    },
  ];
}

describe("findings in manifests", () => {
  const [line, column] = positionIn(MANIFEST, "dbb");

  it("are annotated at their position in the YAML file on GitHub", () => {
    const deploy = folder();
    const annotations = knet(["check", deploy, "--format", "github"]).out;
    const property = (path: string): string =>
      path.replaceAll("%", "%25").replaceAll(":", "%3A").replaceAll(",", "%2C");
    expect(annotations).toMatch(
      new RegExp(`^::warning file=${property(join(deploy, "shop.yaml"))},line=${line},endLine=${line},col=\\d+,`, "m"),
    );
    const col = Number(/shop\.yaml,line=\d+,endLine=\d+,col=(\d+)/.exec(annotations)?.[1]);
    expect(col).toBeGreaterThan(1);
    expect(col).toBeLessThanOrEqual(column);
    expect(annotations).toMatch(/^::warning file=\S+web\.json,line=\d+/m);
  });

  it("have their position in SARIF and JUnit", () => {
    const deploy = folder();
    const sarif = JSON.parse(knet(["check", deploy, "--format", "sarif"]).out) as Sarif;
    const found = sarif.runs[0].results.map(({ ruleId, locations: [place] }) => {
      const { artifactLocation, region } = place!.physicalLocation;
      return [ruleId, artifactLocation.uri.split("/").at(-1), region.startLine];
    });
    expect(found).toContainEqual(["KN603", "shop.yaml", line]);
    expect(found.some(([code, name]) => code === "KN603" && name === "web.json")).toBe(true);
    const { out, code } = knet(["check", deploy, "--format", "junit", "--fail-on", "warning"]);
    expect(code).toBe(1);
    const suites = elements(out).children;
    // The folder has the values that no file states.
    expect(suites.map(({ attributes }) => attributes.get("name")?.split("/").at(-1))).toEqual([
      "shop.yaml",
      "web.json",
      deploy.split("/").at(-1),
    ]);
    expect(suites[0]?.children[0]?.children[0]?.text).toMatch(new RegExp(`shop\\.yaml:${line}:\\d+: warning KN603`));
  });

  it("are reported for standard input", () => {
    const { out } = knet(["check", "-", "--format", "github"], MANIFEST);
    expect(out).toContain(`::warning file=-,line=${line},`);
  });
});

describe("--kubernetes-version", () => {
  const services = (version: string): string => `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  ${version}
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  kube-proxy nftables
  node n1 { attach lan }
  pod a on n1 { labels app=a; listen 80 }
  service s { select app=a; port 80 }
}
`;
  const rules = (text: string, ...args: readonly string[]): string => knet(["rules", "-", "n1", ...args], text).out;

  it("applies to clusters that state no version", () => {
    const old = rules(services("version 1.33"));
    expect(old).not.toBe(rules(services("")));
    expect(rules(services(""), "--kubernetes-version", "1.33")).toBe(old);
    expect(rules(services(""), "--kubernetes-version", "v1.33.7")).toBe(old);
    // Releases before 1.33 are treated as 1.33.
    expect(rules(services(""), "--kubernetes-version", "1.28.4+k3s1")).toBe(old);
    expect(rules(services("version 1.37"), "--kubernetes-version", "1.33")).toBe(rules(services("")));
  });

  it.each(["1.99", "2.0", "latest", ""])("rejects %s", (version) => {
    const { code, err } = knet(["rules", "-", "n1", "--kubernetes-version", version], services(""));
    expect([code, err]).toEqual([
      2,
      `knet: invalid value \`${version}\` for \`--kubernetes-version\`: expected a release up to 1.37\n`,
    ]);
  });

  it.each([
    ["check", "-"],
    ["trace", "-", "a", "s"],
    ["routes", "-", "n1"],
    ["matrix", "-"],
    ["plan", "-"],
    ["lab", "-"],
  ])("is an option of %s", (...args) => {
    expect(knet([...args, "--kubernetes-version", "1.33"], services("")).code).toBe(0);
  });
});

describe("check --failures 1", () => {
  const text = `segment left { cidr 10.0.1.0/24; gateway r1 }
segment right { cidr 10.0.2.0/24; gateway r1 }
router r1 { attach left 10.0.1.1; attach right 10.0.2.1 }
host a { attach left }
host b { attach right }
expect a -> b reachable
`;

  it("reports expectations that a failure breaks, in every format", () => {
    const path = file(text);
    const check = (...more: readonly string[]) => knet(["check", path, "--failures", "1", ...more]);
    expect(knet(["check", path]).code).toBe(0);
    expect(check("--fail-on", "warning")).toMatchObject({ code: 1, out: expect.stringContaining("KN705") });
    const { files } = JSON.parse(check("--format", "json").out);
    expect(files[0].diagnostics).toMatchObject([{ code: "KN705", severity: "warning", range: { start: { line: 5 } } }]);
    const sarif = JSON.parse(check("--format", "sarif").out);
    expect(sarif.runs[0].results).toMatchObject([{ ruleId: "KN705", level: "warning" }]);
    expect(check("--format", "github").out).toMatch(/^::warning .*KN705/m);
  });

  it("accepts only one failure at a time", () => {
    const { code, err } = knet(["check", file(text), "--failures", "2"]);
    expect(code).toBe(2);
    expect(err).toContain("--failures");
  });
});
