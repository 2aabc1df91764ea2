/** The pods of a dump as the workload that created them: matrix, names, findings, comparison, export. */
import { describe, expect, it } from "vitest";
import { printDecls } from "../../../server/src/declared/print.ts";
import { manifestDocuments } from "../../../server/src/frontends/kubernetes/document.ts";
import { policyMatrix } from "../../../server/src/kubernetes/matrix/matrix.ts";
import type { Analysis } from "../../../server/src/service/analysis.ts";
import { analyse } from "../../../server/src/service/analysis.ts";
import { compare, isSame } from "../../../server/src/service/diff/diff.ts";
import { importedText } from "../../../server/src/service/importing.ts";
import { reachMatrix } from "../../../server/src/service/matrix.ts";
import { read, textOf } from "../export/support.ts";

interface PodOptions {
  readonly node?: number;
  readonly owner?: readonly [kind: string, name: string] | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  readonly port?: number;
  readonly isReady?: boolean;
  readonly more?: object;
}

const NODES = [1, 2].map((n) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: `n${n}` },
  spec: { podCIDR: `10.244.${n}.0/24` },
  status: { addresses: [{ type: "InternalIP", address: `192.168.10.1${n}` }] },
}));
const FLANNEL = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "kube-flannel-cfg", namespace: "kube-flannel" },
  data: { "net-conf.json": '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}' },
};
const pod = (
  name: string,
  last: number,
  { node = 1, owner, labels = {}, port = 80, isReady = true, more = {} }: PodOptions,
) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    namespace: "shop",
    labels: { app: name.split("-")[0], ...labels },
    ...(owner ? { ownerReferences: [{ kind: owner[0], name: owner[1], controller: true }] } : {}),
  },
  spec: { nodeName: `n${node}`, containers: [{ name: "c", ports: [{ containerPort: port }] }], ...more },
  status: {
    phase: "Running",
    podIP: `10.244.${node}.${last}`,
    conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
  },
});
const owned = (kind: string, name: string, owner: readonly [string, string]) => ({
  apiVersion: kind === "Job" ? "batch/v1" : "apps/v1",
  kind,
  metadata: { name, namespace: "shop", ownerReferences: [{ kind: owner[0], name: owner[1], controller: true }] },
  status: { replicas: 2 },
});
const service = (name: string, targetPort: number | string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "shop" },
  spec: { clusterIP: "10.96.0.10", selector: { app: name }, ports: [{ port: 80, targetPort }] },
});

const text = (...items: readonly object[]): string =>
  JSON.stringify({ apiVersion: "v1", kind: "List", items: [FLANNEL, ...NODES, ...items] });
const documents = (dump: string) => manifestDocuments("a.json", [{ file: "a.json", text: dump }]);
const analysed = (dump: string): Analysis => analyse("a.json", documents(dump).documents);
const ends = ({ topology, network }: Analysis, kind: "policy" | "reach", byPod = false): readonly string[] => {
  const question = { from: undefined, to: undefined, byPod };
  const answer = kind === "policy" ? policyMatrix(topology, question) : reachMatrix(topology, network, question);
  if (!answer.ok) throw new Error(answer.error);
  return answer.ends.from.map((end) => ("path" in end ? `${end.kind} ${end.path}` : end.range));
};
const findings = (dump: string, code: string): readonly string[] =>
  (analysed(dump).findings(() => false) ?? []).flatMap((one) => (one.code === code ? [one.message] : []));

const REPLICA_SET = ["ReplicaSet", "web-5d8f"] as const;
const HASH = { "pod-template-hash": "5d8f" };
const EVERY = [
  owned("ReplicaSet", "web-5d8f", ["Deployment", "web"]),
  pod("web-5d8f-a", 2, { owner: REPLICA_SET }),
  pod("web-5d8f-b", 2, { owner: REPLICA_SET, node: 2 }),
  owned("Job", "report-28", ["CronJob", "report"]),
  pod("report-28-x", 3, { owner: ["Job", "report-28"] }),
  pod("db-0", 4, { owner: ["StatefulSet", "db"] }),
  pod("db-1", 4, { owner: ["StatefulSet", "db"], node: 2 }),
  pod("agent-q", 5, { owner: ["DaemonSet", "agent"] }),
  pod("api-77-z", 6, { owner: ["ReplicaSet", "api-77"], labels: { "pod-template-hash": "77" } }),
  pod("alone", 7, {}),
  pod("etcd-n1", 8, { owner: ["Node", "n1"] }),
];

