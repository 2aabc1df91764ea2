/** Objects of a dump that contradict each other: lists of endpoints and pods, two versions of an object. */
import { describe, expect, it } from "vitest";
import { messageOf } from "../../../server/src/checks/run.ts";
import { printDecls } from "../../../server/src/declared/print.ts";
import { manifestDocuments } from "../../../server/src/frontends/kubernetes/document.ts";

const read = (files: Readonly<Record<string, string>>) =>
  manifestDocuments(
    Object.keys(files)[0] ?? "",
    Object.entries(files).map(([file, text]) => ({ file, text })),
  );
/** KN804 with the text at its location, and the text at the related location. */
const disagreements = (files: Readonly<Record<string, string>>): readonly string[] =>
  read(files).problems.flatMap((one) => {
    if (one.code !== "KN804") return [];
    const { start, end } = one.span ?? { start: 0, end: 0 };
    const place = files[one.source.file]?.slice(start, end).split("\n")[0];
    return [`${messageOf(one)} @ ${one.source.file} «${place}» + ${one.related.map(({ message }) => message).join()}`];
  });
const printed = (text: string): string => printDecls(read({ "a.yaml": text }).documents[0].decls);

const pod = (name: string, last: number, more = "", status = "True"): string =>
  `{apiVersion: v1, kind: Pod, metadata: {name: ${name}, namespace: shop, labels: {app: web}${more}}, spec: {nodeName: n1, containers: [{name: c, ports: [{containerPort: 80}]}]}, status: {phase: Running, podIP: 10.244.1.${last}, conditions: [{type: Ready, status: "${status}"}]}}\n---\n`;
const NODE =
  "{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDR: 10.244.1.0/24}, status: {addresses: [{type: InternalIP, address: 192.168.10.11}]}}\n---\n";
const SERVICE =
  "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {clusterIP: 10.96.0.9, selector: {app: web}, ports: [{port: 80}]}}\n---\n";
const MANAGED = "endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io";
const slice = (endpoints: string, labels = `, ${MANAGED}`): string =>
  `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web${labels}}}, addressType: IPv4, ports: [{port: 80}], endpoints: [${endpoints}]}\n---\n`;
const endpoint = (last: number, conditions = "ready: true", more = ""): string =>
  `{addresses: [10.244.1.${last}], conditions: {${conditions}}${more}}`;

