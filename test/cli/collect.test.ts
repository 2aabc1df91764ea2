/** `knet collect`: the script runs with a kubectl, ssh, and node programs that are shell scripts. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { NODE_FILES, RESOURCES } from "../../server/src/frontends/kubernetes/collect/resources.ts";
import { file, knet } from "./run.ts";

/** Occurs in every place of the cluster and the nodes that can contain a secret. */
const SECRET = "hunter2";

const list = (...items: readonly object[]): string =>
  `${JSON.stringify({ apiVersion: "v1", items, kind: "List", metadata: { resourceVersion: "" } }, undefined, 4)}\n`;

const node = (name: string, index: number): object => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: {
    annotations: {
      "flannel.alpha.coreos.com/backend-type": "vxlan",
      "kubectl.kubernetes.io/last-applied-configuration": `{"password": "${SECRET}"}`,
      "vault.example.com/session": SECRET,
    },
    labels: { "kubernetes.io/os": "linux" },
    name,
  },
  spec: { podCIDR: `10.244.${index}.0/24`, podCIDRs: [`10.244.${index}.0/24`] },
  status: { addresses: [{ address: `192.168.10.1${index}`, type: "InternalIP" }] },
});

const pod = (name: string, container: object): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "kube-system", annotations: { note: SECRET } },
  spec: {
    containers: [{ image: "x", name, ports: [{ containerPort: 8080 }], ...container }],
    nodeName: "n1",
    volumes: [{ name: "v", secret: { secretName: "tls" } }],
  },
  status: { phase: "Running", podIP: "10.244.1.7", podIPs: [{ ip: "10.244.1.7" }] },
});

const configMap = (name: string, data: object): string =>
  `${JSON.stringify({ apiVersion: "v1", data, kind: "ConfigMap", metadata: { name, namespace: "kube-system" } }, undefined, 4)}\n`;

/** By resource: what the API server returns. Other resources do not exist, or are forbidden. */
const CLUSTER: Readonly<Record<string, string>> = {
  nodes: list(node("n1", 1), node("n2", 2)),
  namespaces: list({ apiVersion: "v1", kind: "Namespace", metadata: { name: "kube-system" } }),
  pods: list(
    pod("kube-apiserver", {
      command: ["kube-apiserver", "--service-cluster-ip-range=10.96.0.0/16", `--token-auth=${SECRET}`],
    }),
    pod("kube-flannel", { command: ["/opt/bin/flanneld"], args: ["--iface", "eth1", SECRET, "--ip-masq", SECRET] }),
    pod("app", {
      args: ["--password", SECRET, "--", SECRET],
      command: ["sh", "-c", `echo ${SECRET}`],
      env: [
        { name: "DB_PASSWORD", value: SECRET },
        { name: "POD_SUBNET", value: "10.244.0.0/16" },
        { name: "URL", value: `postgres://u:${SECRET}@db "quoted" \\ text` },
        { name: "FROM", valueFrom: { secretKeyRef: { key: "password", name: "db" } } },
      ],
    }),
  ),
  services: list({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "kubernetes", namespace: "default" },
    spec: { clusterIP: "10.96.0.1", ports: [{ port: 443 }] },
  }),
  "bgppeers.metallb.io": list({
    apiVersion: "metallb.io/v1beta2",
    kind: "BGPPeer",
    metadata: { name: "tor", namespace: "metallb-system" },
    spec: { password: SECRET, peerAddress: "192.168.10.1" },
  }),
  "gateways.gateway.networking.k8s.io": list({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name: "g", namespace: "default" },
    status: { addresses: [{ type: "IPAddress", value: "203.0.113.7" }] },
  }),
  "daemonsets.apps": list({
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { labels: { value: "label-1" }, name: "r", namespace: "default" },
    spec: {
      selector: { matchLabels: { "secret-access": "label-2" } },
      template: {
        metadata: { labels: { command: "label-3", "secret-access": "label-2", value: "label-4" } },
        spec: {
          containers: [{ env: [{ name: "X", value: SECRET }], image: "x", name: "c", password: SECRET }],
          nodeSelector: { "private-zone": "label-5" },
        },
      },
    },
  }),
  "networkpolicies.networking.k8s.io": list({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { annotations: { selector: SECRET }, labels: {}, name: "p", namespace: "default" },
    spec: {
      ingress: [{ from: [{ podSelector: { matchLabels: { token: "label-6" } } }] }],
      podSelector: {
        matchExpressions: [{ key: "secret-access", operator: "In", values: ["label-7", "label-8"] }],
        matchLabels: { "secret-access": "label-9" },
      },
      secretName: SECRET,
    },
  }),
  "kube-flannel-cfg": configMap("kube-flannel-cfg", {
    "net-conf.json": '{ "Network": "10.244.0.0/16", "Backend": { "Type": "vxlan" } }',
    token: SECRET,
  }),
  coredns: configMap("coredns", { Corefile: "cluster.local" }),
};