describe("the pods of a dump", () => {
  it.each(["policy", "reach"] as const)("are rows of the matrix by their workload: %s", (kind) => {
    const analysis = analysed(text(...EVERY));
    expect(ends(analysis, kind)).toEqual([
      "Deployment shop/web",
      "Deployment shop/report",
      "StatefulSet shop/db",
      "DaemonSet shop/agent",
      "Deployment shop/api",
      "Pod shop/alone",
      "Pod shop/etcd-n1",
    ]);
    expect(ends(analysis, kind, true)).toContain("Pod shop/web-5d8f-b");
  });

  it("listen on the ports of their revision", () => {
    const analysis = analysed(
      text(
        pod("client", 2, {}),
        pod("web-5d8f-a", 3, { owner: REPLICA_SET, labels: HASH, port: 8080 }),
        pod("web-6c-a", 4, {
          owner: ["ReplicaSet", "web-6c"],
          labels: { "pod-template-hash": "6c" },
          port: 9090,
          node: 2,
        }),
      ),
    );
    const answer = reachMatrix(analysis.topology, analysis.network, {
      from: "shop/client",
      to: "deployment/shop/web",
      byPod: false,
    });
    if (!answer.ok) throw new Error(answer.error);
    expect([...answer.pairs].map(({ ports }) => ports.tcp)).toEqual([
      [
        { first: 8080, last: 8080 },
        { first: 9090, last: 9090 },
      ],
    ]);
  });

  it("keep their names, nodes, and addresses", () => {
    const printed = printDecls(documents(text(...EVERY)).documents[0].decls);
    expect(printed).toMatch(/pod web-5d8f-b on n2 \{\s+owner deployment web\s+labels app=web\s+address 10\.244\.2\.2/);
    expect(printed).toMatch(/pod db-1 on n2 \{\s+owner statefulset db/);
    expect(printed).toMatch(/pod etcd-n1 on n1 \{\s+labels/);
  });

  it("are endpoints under the name of their workload", () => {
    const { topology } = analysed(text(...EVERY));
    const pathOf = (name: string): string => {
      const found = topology.resolve(name);
      return found.ok ? found.endpoint.path : `${found.error}: ${found.candidates.join()}`;
    };
    expect(pathOf("shop/web")).toBe("cluster/shop/web-5d8f-a");
    expect(pathOf("statefulset/shop/db")).toBe("cluster/shop/db-0");
    expect(pathOf("report")).toBe("cluster/shop/report-28-x");
    expect(pathOf("shop/web-5d8f-b")).toBe("cluster/shop/web-5d8f-b");
    expect(pathOf("daemonset/shop/web")).toContain("unknown");
    expect(pathOf("shop/wep")).toContain("cluster/shop/web");
  });

  it("have one finding per workload", () => {
    const pods = ["a", "b", "c"].map((name, index) =>
      pod(`web-5d8f-${name}`, 2 + index, { owner: REPLICA_SET, labels: HASH, isReady: false }),
    );
    expect(findings(text(...pods, service("web", 80)), "KN511")).toEqual([
      "no pod of service `web` is ready (deployment `web`): the service has no endpoints",
    ]);
    expect(findings(text(...pods, service("web", 8080)), "KN502")).toEqual([
      "port 80 of service `web` targets 8080/tcp, but deployment `web` listens on 80/tcp",
    ]);
    const outside = pods.map((one) => ({ ...one, spec: { ...one.spec, nodeName: "n2" } }));
    expect(findings(text(...outside), "KN122")).toEqual([
      "address 10.244.1.2 of pod `cluster/shop/web-5d8f-a` is outside the pod CIDR 10.244.2.0/24 of node `cluster/n2`: the pod is unreachable (and 2 other pods of its workload)",
    ]);
  });

  it("are the same endpoint after a rollout", () => {
    const before = analysed(
      text(...["a", "b"].map((name, n) => pod(`web-5d8f-${name}`, 2 + n, { owner: REPLICA_SET, labels: HASH }))),
    );
    const next = { owner: ["ReplicaSet", "web-6c"] as const, labels: { "pod-template-hash": "6c" } };
    const after = analysed(text(...["q", "r"].map((name, n) => pod(`web-6c-${name}`, 8 + n, next))));
    const side = (analysis: Analysis) => ({ name: "a", analysis, locate: () => undefined });
    expect(isSame(compare(side(before), side(after)))).toBe(true);
    const opened = analysed(text(...["q", "r"].map((name, n) => pod(`web-6c-${name}`, 8 + n, { ...next, port: 81 }))));
    const { added, removed } = compare(side(before), side(opened)).connections;
    expect(removed).toEqual([]);
    expect(added).toEqual([]);
    expect(compare(side(before), side(opened)).connections.changed).toMatchObject([
      { from: [{ path: "shop/web", kind: "Deployment" }], to: [{ path: "shop/web", kind: "Deployment" }] },
    ]);
  });
});

describe("an owner", () => {
  const DESIGN = (pods: string): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
router gateway { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  namespace shop {
${pods}
  }
}
`;
  const pods = `    statefulset db replicas 2 { labels app=db; listen 80/tcp }
    pod db-1 on n2 {
      owner statefulset db
      labels app=db
      address 10.244.1.77
      listen 81/tcp
    }
    policy p { select *; ingress from cidr 10.244.1.77/32 }`;

  it("joins the pods of a statement, whose numbers it takes", () => {
    const { topology, network } = read(DESIGN(pods));
    const answer = reachMatrix(topology, network, { from: undefined, to: undefined, byPod: true });
    if (!answer.ok) throw new Error(answer.error);
    expect(answer.ends.from.map((end) => ("path" in end ? end.path : ""))).toEqual([
      "shop/db-0",
      "shop/db-2",
      "shop/db-1",
    ]);
    const pathOf = (name: string) => {
      const found = topology.resolve(name);
      return found.ok && found.endpoint.kind === "pod" ? found.endpoint.pod.workload.kind : undefined;
    };
    expect([pathOf("shop/db-0"), pathOf("shop/db-1"), pathOf("shop/db-2"), pathOf("shop/db-3")]).toEqual([
      "statefulset",
      "pod",
      "statefulset",
      undefined,
    ]);
  });

  it("is the same after an export and an import", () => {
    const source = read(DESIGN(pods));
    const exported = documents(textOf(source, "kubernetes"));
    const again = read(importedText(exported, ["a.json"]));
    for (const kind of ["policy", "reach"] as const) expect(ends(again, kind)).toEqual(ends(source, kind));
    expect(importedText(documents(textOf(again, "kubernetes")), ["a.json"])).toBe(importedText(exported, ["a.json"]));
  });
});
