/** `knet diff`: files, manifests, standard input, and git revisions; text, Markdown, and exit codes. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Diff } from "../../server/src/service/diff/schema.ts";
import { program } from "./run.ts";

const OLD = `import "lan.knet"
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan }
  network-policy kube-router
  node n1 { attach a 192.168.10.11 }
  node n2 { attach b 192.168.20.12 }
  namespace shop {
    pod web on n1 { labels app=web; listen 80/tcp }
    pod db on n2 { labels app=db; listen 5432/tcp }
    pod db2 on n1 { labels app=db; listen 5432/tcp }
    policy db { select app=db; ingress from app=web to 5432 }
  }
}
`;
const LAN = `segment a { cidr 192.168.10.0/24; gateway tor }
segment b { cidr 192.168.20.0/24; gateway tor }
router tor { attach a 192.168.10.1; attach b 192.168.20.1 }
`;
const MANIFEST = `apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { app: web } }
spec: { containers: [{ name: c, ports: [{ containerPort: 80 }] }] }
---
apiVersion: v1
kind: Pod
metadata: { name: api, namespace: shop, labels: { app: api } }
spec: { containers: [{ name: c, ports: [{ containerPort: 9090 }] }] }
`;
const POLICY = `---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: api, namespace: shop }
spec: { podSelector: { matchLabels: { app: api } }, policyTypes: [Ingress] }
`;

/** A repository with one commit; the files on disk are newer. */
let folder = "";
const git = (...args: readonly string[]): void => {
  const { status, stderr } = spawnSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
};
const write = (name: string, text: string): void => {
  mkdirSync(join(folder, name, ".."), { recursive: true });
  writeFileSync(join(folder, name), text);
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "knet-diff-"));
  git("init", "-q");
  write("net/prod.knet", OLD);
  write("net/lan.knet", LAN);
  write("deploy/web.yaml", MANIFEST);
  git("add", "-A");
  git("commit", "-q", "-m", "first");
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

function diff(
  args: readonly string[],
  options: { readonly input?: string; readonly cwd?: string; readonly path?: string } = {},
) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "diff", ...args], {
    cwd: options.cwd ?? folder,
    encoding: "utf8",
    ...(options.input === undefined ? {} : { input: options.input }),
    env: { ...process.env, NO_COLOR: "1", ...(options.path === undefined ? {} : { PATH: options.path }) },
  });
  return { code: status, out: stdout, err: stderr };
}

