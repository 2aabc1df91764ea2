import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { file, knet } from "./run.ts";

const folder = (): string => dirname(file("", "empty.txt"));

const WORKLOADS = `apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec: {template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, ports: [{containerPort: 5432}]}]}}}
`;
const POLICY = `{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "db", "namespace": "shop"},
 "spec": {"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "wbe"}}}]}]}}
`;

/** A folder with two manifests, one of them in a subfolder. */
function manifests(): string {
  const root = folder();
  mkdirSync(join(root, "policies"));
  writeFileSync(join(root, "workloads.yaml"), WORKLOADS);
  writeFileSync(join(root, "policies", "db.json"), POLICY);
  writeFileSync(join(root, "notes.txt"), "not a manifest");
  return root;
}

interface Connections {
  readonly connections: readonly {
    readonly from: { readonly path?: string };
    readonly to: { readonly path?: string };
  }[];
}
const pods = (out: string): readonly string[] =>
  (JSON.parse(out) as Connections).connections.flatMap(({ from, to }) =>
    from.path !== undefined && to.path !== undefined ? `${from.path} > ${to.path}` : [],
  );

describe("files of installers", () => {
  const KIND = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}, {role: worker}]\n";
  it("are topologies: a file, and standard input", () => {
    const imported = knet(["import", file(KIND, "kind.yaml")]);
    expect(imported.code).toBe(0);
    expect(imported.out).toContain("cni kindnet");
    expect(imported.out).toContain("node kind-worker { attach nodes }");
    expect(knet(["check", file(KIND, "kind.yaml")]).code).toBe(0);
    expect(knet(["routes", "-", "kind-worker"], KIND).out).toContain("10.244.0.0/24 via 172.18.0.2");
    expect(knet(["routes", "-", "node-1"], "cluster-cidr: 10.52.0.0/16\n").out).toContain(
      "10.52.1.0/24 via 10.52.1.0 dev flannel.1",
    );
  });
});

describe("Kubernetes manifests", () => {
  it("are a topology: a folder, a file, and standard input", () => {
    const root = manifests();
    const matrix = knet(["matrix", root, "--policy-only", "--format", "json"]);
    expect([matrix.code, pods(matrix.out)]).toEqual([0, ["shop/db > shop/web"]]);
    expect(matrix.err).toContain("no CNI plugin was found: `cni flannel` with VXLAN is used, and a policy engine");
    const open = knet(["trace", join(root, "workloads.yaml"), "shop/web", "shop/db", "--port", "5432"]);
    expect([open.code, open.out.split("\n")[0]]).toEqual([0, "shop/web -> shop/db:5432 (tcp)"]);
    expect(knet(["trace", root, "shop/web", "shop/db", "--port", "5432"]).code).toBe(1);
    expect(knet(["routes", "-", "node-1"], WORKLOADS).out).toContain("flannel.1");
  });

  it("have diagnostics in the manifest", () => {
    const root = manifests();
    writeFileSync(join(root, "all.yaml"), `${WORKLOADS}---\n${POLICY}`);
    const { code, out } = knet(["check", join(root, "all.yaml")]);
    expect(code).toBe(0);
    expect(out).toContain("all.yaml:16:80 warning KN604");
  });

  it("of a folder are checked as one cluster", () => {
    const root = manifests();
    const { code, out } = knet(["check", root]);
    expect(code).toBe(0);
    expect(out).toContain(`${join(root, "policies", "db.json")}:2:80 warning KN604`);
    expect(out).toContain("no node was found");
    expect(knet(["check", root, "--fail-on", "warning"]).code).toBe(1);
  });

  it("are imported with the same result", () => {
    const root = manifests();
    const output = join(root, "shop.knet");
    const { code, out, err } = knet(["import", root, "-o", output]);
    expect([code, out]).toEqual([0, ""]);
    expect(err).toContain("no node was found");
    expect(readFileSync(output, "utf8")).toContain("# no node was found");
    expect(knet(["fmt", "--check", output]).code).toBe(0);
    const args = ["--policy-only", "--format", "json"];
    expect(knet(["matrix", output, ...args]).out).toBe(knet(["matrix", root, ...args]).out);
  });

  it("that cannot be converted are named", () => {
    const root = folder();
    writeFileSync(
      join(root, "a.yaml"),
      `${WORKLOADS}---\n{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}\n`,
    );
    const { code, err } = knet(["import", root]);
    expect(code).toBe(1);
    expect(err).toContain("1 object of kind Widget not read");
    writeFileSync(join(root, "a.yaml"), "kind: [1\n");
    expect(knet(["import", root]).code).toBe(2);
    expect(knet(["check", join(root, "a.yaml")]).err).toContain("a.yaml:2:1: invalid source: Flow sequence");
    writeFileSync(join(root, "a.yaml"), "{{ if .Values.x }}\nkind: Pod\n{{ end }}\n");
    expect(knet(["check", join(root, "a.yaml")]).err).toContain("Helm template; use the output of `helm template`");
    expect(knet(["import", join(root, "none.yaml")]).code).toBe(2);
  });
});

describe("cloud networks", () => {
  const plan = "samples/plans/aws-peering.json";

  it("are checked, traced, and imported like `.knet` files", () => {
    const { code, out } = knet(["check", plan]);
    expect([code, out.split("\n").at(-2)]).toEqual([1, "1 file: 4 errors, 0 warnings, 1 info"]);
    expect(out).toContain(`${plan}:20:21 error KN701  expected \`10.0.16.1 -> 10.1.0.1\` to be reachable`);
    expect(out).toContain(
      `${plan}:27:237 error KN103  service CIDR 10.1.0.0/20 of cluster \`prod\` overlaps segment \`db\``,
    );
    expect(knet(["trace", plan, "prod/workers-1-1", "internet", "--port", "443"]).code).toBe(0);
    expect(knet(["trace", plan, "prod/workers-2-1", "internet", "--port", "443"]).code).toBe(1);
    const output = join(folder(), "network.knet");
    expect(knet(["import", plan, "-o", output]).code).toBe(0);
    expect(knet(["fmt", "--check", output]).code).toBe(0);
    expect(knet(["check", output]).out).toContain("1 file: 4 errors, 0 warnings");
  });

  it("can be UTF-16, a state, standard input, or in a folder with manifests", () => {
    const text = readFileSync(plan, "utf8");
    const root = folder();
    writeFileSync(join(root, "plan.json"), Buffer.from(`\ufeff${text}`, "utf16le"));
    expect(knet(["check", join(root, "plan.json")]).out).toContain("1 file: 4 errors");
    expect(knet(["routes", "-", "data"], text).out).toContain("10.1.0.0/24 dev eth0");
    const vpc = { type: "aws_vpc", name: "v", instances: [{ attributes: { id: "vpc-1", cidr_block: "10.0.0.0/16" } }] };
    const subnet = {
      type: "aws_subnet",
      name: "s",
      instances: [{ attributes: { vpc_id: "vpc-1", cidr_block: "10.0.1.0/24" } }],
    };
    writeFileSync(
      join(root, "terraform.tfstate"),
      JSON.stringify({ version: 4, terraform_version: "1.9.8", resources: [vpc, subnet] }),
    );
    expect(knet(["import", join(root, "terraform.tfstate")]).out).toContain("cidr 10.0.1.0/24");
    writeFileSync(join(root, "shop.yaml"), WORKLOADS);
    const all = knet(["import", root]).out;
    expect(all).toContain("nodes workers-1- 1..2");
    expect(all).toContain("deployment web");
  });
});
