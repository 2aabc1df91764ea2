/** Manifests of applications, as projects publish them: only a part of the cluster, without nodes and without pods of operators. */
import { describe, expect, it } from "vitest";
import { checkManifests, shown } from "../checks/harness.ts";

/** Without KN803, which lists the assumed values. */
const findings = (text: string): readonly string[] =>
  checkManifests(text)
    .filter(({ code }) => code !== "KN803")
    .map(shown);
const short = (text: string): readonly string[] => findings(text).map((one) => one.replace(/ line.*/, ""));

const workload = (kind: string, name: string, replicas: number, container: string): string => `
apiVersion: apps/v1
kind: ${kind}
metadata: {name: ${name}, namespace: shop}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [${container}]}
---`;
const service = (name: string, selector: string): string => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {selector: ${selector}, ports: [{port: 9092}]}
---`;

describe("a service for one pod of a StatefulSet", () => {
  const kafka = workload("StatefulSet", "kafka", 3, "{name: c, image: x, ports: [{containerPort: 9092}]}");
  it("is selected by the labels that the controller adds", () => {
    expect(
      findings(
        kafka +
          service("kafka-1", "{app: kafka, statefulset.kubernetes.io/pod-name: kafka-1}") +
          service("first", "{app: kafka, apps.kubernetes.io/pod-index: '0'}") +
          service("last", "{statefulset.kubernetes.io/pod-name: kafka-2}"),
      ),
    ).toEqual([]);
  });
  it("has no endpoints if no pod has this name", () => {
    for (const name of ["kafka-3", "kafka", "kafka-x", "other-0"]) {
      const text = kafka + service("s", `{app: kafka, statefulset.kubernetes.io/pod-name: ${name}}`);
      expect(short(text)).toEqual(["KN501 warning"]);
    }
  });
});

describe("assumed nodes", () => {
  const web = (replicas: number, port = ""): string =>
    workload("Deployment", "web", replicas, `{name: c, image: x, ports: [{containerPort: 80${port}}]}`);
  it("are enough for the declared pods", () => {
    expect(findings(web(600))).toEqual([]);
    expect(checkManifests(web(600)).map(({ finding }) => finding.message)).toContain(
      "no node was found: 6 nodes on segment `nodes` (198.18.0.0/24) are used",
    );
  });
  it("do not limit the pods with a host port", () => {
    expect(findings(web(4, ", hostPort: 80"))).toEqual([]);
  });
});

describe("objects of an operator", () => {
  const prometheus = `
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: k8s, namespace: shop}
---`;
  const grafana = workload("Deployment", "grafana", 1, "{name: c, image: x, ports: [{containerPort: 3000}]}");
  const policy = (pods: string, peer: string): string => `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {matchLabels: ${pods}}
  ingress: [{from: [{podSelector: {matchLabels: ${peer}}}]}]
---`;
  it("can have pods that no selector of the file shows", () => {
    const text = grafana + policy("{app: grafana}", "{app: prometheus}") + service("prometheus", "{app: prometheus}");
    expect(short(text)).toEqual(["KN501 warning", "KN604 warning"]);
    expect(short(prometheus + text)).toEqual(["KN801 info", "KN501 info", "KN604 info"]);
    expect(short(prometheus + grafana + policy("{app: prometheus}", "{app: grafana}"))).toEqual([
      "KN801 info",
      "KN603 info",
    ]);
  });
  it("do not hide typos", () => {
    const text = grafana + policy("{app: grafana}", "{app: grafanaa}") + service("grafana", "{app: gafana}");
    expect(short(prometheus + text)).toEqual(["KN801 info", "KN501 warning", "KN604 warning"]);
  });
});

it.each([
  ["CiliumNetworkPolicy", "warning"],
  ["AuthorizationPolicy", "warning"],
  ["PodSecurityPolicy", "info"],
  ["ValidatingAdmissionPolicy", "info"],
])("an unread %s is a finding of severity %s (KN801)", (kind, severity) => {
  expect(short(`apiVersion: example.com/v1\nkind: ${kind}\nmetadata: {name: a, namespace: x}\n`)).toEqual([
    `KN801 ${severity}`,
  ]);
});