describe("knet diff", () => {
  it("is empty and exits with 0 if nothing has changed", () => {
    const same = "no change of connections, routes, rules, or findings\n";
    expect(diff(["HEAD:net/prod.knet", "net/prod.knet"])).toEqual({ code: 0, out: same, err: "" });
    expect(diff(["HEAD:./prod.knet", "prod.knet"], { cwd: join(folder, "net") })).toEqual({
      code: 0,
      out: same,
      err: "",
    });
  });

  it("shows a firewall that drops the tunnel as closed connections between segments", () => {
    // Only the import differs, and the old text of an import comes from the revision of the file that imports it.
    write("net/lan.knet", LAN.replace("router tor {", "router tor {\n  deny udp port 8472\n "));
    const { code, out } = diff(["HEAD:net/prod.knet", "net/prod.knet"]);
    expect(code).toBe(1);
    expect(out).toContain("0 connections opened, 4 closed, 0 changed\n");
    expect(out).toContain("  - shop/web -> shop/db  5432/tcp, icmp (between nodes on different segments)\n");
    // The suggested commands show the packet before and after the change.
    const traces = [...out.matchAll(/^ {4}knet (trace .*)$/gm)].map(([, command = ""]) => command.split(" "));
    expect(traces.map((args) => run(args).code)).toEqual([0, 1]);
    write("net/lan.knet", LAN);
    expect(out).toMatch(/\n {2}\+ \S+lan\.knet:\d+:\d+ error KN/);
    expect(out).toContain("  router tor\n    # iptables-save\n");
    expect(out).toContain("    + -A FORWARD -p udp -m udp --dport 8472 -j DROP\n");
  });

  it("is independent of order, comments, and names", () => {
    const policy = "    policy db { select app=db; ingress from app=web to 5432 }\n";
    const moved = OLD.replace(policy, "").replace(
      "    pod web",
      `${policy.replace("policy db", "policy database")}    # first\n    pod web`,
    );
    expect(moved).not.toBe(OLD);
    write(
      "net/moved.knet",
      moved
        .replaceAll("web on n1", "front on n1")
        .replaceAll("node n2", "node second")
        .replaceAll("on n2", "on second"),
    );
    const { code, out } = diff(["net/prod.knet", "net/moved.knet", "--format", "json"]);
    expect(code).toBe(1);
    const result = JSON.parse(out) as Diff;
    expect(result.connections).toEqual({ added: [], removed: [], changed: [] });
    expect(result.endpoints).toEqual({
      added: [],
      removed: [],
      renamed: [{ before: "shop/web", after: "shop/front" }],
    });
    expect(result.routes).toMatchObject({
      added: [],
      removed: [],
      renamed: [{ before: "prod/n2", after: "prod/second" }],
    });
    expect(result.diagnostics).toEqual({ added: [], removed: [], changed: [] });
  });

  it("lists opened, closed, and changed connections in JSON", () => {
    write(
      "net/new.knet",
      OLD.replace("ingress from app=web to 5432", "ingress from any to 5432").replace("listen 80/tcp", "listen 81/tcp"),
    );
    const { code, out } = diff(["net/prod.knet", "net/new.knet", "--format", "json"]);
    expect(code).toBe(1);
    const { connections } = JSON.parse(out) as Diff;
    const names = (ends: Diff["connections"]["added"][number]["from"]): string =>
      ends.map((end) => ("path" in end ? end.path : end.range)).join("+");
    expect(
      connections.changed.map(
        ({ from, to, opened, closed }) => `${names(from)} > ${names(to)} ${JSON.stringify([opened, closed])}`,
      ),
    ).toContain('shop/db+shop/db2 > shop/web [[{"proto":"tcp","ports":"81"}],[{"proto":"tcp","ports":"80"}]]');
    expect(
      connections.added.some(
        ({ outside, basis, to }) => outside === "all" && basis === "policies" && names(to) === "shop/db+shop/db2",
      ),
    ).toBe(true);
  });

  it("reads standard input", () => {
    const flat = OLD.replace('import "lan.knet"', LAN);
    write("net/flat.knet", flat);
    expect(diff(["net/flat.knet", "-"], { input: flat })).toMatchObject({ code: 0, err: "" });
    expect(diff(["-", "-"], { input: flat })).toEqual({
      code: 2,
      out: "",
      err: "knet: only one of the two topologies can be `-`\n",
    });
  });

  it("compares a folder of manifests with the one in a revision", () => {
    write("deploy/policy.yaml", POLICY);
    const { code, out, err } = diff(["HEAD:deploy/", "deploy"]);
    rmSync(join(folder, "deploy/policy.yaml"));
    expect(code).toBe(1);
    expect(out).toContain("  - shop/web -> shop/api  9090/tcp, icmp\n");
    expect(out).toContain("  - all external addresses -> shop/api  all traffic (network policies only)\n");
    expect(err).toContain("2 nodes on segment `nodes`");
    expect(diff(["HEAD:deploy", "deploy"]).code).toBe(0);
  });

  it("writes Markdown of bounded length", () => {
    write("net/lan.knet", LAN.replace("router tor {", "router tor {\n  deny udp port 8472\n "));
    const { out } = diff(["HEAD:net/prod.knet", "net/prod.knet", "--format", "markdown"]);
    write("net/lan.knet", LAN);
    expect(out).toContain("### Network changes: `HEAD:net/prod.knet` → `net/prod.knet`\n");
    expect(out).toContain("| 🟢 closed | shop/web | shop/db | 5432/tcp, icmp | between nodes on different segments |");
    expect(out).toContain("<details><summary>router tor</summary>\n\n```diff\n# iptables-save\n");
    const many = Array.from({ length: 900 }, (_, n) => `    pod p${n} on n${1 + (n % 2)} { listen ${2000 + n}/tcp }`);
    write("net/many.knet", OLD.replace("    pod web", `${many.join("\n")}\n    pod web`));
    const long = diff(["net/prod.knet", "net/many.knet", "--format", "markdown"]).out;
    expect(long.length).toBeLessThan(65_536);
    expect(long).toContain("<details>");
    expect(long.match(/<details>/g)?.length).toBe(long.match(/<\/details>/g)?.length);
  });

  it("prefers a file whose name contains a colon", () => {
    write("HEAD:odd.knet", OLD.replace('import "lan.knet"', LAN));
    expect(diff(["HEAD:odd.knet", "HEAD:odd.knet"])).toMatchObject({ code: 0, err: "" });
  });

  it.each([
    ["nope:net/prod.knet", "nope:net/prod.knet: no such file, and `nope` is not a git revision"],
    ["--end:x.knet", undefined],
    ["HEAD:net/missing.knet", "HEAD:net/missing.knet: does not exist in this revision"],
    ["HEAD:../x.knet", "HEAD:../x.knet: the path is outside the repository"],
    ["HEAD:net", "HEAD:net: no Kubernetes object or cloud network found"],
    ["missing.knet", "missing.knet: cannot be read (ENOENT: no such file or directory)"],
  ])("reports %s in one line", (argument, message) => {
    const { code, out, err } = diff([argument, "net/prod.knet"]);
    expect([code, out]).toEqual([2, ""]);
    expect(err.split("\n").length).toBe(2);
    if (message !== undefined) expect(err).toBe(`knet: ${message}\n`);
  });

  it("reports a missing git, and a folder without repository", () => {
    expect(diff(["HEAD:net/prod.knet", "net/prod.knet"], { path: "" })).toEqual({
      code: 2,
      out: "",
      err: "knet: HEAD:net/prod.knet: no such file, and git is not installed\n",
    });
    const outside = mkdtempSync(join(tmpdir(), "knet-diff-"));
    const result = diff(["HEAD:a.knet", "a.knet"], { cwd: outside });
    rmSync(outside, { recursive: true });
    expect(result).toEqual({ code: 2, out: "", err: "knet: HEAD:a.knet: no such file, and not in a git repository\n" });
  });

  it("reports an import that the revision does not have", () => {
    write("net/only.knet", OLD.replace("lan.knet", "new-lan.knet"));
    write("net/new-lan.knet", LAN);
    git("add", "net/only.knet");
    git("commit", "-q", "-m", "without its import");
    const { code, out } = diff(["HEAD:net/only.knet", "net/only.knet"]);
    expect(code).toBe(1);
    expect(out).toMatch(/\n {2}- HEAD:net\/only\.knet:1:8 error KN015 /);
  });
});
