/** Dumps in archives, folders, and on standard input, with every command; what the output must not contain. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync, strToU8, zipSync } from "fflate";
import { createTar } from "nanotar";
import { describe, expect, it } from "vitest";
import type { Report } from "../../server/src/cli/report-schema.ts";
import { file, knet } from "./run.ts";

const object = (kind: string, name: string, more: object, namespace: string | undefined = "shop") => ({
  apiVersion: "v1",
  kind,
  metadata: {
    name,
    ...(namespace === "" ? {} : { namespace }),
    annotations: { note: "unrequested-7" },
    labels: { app: name },
  },
  ...more,
});
const NODES = [
  object(
    "Node",
    "n1",
    { spec: { podCIDR: "10.244.1.0/24" }, status: { addresses: [{ type: "InternalIP", address: "10.0.0.1" }] } },
    "",
  ),
];
const pod = (name: string, ip: string) =>
  object("Pod", name, {
    spec: {
      nodeName: "n1",
      containers: [
        {
          name: "c",
          args: ["--token=hunter2"],
          env: [{ name: "T", value: "hunter2" }],
          ports: [{ containerPort: 80 }],
        },
      ],
    },
    status: { phase: "Running", podIP: ip },
  });
const PODS = [pod("web", "10.244.1.7"), pod("db", "10.244.1.8")];
const SECRET = object("Secret", "s", {
  data: { password: "aHVudGVyMg==", more: ["hunter2"] },
  stringData: { a: "hunter2" },
});
const FILES = {
  "resources/cluster/core_v1_nodes.json": JSON.stringify(NODES),
  "resources/ns/shop/core_v1_pods.json": JSON.stringify(PODS, null, 2),
  "resources/ns/shop/core_v1_secrets.json": JSON.stringify([SECRET], null, 2),
  "resources/ns/shop/pods-errors.json": '["forbidden"',
  "podlogs/shop/web/logs.txt": "kind: Pod\n",
};

const entries = Object.entries(FILES).map(([name, data]) => ({ name, data }));
const ARCHIVES: readonly (readonly [string, Uint8Array])[] = [
  ["dump.tar", createTar(entries)],
  ["dump.tar.gz", gzipSync(createTar(entries))],
  ["dump.zip", zipSync(Object.fromEntries(entries.map(({ name, data }) => [name, strToU8(data)])))],
];

const SHOWN = "shop/db > shop/web\nshop/web > shop/db\n";
const pairs = (out: string): string =>
  (
    JSON.parse(out) as {
      readonly connections: readonly {
        readonly from: { readonly path?: string };
        readonly to: { readonly path?: string };
      }[];
    }
  ).connections
    .flatMap(({ from, to }) =>
      from.path?.startsWith("shop/") && to.path?.startsWith("shop/") ? `${from.path} > ${to.path}\n` : [],
    )
    .sort()
    .join("");

describe("a dump", () => {
  it.each(ARCHIVES)("in %s is a topology, also on standard input and in a folder", (name, bytes) => {
    const path = file(bytes, name);
    const args = ["--format", "json", "--policy-only"];
    const outcomes = [
      knet(["matrix", path, ...args]),
      knet(["matrix", dirname(path), ...args]),
      knet(["matrix", "-", ...args], bytes),
    ];
    expect(outcomes.map(({ code, out }) => [code, pairs(out)])).toEqual(Array(3).fill([0, SHOWN]));
    expect(knet(["trace", path, "shop/web", "shop/db"]).code).toBe(0);
    expect(knet(["routes", path, "shop/web"]).out).toContain("10.244.1.7");
    const checked = [knet(["check", path]), knet(["check", "-"], bytes)];
    for (const { code, out } of checked) expect([code, out.includes("0 errors")]).toEqual([0, true]);
    expect(knet(["import", "-"], bytes).out).toContain("namespace shop");
  });

  it("in UTF-16, as PowerShell writes it, and without a suffix is read", () => {
    const list = JSON.stringify({ kind: "List", items: [...NODES, ...PODS] });
    const bytes = Buffer.from(`\uFEFF${list}`, "utf16le");
    for (const name of ["dump.json", "dump", "dump.txt"])
      expect(knet(["routes", file(bytes, name), "n1"]).code).toBe(0);
    expect(knet(["check", "-"], bytes).code).toBe(0);
  });

  it("has findings at the file in the archive", () => {
    const wrong = {
      ...FILES,
      "resources/ns/shop/core_v1_pods.json": JSON.stringify([pod("web", "10.9.0.7")], null, 2),
    };
    const bytes = gzipSync(createTar(Object.entries(wrong).map(([name, data]) => ({ name, data }))));
    const { code, out } = knet(["check", file(bytes, "dump.tar.gz")]);
    expect(code).toBe(1);
    expect(out).toMatch(/dump\.tar\.gz\/resources\/ns\/shop\/core_v1_pods\.json:\d+:\d+ error KN122/);
  });

  it("that is cut off has the objects before its end", () => {
    const [, bytes = new Uint8Array()] = ARCHIVES[0] ?? [];
    const { code, out } = knet(["check", file(bytes.slice(0, 512 * 11 + 100), "dump.tar")]);
    expect(code).toBe(0);
    expect(out).toMatch(/dump\.tar:1:1 warning KN806 {2}the source ends within an object/);
  });

  it("with an unreadable file in a folder has the others", () => {
    const folder = dirname(file(JSON.stringify([...NODES, ...PODS]), "pods.json"));
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "sub", "bad.yaml"), Uint8Array.of(0xff, 0xff, 0x20));
    const { code, out } = knet(["check", folder]);
    expect(code).toBe(1);
    expect(out).toContain("bad.yaml:1:1 error KN802  invalid source: not valid UTF-8");
  });
});

describe("several paths", () => {
  it("of manifests are one cluster", () => {
    const nodes = file(JSON.stringify(NODES), "nodes.json");
    const pods = file(JSON.stringify(PODS), "pods.json");
    const { code, out } = knet(["check", nodes, pods]);
    expect([code, out.includes("2 files: 0 errors")]).toEqual([0, true]);
  });
});

describe("a source that is not a manifest", () => {
  it.each([
    [
      "kustomization.yaml",
      "resources: [a.yaml]\n",
      "kustomization.yaml: Kustomization; use the output of `kustomize build`",
    ],
    ["a.yaml", "# nothing\n", "no Kubernetes object"],
    ["a.json", '{"Items": [{"Name": "x"}]}', "use a newer kubectl"],
    ["a.yaml", "kind: Pod\nmetadata:\n  name: {{ .x }}\n", "Helm template; use the output of `helm template`"],
    ["a.tar.gz", "no archive", "no Kubernetes object"],
    ["a.json", '{"kind": "Pod", "metadata": {', "the source ends within an object"],
  ])("%s: %j is refused in one line", (name, text, reason) => {
    for (const command of [["check"], ["import"]]) {
      const { code, err, out } = knet([...command, file(text, name)]);
      expect([code, out, err.trim().split("\n").length]).toEqual([2, "", 1]);
      expect(err).toContain(reason);
    }
  });
});

describe("secret values", () => {
  const text = `${JSON.stringify(SECRET, null, 2).slice(0, -2)},\n  "kind": "Secret"\n}\n`;
  const inputs: readonly (readonly [string, string])[] = [
    [
      "dump.json",
      JSON.stringify({ kind: "List", items: [...NODES, ...PODS, SECRET, { ...SECRET, metadata: {} }] }, null, 2),
    ],
    ["dump.json", JSON.stringify({ kind: "List", items: [...NODES, ...PODS, SECRET] }, null, 2).slice(0, -60)],
    ["dump.json", `${JSON.stringify(NODES[0], null, 2)}\n${text}`],
    [
      "dump.yaml",
      "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    note: unrequested-7\n    note: unrequested-7\n",
    ],
    [
      "dump.json",
      '{"kind": "Pod", "metadata": {"name": "a", "annotations": {"note": "unrequested-7", "note": "unrequested-7"}}}',
    ],
    [
      "dump.yaml",
      `${JSON.stringify(NODES[0])}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  password: hunter2\n  password: hunter2\n  on: off\n`,
    ],
    [
      "dump.yaml",
      "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    note: unrequested-7\n    note: unrequested-7\n",
    ],
    [
      "dump.json",
      '{"kind": "Pod", "metadata": {"name": "a", "annotations": {"note": "unrequested-7", "note": "unrequested-7"}}}',
    ],
    [
      "dump.yaml",
      `${JSON.stringify(NODES[0])}\n---\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2, x: [}\n`,
    ],
  ];
  it.each(inputs)("of %s %# are in no output", (name, content) => {
    const path = file(content, name);
    const commands = [
      ["check", path],
      ["check", path, "--format", "json"],
      ["check", path, "--format", "sarif"],
      ["check", path, "--format", "github"],
      ["import", path],
      ["matrix", path],
      ["routes", path, "n1"],
      ["rules", path, "n1"],
      ["trace", path, "shop/web", "shop/db"],
    ];
    for (const command of commands) {
      const { out, err } = knet(command);
      expect(`${out}${err}`, command.join(" ")).not.toMatch(/hunter2|aHVudGVyMg|unrequested-7/);
    }
  });
});

describe("a fix in a folder of manifests", () => {
  const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, ports: [{containerPort: 8080}]}]}
`;
  const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: wep} # a typo
  ports: [{port: 80, targetPort: 8080}]
`;
  const folder = (): string => {
    const root = dirname(file("", "unused.txt"));
    mkdirSync(join(root, "deploy"));
    writeFileSync(join(root, "deploy/web.yaml"), DEPLOYMENT);
    writeFileSync(join(root, "deploy/service.yaml"), SERVICE);
    return join(root, "deploy");
  };

  it("is an edit of one file, as in the editor", () => {
    const path = folder();
    const report = JSON.parse(knet(["check", path, "--format", "json"]).out) as Report;
    const found = report.files.flatMap(({ diagnostics }) => diagnostics.filter(({ code }) => code === "KN501"));
    expect(found.map(({ fixes }) => fixes)).toEqual([
      [
        {
          title: "Change to `app=web`",
          edits: [
            {
              file: join(path, "service.yaml"),
              range: { start: { line: 4, character: 18 }, end: { line: 4, character: 21 } },
              text: "web",
            },
          ],
        },
      ],
    ]);
    expect(knet(["check", path]).out).toContain("fix: Change to `app=web`");
    expect(knet(["check", path, "--no-fixes"]).out).not.toContain("fix:");
  });

  it("is the same in one file", () => {
    expect(knet(["check", file(`${DEPLOYMENT}---\n${SERVICE}`, "all.yaml")]).out).toContain("fix: Change to `app=web`");
  });
});
