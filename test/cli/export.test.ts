import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { file, knet } from "./run.ts";

const folder = (): string => dirname(file("", "empty.txt"));

describe("knet export", () => {
  it("writes one file to standard output, and what it cannot express to standard error", () => {
    const { code, out, err } = knet(["export", "samples/flannel-vxlan.knet", "--to", "net-conf"]);
    expect([code, JSON.parse(out)]).toEqual([0, { Network: "10.244.0.0/16", Backend: { Type: "vxlan" } }]);
    expect(err).toBe("");
    const objects = knet(["export", "samples/flannel-vxlan.knet", "--to", "kubernetes"]);
    expect([objects.code, objects.out.split("\n")[0]]).toEqual([0, "apiVersion: v1"]);
    expect(objects.err).toContain("knet: router core: cannot be expressed in Kubernetes objects\n");
  });

  it("writes several files only to a directory", () => {
    const { code, out, err } = knet(["export", "samples/flannel-vxlan.knet", "--to", "ip"]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^knet: samples\/flannel-vxlan\.knet: 4 files \(.*\); use -o DIR\n$/);
    const target = join(folder(), "new", "scripts");
    expect(knet(["export", "samples/flannel-vxlan.knet", "--to", "ip", "-o", target]).code).toBe(0);
    expect(readdirSync(target)).toContain("prod-node1.sh");
    const flannel = join(folder(), "flannel");
    expect(knet(["export", "samples/flannel-vxlan.knet", "--to", "net-conf", "-o", flannel]).out).toBe("");
    expect(readdirSync(flannel)).toEqual(["kube-flannel-cfg.yaml", "net-conf.json"]);
  });

  it("rejects formats that do not exist, files without the subject of the format, and unusable directories", () => {
    expect(knet(["export", "samples/k1.knet"]).code).toBe(2);
    expect(knet(["export", "samples/k1.knet", "--to", "cloudformation"]).code).toBe(2);
    const { code, err } = knet(["export", "samples/kindnet.knet", "--to", "calico"]);
    expect([code, err]).toEqual([2, "knet: samples/kindnet.knet: no cluster has `cni calico`\n"]);
    const target = file("", "taken");
    expect(knet(["export", "samples/k1.knet", "--to", "svg", "-o", target]).err).toContain(
      `${target}: cannot be written`,
    );
  });

  it("names files with errors", () => {
    const broken = file("cluster c { pods 10.0.0.0/33; namespace x { pod p } }\n");
    const { code, err } = knet(["export", broken, "--to", "kubernetes"]);
    expect(code).toBe(0);
    expect(err).toContain(`${broken}: 1 error; statements with errors are not exported`);
  });

  it("is read back by import, with the same text again", () => {
    const root = folder();
    mkdirSync(join(root, "a"));
    const round = (source: string, name: string): string => {
      const yaml = join(root, "a", "cluster.yaml");
      expect(knet(["export", source, "--to", "kubernetes", "-o", join(root, "a")]).code).toBe(0);
      const output = join(root, name);
      const from = source.endsWith("services.knet") ? join(root, "a", "prod.yaml") : yaml;
      expect(knet(["import", from, "-o", output]).code).toBe(0);
      return readFileSync(output, "utf8").replace(/^#.*\n/gm, "");
    };
    const first = round("samples/services.knet", "first.knet");
    expect(first).toContain("deployment");
    expect(round(join(root, "first.knet"), "second.knet")).toBe(first);
  });

  it("is read back next to a cloud network, whose clusters stay as they are", () => {
    const root = folder();
    expect(knet(["export", "samples/policy.knet", "--to", "kubernetes", "-o", root]).code).toBe(0);
    const sources = ["samples/plans/aws-peering.json", join(root, "prod.yaml")];
    const { out } = knet(["import", ...sources]);
    expect(out.match(/^cluster .*$/gm)).toHaveLength(2);
    expect(out).toContain("  nodes n 1..2 { attach ");
    expect(out).toContain("deployment web replicas 2 {");
    const cloud = knet(["import", "samples/plans/aws-peering.json"]).out;
    for (const line of cloud.match(/^(?:segment|router|cluster) .*$/gm) ?? []) expect(out).toContain(line);
  });
});
