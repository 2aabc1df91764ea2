import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { file, knet } from "./run.ts";

const SAMPLE = "samples/flannel-vxlan.knet";

describe("knet lab", () => {
  const script = knet(["lab", SAMPLE]).out;

  it("prints a valid bash script", () => {
    expect(script).toMatch(/^#!\/usr\/bin\/env bash\n# The topology of samples\/flannel-vxlan\.knet /);
    const checked = spawnSync("bash", ["-n"], { input: script, encoding: "utf8" });
    expect(checked.stderr).toBe("");
    expect(checked.status).toBe(0);
  });

  it("lists its network namespaces without building them", () => {
    const names = spawnSync("bash", ["-s", "names"], { input: script, encoding: "utf8" });
    expect(names.stdout.split("\n").map((line) => line.split(/ +/))).toContainEqual([
      "prod/shop/web",
      "knet-flannel-vxlan.prod.shop.web",
    ]);
  });

  it("builds the network state of a node", () => {
    const lines = script.split("\n");
    expect(lines).toContain("route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink");
    expect(lines).toContain(
      "link add name flannel.1 type vxlan id 1 dev eth0 local 192.168.10.11 dstport 8472 nolearning",
    );
    expect(lines).toContain("neigh replace 10.244.2.0 lladdr 0e:3e:08:99:12:48 dev flannel.1 nud permanent");
    expect(lines).toContain("fdb append 0e:3e:08:99:12:48 dev flannel.1 dst 192.168.10.12 self permanent");
    expect(lines).toContain("ipv4/ip_forward 1");
    expect(lines).toContain('-A FLANNEL-FWD -s 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT');
  });

  it("writes an executable file", () => {
    const path = join(dirname(file("")), "lab.sh");
    expect(knet(["lab", SAMPLE, "-o", path])).toMatchObject({ code: 0, out: "" });
    expect(readFileSync(path, "utf8")).toBe(script);
    expect(statSync(path).mode & 0o111).not.toBe(0);
    const usage = spawnSync("bash", [path], { encoding: "utf8" });
    expect(usage.status).toBe(2);
    expect(usage.stderr).toContain("up | names | exec WHERE COMMAND");
  });

  it("writes to standard output for `-`, and creates no file", () => {
    const folder = dirname(file(""));
    const program = join(import.meta.dirname, "../../dist/knet.cjs");
    const sample = join(import.meta.dirname, "../..", SAMPLE);
    const made = spawnSync(process.execPath, [program, "lab", sample, "-o", "-"], { cwd: folder, encoding: "utf8" });
    expect(made.stdout.replaceAll(sample, SAMPLE)).toBe(script);
    expect(readdirSync(folder)).toEqual(["test.knet"]);
  });

  it("names the lab after the file or with --name", () => {
    expect(script).toContain("\nLAB=knet-flannel-vxlan\n");
    expect(knet(["lab", SAMPLE, "--name", "mine"]).out).toContain("\nLAB=mine\n");
    expect(knet(["lab", SAMPLE, "--name", "../x"])).toMatchObject({ code: 2, out: "" });
  });

  it("does not pass file names to the shell unescaped", () => {
    const path = file("segment s { cidr 10.0.0.0/24 }\nhost h { attach s }\n", "x'$(touch evil)\n.knet");
    const made = knet(["lab", path]).out;
    expect(spawnSync("bash", ["-s", "names"], { input: made, encoding: "utf8", cwd: dirname(path) }).status).toBe(0);
    expect(() => statSync(join(dirname(path), "evil"))).toThrow();
  });

  const large =
    "segment s { cidr 10.0.0.0/16 }\ncluster c {\n  pods 10.64.0.0/11 per-node /24\n  cni bridge\n  nodes w 1..2000 { attach s }\n  deployment d replicas 9000\n}\n";

  it("rejects very large labs and suggests limits", () => {
    expect(knet(["lab", file(large)])).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(/11,000 network namespaces; limit it, for example with --nodes 10 --pods 3/),
    });
    const some = knet(["lab", file(large), "--nodes", "2", "--pods", "1"]);
    expect(some.code).toBe(0);
    expect(some.out.match(/^ {2}new knet-/gm)).toHaveLength(5);
  });

  it("requires a file with at least one machine", () => {
    // As in the help: the usage is correct, and the lab cannot be built.
    expect(knet(["lab", file("segment s { cidr 10.0.0.0/24 }\n")])).toMatchObject({
      code: 1,
      err: expect.stringContaining("nothing to build"),
    });
    expect(knet(["lab", "no-such.knet"])).toMatchObject({ code: 2 });
    expect(knet(["lab", SAMPLE, "--probes", "many"])).toMatchObject({ code: 2 });
  });
});
