/** What a dump shows without saying it: ports that are not declared, nodes of pods, ranges of addresses. */
import { describe, expect, it } from "vitest";
import { messageOf } from "../../../server/src/checks/run.ts";
import { printDecls } from "../../../server/src/declared/print.ts";
import { manifestDocuments } from "../../../server/src/frontends/kubernetes/document.ts";
import { analyse } from "../../../server/src/service/analysis.ts";

const read = (text: string) => manifestDocuments("a.yaml", [{ file: "a.yaml", text }]);
const printed = (text: string): string => printDecls(read(text).documents[0].decls);
const notes = (text: string): readonly string[] => read(text).problems.map(messageOf);
function serious(text: string): readonly string[] {
  const { documents } = read(text);
  const found = analyse(documents[0].file, documents).findings(() => false) ?? [];
  return found.flatMap(({ severity, code, message }) =>
    severity === "error" || severity === "warning" ? [`${code} ${message}`] : [],
  );
}

const pod = (name: string, more: string, spec = "containers: [{name: c}]"): string => `apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: ${name}}${more.startsWith("meta:") ? `, ${more.slice(5)}` : ""}}
spec: {nodeName: n-a, ${spec}}
status: {phase: Running, hostIP: 192.168.49.2, podIP: 10.244.120.${name.length + 70}${more.startsWith("status:") ? `, ${more.slice(7)}` : ""}}
---
`;
const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.7, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, port: 53, protocol: UDP}]}
---
`;

describe("ports that no container declares", () => {
  it("are the target ports of the services that select the pod", () => {
    expect(printed(pod("web", "") + SERVICE)).toContain("listen 8080/tcp\n      listen 53/udp");
  });

  it("are the ports of probes, also next to declared ports", () => {
    const probed = "containers: [{name: c, ports: [{containerPort: 1}], readinessProbe: {httpGet: {port: 9}}}]";
    expect(printed(pod("web", "", probed) + SERVICE)).toMatch(/listen 1\/tcp[^8]*listen 9\/tcp/);
    expect(printed(pod("web", "", probed) + SERVICE)).not.toContain("8080/tcp\n      listen");
  });

  it("belong to a container without a name", () => {
    expect(printed(pod("web", "", "containers: [{ports: [{containerPort: 7}]}]"))).toContain(
      "container container-1 { listen 7/tcp }",
    );
  });
});

describe("a dump of pods alone", () => {
  const text = pod("web", "") + pod("back", "") + SERVICE;

  it("shows its nodes, and the ranges of their pods", () => {
    expect(printed(text)).toContain("node n-a { attach nodes 192.168.49.2; pod-cidr 10.244.120.0/24 }");
    expect(notes(text)).toContain("no Node object was found: 1 node from the nodeName and hostIP of the pods");
    expect(serious(text)).toEqual([]);
  });

  it("keeps pods that have a node, but no endpoints: terminating, unreachable, and without an address", () => {
    for (const more of [
      'meta:deletionTimestamp: "2026-01-01T00:00:00Z"',
      'status:conditions: [{type: Ready, status: "Unknown"}]',
    ])
      expect(printed(pod("web", more))).toContain("not-ready");
    expect(
      printed(
        pod("web", "")
          .replace("phase: Running", "phase: Pending")
          .replace(/, podIP: [\d.]+/, ""),
      ),
    ).toContain("not-ready");
  });

  it("keeps pods with the same uid and different names", () => {
    expect(printed(pod("web", "meta:uid: u") + pod("api", "meta:uid: u"))).toMatch(/pod web[\s\S]*pod api/);
  });
});

describe("ranges without evidence", () => {
  const node = (address: string, range: string): string =>
    `apiVersion: v1\nkind: Node\nmetadata: {name: n1, annotations: {flannel.alpha.coreos.com/backend-type: vxlan}}\nspec: {podCIDR: ${range}}\nstatus: {addresses: [{type: InternalIP, address: ${address}}]}\n---\n`;

  it("contain no address of a node", () => {
    expect(printed(node("10.42.200.5", "10.42.3.0/24"))).toContain("pods 10.42.3.0/24");
    expect(serious(node("10.42.200.5", "10.42.3.0/24"))).toEqual([]);
    expect(serious(node("10.100.0.11", "10.244.0.0/24"))).toEqual([]);
    expect(serious(node("192.168.0.11", "10.96.3.0/24"))).toEqual([]);
  });

  it("include the IPv6 ClusterIPs", () => {
    const text = `${node("192.168.0.11", "10.244.0.0/24")}${SERVICE.replace("clusterIP: 10.96.0.7", 'clusterIP: "fd00:10:96::a"')}`;
    expect(printed(text)).toContain("services fd00:10:96::/112");
    expect(serious(text).filter((one) => one.startsWith("KN190"))).toEqual([]);
  });

  it("are one pod CIDR for several Calico pools", () => {
    const pool = (name: string, cidr: string): string =>
      `apiVersion: crd.projectcalico.org/v1\nkind: IPPool\nmetadata: {name: ${name}}\nspec: {cidr: ${cidr}, vxlanMode: Always}\n---\n`;
    const text = node("192.168.0.11", "10.244.0.0/24") + pool("a", "10.244.0.0/16") + pool("b", "10.250.0.0/16");
    expect(serious(text).filter((one) => one.startsWith("KN143"))).toEqual([]);
    expect(printed(text)).toContain("pool b 10.250.0.0/16");
  });
});

describe("load balancers", () => {
  it("with ipMode Proxy receive their packets", () => {
    const status = (mode: string): string =>
      `${SERVICE.replace("spec: {", "spec: {type: LoadBalancer, ").replace("---\n", "")}status: {loadBalancer: {ingress: [{ip: 5.6.7.8, ipMode: ${mode}}]}}\n`;
    expect(printed(status("VIP"))).toContain("load-balancer-ip 5.6.7.8");
    expect(printed(status("Proxy"))).not.toContain("5.6.7.8");
  });
});