const KUBECTL = `#!/bin/sh
echo "$*" >>"$FAKE/calls"
case $1 in
  api-resources) printf 'bindings\\nforbidden.things\\nsecrets\\nconfigmaps\\nreplicasets.apps\\n'; cat "$FAKE/resources"; exit 0 ;;
  debug) echo "Creating debugging pod node-debugger-\${2#node/}-abcde with container debugger on node \${2#node/}."; exit 0 ;;
  wait | delete) exit 0 ;;
  exec) while [ "$1" != -- ]; do shift; done; shift; [ "$1" = chroot ] && shift 2; PATH=$FAKE/node:$PATH; export PATH; exec "$@" ;;
esac
case "$*" in
  *InternalIP*) echo "192.168.10.11 fd00::11" ;;
  "get nodes "*jsonpath*) printf 'n1\\nn2\\n' ;;
  "get configmaps "*) printf 'shop           app-config\\nkube-system    coredns\\nkube-flannel   kube-flannel-cfg\\n' ;;
  "get configmap "*) cat "$FAKE/$3" ;;
  *) cat "$FAKE/$2" 2>/dev/null || { echo "Error from server (Forbidden): $2 is forbidden" >&2; exit 1; } ;;
esac
`;

/** Programs of a node, as shell scripts: `ipset` fails, `nft` and `ipvsadm` do not exist. */
const NODE: Readonly<Record<string, string>> = {
  ip: `case "$*" in "xfrm policy") printf '#knet-begin ../../escape\\nx\\n#knet-end ../../escape 0\\n' ;; *) echo "[{\\"argv\\":\\"$*\\"}]" ;; esac`,
  bridge: "printf '[]'",
  "iptables-save": "printf '*nat\\n:PREROUTING ACCEPT [0:0]\\n\\nCOMMIT\\n'",
  "ip6tables-save": "printf '*nat\\r\\nCOMMIT\\r\\n'",
  ipset: "echo incomplete; exit 1",
  sysctl: `echo kernel.x = 1; echo net.ipv4.ip_forward = 1; echo net.ipv4.tcp_fastopen_key = ${SECRET}; echo "net.ipv4.conf.a/b.rp_filter = 2"; exit 1`,
  wg: `printf 'wg0\\t${SECRET}\\tPUB\\t51820\\toff\\nwg0\\tPEER\\t${SECRET}\\t192.168.10.12:51820\\t10.244.2.0/24\\t0\\t0\\t0\\toff\\n'`,
  ssh: `echo "ssh $*" >>"$FAKE/calls"; while [ $# -gt 1 ]; do shift; done; PATH=$FAKE/node:$PATH exec sh -c "$1"`,
  sudo: `shift; exec "$@"`,
  // Only these programs, not those of the machine that runs the test.
  sh: `sed 's/^PATH=.*//' | PATH=$FAKE/node:$FAKE/tools exec /bin/sh -s`,
};

interface Run {
  readonly code: number | null;
  readonly err: string;
  readonly out: string;
  readonly calls: string;
  text(path: string): string;
  names(path: string): readonly string[];
}