describe("the endpoints of a service with a selector", () => {
  it("agree with its pods", () => {
    const text =
      NODE + pod("a", 2) + pod("b", 3, "", "False") + SERVICE + slice(`${endpoint(2)}, ${endpoint(3, "ready: false")}`);
    expect(disagreements({ "a.yaml": text })).toEqual([]);
    expect(printed(text)).not.toContain("endpoint");
  });

  it("without a ready pod: kube-proxy does not forward to the pod", () => {
    const text = NODE + pod("a", 2) + pod("b", 3) + SERVICE + slice(`${endpoint(2)}, ${endpoint(3, "ready: false")}`);
    expect(disagreements({ "a.yaml": text })).toEqual([
      "EndpointSlice shop/web-x does not list ready pods that service `shop/web` selects (b): kube-proxy does not forward to them @ a.yaml «[{addresses: [10.244.1.2], conditions: {ready: true}}, {addresses: [10.244.1.3], conditions: {ready: false}}]» + pod b is ready",
    ]);
    expect(printed(text)).toMatch(/pod b on n1 \{[^}]*not-ready/);
    expect(printed(text)).not.toMatch(/pod a on n1 \{[^}]*not-ready/);
  });

  it("with an address that is not a ready pod: kube-proxy forwards to it", () => {
    const text = NODE + pod("a", 2) + pod("b", 3, "", "False") + SERVICE + slice(`${endpoint(2)}, ${endpoint(3)}`);
    expect(disagreements({ "a.yaml": text })).toEqual([
      "EndpointSlice shop/web-x lists addresses that are not ready pods of service `shop/web` (10.244.1.3): kube-proxy forwards to them @ a.yaml «{addresses: [10.244.1.3], conditions: {ready: true}}» + selector of the service",
    ]);
    expect(printed(text)).toContain("endpoint 10.244.1.3:80");
  });

  it("are the terminating pods if no pod is ready", () => {
    const ending = pod("a", 2, ", deletionTimestamp: 2026-01-01T00:00:00Z");
    const draining = endpoint(2, "ready: false, serving: true, terminating: true");
    expect(disagreements({ "a.yaml": NODE + ending + SERVICE + slice(draining) })).toEqual([]);
    expect(printed(NODE + ending + SERVICE + slice(draining))).toContain("endpoint 10.244.1.2:80");
    const both = `${draining}, ${endpoint(3)}`;
    expect(printed(NODE + ending + pod("b", 3) + SERVICE + slice(both))).not.toContain("endpoint");
  });

  it("include those of a list that the control plane does not manage", () => {
    const text = NODE + pod("a", 2) + SERVICE + slice("{addresses: [192.168.10.90]}", "");
    expect(disagreements({ "a.yaml": text })).toEqual([]);
    expect(printed(text)).toContain("endpoint 192.168.10.90:80");
  });

  it("can prefer the own zone or node, as their hints state", () => {
    const zone = (hint: string) => endpoint(2, "ready: true", `, zone: a, nodeName: n1, hints: {${hint}}`);
    const base = NODE + pod("a", 2) + SERVICE;
    expect(printed(base + slice(zone("forZones: [{name: a}]")))).toContain("traffic-distribution prefer-same-zone");
    expect(printed(base + slice(zone("forNodes: [{name: n1}]")))).toContain("traffic-distribution prefer-same-node");
    expect(printed(base + slice(zone("forZones: [{name: b}]")))).not.toContain("traffic-distribution");
  });

  it("of Endpoints objects count if there are no slices", () => {
    const list = `{apiVersion: v1, kind: Endpoints, metadata: {name: web, namespace: shop}, subsets: [{addresses: [{ip: 10.244.1.2}], notReadyAddresses: [{ip: 10.244.1.3}], ports: [{port: 80}]}]}\n---\n`;
    expect(disagreements({ "a.yaml": NODE + pod("a", 2) + pod("b", 3) + SERVICE + list })).toHaveLength(1);
    const truncated = list.replace(
      "namespace: shop",
      'namespace: shop, annotations: {"endpoints.kubernetes.io/over-capacity": truncated}',
    );
    expect(disagreements({ "a.yaml": NODE + pod("a", 2) + pod("b", 3) + SERVICE + truncated })).toEqual([]);
  });
});

describe("two versions of an object", () => {
  const policy = (port: number, more = "") =>
    `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop${more}}\nspec: {podSelector: {}, ingress: [{ports: [{port: ${port}}]}]}\n`;

  it("are reported; the last one is used", () => {
    expect(disagreements({ "a.yaml": policy(80), "b.yaml": policy(81) })).toEqual([
      "NetworkPolicy shop/p has two versions: the one in b.yaml is used, which is read last @ a.yaml «p» + this version is used",
    ]);
    expect(printDecls(read({ "a.yaml": policy(80), "b.yaml": policy(81) }).documents[0].decls)).toContain("81");
  });

  it("the one with the higher resourceVersion is used", () => {
    const files = { "a.yaml": policy(80, ', resourceVersion: "9"'), "b.yaml": policy(81, ', resourceVersion: "8"') };
    expect(disagreements(files)).toEqual([
      "NetworkPolicy shop/p has two versions: the one in a.yaml is used, whose resourceVersion is higher @ b.yaml «p» + this version is used",
    ]);
  });

  it("that are the same are one object", () => {
    const json = JSON.stringify({
      kind: "NetworkPolicy",
      spec: { ingress: [{ ports: [{ port: 80 }] }], podSelector: {} },
      metadata: { namespace: "shop", name: "p", resourceVersion: "12" },
      apiVersion: "networking.k8s.io/v1",
    });
    expect(disagreements({ "a.yaml": policy(80), "b.json": json })).toEqual([]);
  });

  it("are one finding per kind of two dumps", () => {
    const dump = (last: number) => NODE + pod("a", last) + pod("b", last + 1);
    expect(disagreements({ "a.yaml": dump(2), "b.yaml": dump(4) })).toHaveLength(1);
    expect(disagreements({ "a.yaml": dump(2), "b.yaml": dump(4) })[0]).toContain(
      "Pod shop/a and 1 other object have two versions",
    );
  });
});