function program(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text.startsWith("#!") ? text : `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
}

function run(options: readonly string[], env: Readonly<Record<string, string>> = {}, shell = "sh"): Run {
  const script = file(knet(["collect", ...options]).out, "collect.sh");
  const fake = dirname(script);
  mkdirSync(join(fake, "bin"));
  mkdirSync(join(fake, "node"));
  program(join(fake, "bin"), "kubectl", KUBECTL);
  program(join(fake, "bin"), "ssh", NODE["ssh"] ?? "");
  mkdirSync(join(fake, "tools"));
  for (const name of ["awk", "grep"]) program(join(fake, "tools"), name, `PATH=/usr/bin:/bin exec ${name} "$@"`);
  for (const [name, text] of Object.entries(NODE)) program(join(fake, "node"), name, text);
  for (const [name, text] of Object.entries(CLUSTER)) writeFileSync(join(fake, name), text);
  writeFileSync(join(fake, "resources"), `${Object.keys(CLUSTER).join("\n")}\n`);
  const { status, stderr } = spawnSync(shell, [script, join(fake, "out")], {
    encoding: "utf8",
    env: { PATH: `${join(fake, "bin")}:/usr/bin:/bin`, FAKE: fake, ...env },
  });
  return {
    code: status,
    err: stderr.replaceAll(fake, "FAKE"),
    out: join(fake, "out"),
    calls: existsSync(join(fake, "calls")) ? readFileSync(join(fake, "calls"), "utf8") : "",
    text: (path) => readFileSync(join(fake, "out", path), "utf8"),
    names: (path) => readdirSync(join(fake, "out", path)).sort(),
  };
}

function allText(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
    .join("\n");
}

describe("knet collect", () => {
  it("prints a script that every POSIX shell can read", () => {
    for (const options of [[], ["--nodes"]]) {
      const script = file(knet(["collect", ...options]).out, "collect.sh");
      expect(spawnSync("sh", ["-n", script], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
      expect(readFileSync(script, "utf8")).toMatch(/^#!\/bin\/sh\n/);
    }
  });

  it("writes an executable file with -o", () => {
    const path = file("", "x.sh");
    const target = join(dirname(path), "collect.sh");
    expect(knet(["collect", "-o", target])).toMatchObject({ code: 0, out: "", err: "" });
    expect(
      spawnSync(target, [join(dirname(path), "out")], { env: { KUBECTL: "false", PATH: "/usr/bin:/bin" } }).status,
    ).toBe(2);
  });

  it("collects the kinds that the cluster has, and reports the others", () => {
    const done = run([]);
    expect(done.names(".")).toEqual(["cluster"]);
    expect(done.names("cluster")).toEqual([
      "bgppeers.metallb.io.json",
      "configmaps.json",
      "daemonsets.json",
      "gateways.gateway.networking.k8s.io.json",
      "namespaces.json",
      "networkpolicies.json",
      "nodes.json",
      "pods.json",
      "services.json",
    ]);
    for (const name of done.names("cluster")) expect(() => JSON.parse(done.text(`cluster/${name}`))).not.toThrow();
    // Listed by the API server, but not readable.
    expect(done.code).toBe(1);
    expect(done.err).toContain(
      "collect: replicasets.apps: Error from server (Forbidden): replicasets.apps is forbidden\n",
    );
    expect(done.err).toMatch(/^FAKE\/out\/cluster: 9 files; use them with: knet import FAKE\/out\/cluster$/m);
    expect(done.err).toMatch(/^not in this cluster: deployments .*ippools\.calico/m);
    expect(done.err).toMatch(/^not read: replicasets\.apps$/m);
  });

  it("reads nothing else: no Secrets, no other ConfigMaps, and writes nothing to the cluster", () => {
    const { calls } = run([]);
    expect(calls).not.toMatch(/secret|forbidden|app-config/i);
    for (const call of calls.trim().split("\n")) expect(call).toMatch(/^(get|api-resources) /);
  });

  it("keeps what knet reads, and nothing that could be a secret", () => {
    const done = run(["--nodes"]);
    expect(allText(done.out)).not.toContain(SECRET);
    const pods = done.text("cluster/pods.json");
    for (const kept of [
      '"--service-cluster-ip-range=10.96.0.0/16"',
      '"/opt/bin/flanneld"',
      '"--ip-masq"',
      '"--iface"',
      '"eth1"',
      '"value": "10.244.0.0/16"',
      '"podIP": "10.244.1.7"',
    ])
      expect(pods).toContain(kept);
    expect(done.text("cluster/nodes.json")).toContain('"flannel.alpha.coreos.com/backend-type": "vxlan"');
    expect(done.text("cluster/gateways.gateway.networking.k8s.io.json")).toContain('"value": "203.0.113.7"');
    expect(done.text("cluster/configmaps.json")).toContain("net-conf.json");
  });

  it("keeps labels and selectors, which decide the verdicts of policies", () => {
    const text = allText(join(run([]).out, "cluster"));
    expect(new Set(text.match(/"label-\d"/g))).toEqual(
      new Set(Array.from({ length: 9 }, (_, index) => `"label-${index + 1}"`)),
    );
    expect(text.match(/"secret-access": "label-\d"/g)).toHaveLength(3);
    expect(text).toContain('"password": "REDACTED"');
    expect(text).toContain('"secretName": "REDACTED"');
  });

  it("collects a cluster that knet imports with the same result as the original", () => {
    const done = run([]);
    const { out } = knet(["import", join(done.out, "cluster")]);
    expect(out).toMatch(/pods 10\.244\.0\.0\/16/);
    expect(out).toMatch(/services 10\.96\.0\.0\/16/);
    expect(out).toMatch(/attach nodes 192\.168\.10\.12/);
  });

  it.each([["debug"], ["ssh"]])("collects the state of nodes with %s", (by) => {
    const done = run(["--nodes"], { SHELL_BY: by });
    expect(done.names("nodes")).toEqual(["n1", "n2"]);
    const failed = ["ipset.txt", "ipvsadm.txt", "nft.txt", "xfrm-policy.txt"];
    const expected = NODE_FILES.map(([name]) => name).filter((name) => !failed.includes(name));
    expect(done.names("nodes/n1")).toEqual([...expected].sort());
    expect(done.text("nodes/n2/route6.json")).toBe('[{"argv":"-j -6 route show table all"}]\n');
    expect(done.text("nodes/n2/fdb.json")).toBe("[]\n");
    // Empty lines inside are kept; carriage returns and lines that look like markers are not.
    expect(done.text("nodes/n1/iptables-save.txt")).toBe("*nat\n:PREROUTING ACCEPT [0:0]\n\nCOMMIT\n");
    expect(done.text("nodes/n1/ip6tables-save.txt")).toBe("*nat\nCOMMIT\n");
    expect(existsSync(join(done.out, "escape"))).toBe(false);
    expect(done.text("nodes/n1/sysctl.txt")).toBe("net.ipv4.ip_forward = 1\nnet.ipv4.conf.a/b.rp_filter = 2\n");
    expect(done.text("nodes/n1/wg.txt")).toBe(
      "wg0\t(hidden)\tPUB\t51820\toff\nwg0\tPEER\t(hidden)\t192.168.10.12:51820\t10.244.2.0/24\t0\t0\t0\toff\n",
    );
    expect(done.err).toMatch(/^collect: node n1:.* ipset\.txt \(failed\)/m);
    expect(done.err).toMatch(/^collect: node n1:.* (?:nft|ipvsadm) \(missing\)/m);
    expect(done.err).not.toMatch(/iptables|wg\.txt/);
    expect(done.err).toMatch(/^FAKE\/out\/nodes: 24 files/m);
    if (by === "ssh") {
      expect(done.calls).toMatch(/^ssh -o BatchMode=yes 192\.168\.10\.11 /m);
      expect(done.calls).not.toMatch(/^(debug|exec|delete)/m);
    } else {
      expect(done.calls.match(/^debug node\/n\d .*--profile=sysadmin/gm)).toHaveLength(2);
      expect(done.calls.match(/^delete pod node-debugger-n\d-abcde --namespace kube-system/gm)).toHaveLength(2);
    }
  });

  it("names unknown nodes, and never leaves its folder", () => {
    const done = run(["--nodes"], { NODES: "../n9 n1" });
    expect(done.err).toContain("collect: ../n9: not the name of a node\n");
    expect(done.names("nodes")).toEqual(["n1"]);
  });

  it("stops if the folder is not empty or the cluster is not accessible", () => {
    expect(run([], { KUBECTL: "no-such-kubectl" })).toMatchObject({ code: 2 });
    expect(run([], { KUBECTL: "no-such-kubectl" }).err).toMatch(
      /^collect: the cluster is not accessible: .*no-such-kubectl/,
    );
    const script = file(knet(["collect"]).out, "collect.sh");
    expect(spawnSync("sh", [script, dirname(script)], { encoding: "utf8" }).stderr).toMatch(/exists and is not empty/);
  });

  it("writes each file once", () => {
    const files = [...RESOURCES.map(([name]) => name), "configmaps"];
    expect(new Set(files).size).toBe(files.length);
  });
});
