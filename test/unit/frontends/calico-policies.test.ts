import { describe, expect, it } from "vitest";
import { messageOf } from "../../../server/src/checks/run.ts";
import { printRules } from "../../../server/src/dataplane/rules.ts";
import { printDecls } from "../../../server/src/declared/print.ts";
import { calicoSelector } from "../../../server/src/frontends/kubernetes/calico-selector.ts";
import { manifestDocuments } from "../../../server/src/frontends/kubernetes/document.ts";
import { policyMatrix, toConnection } from "../../../server/src/kubernetes/matrix/matrix.ts";
import { analyse } from "../../../server/src/service/analysis.ts";

const read = (text: string) => manifestDocuments("dump.yaml", [{ file: "dump.yaml", text }], "c");

/** The policies of a dump as `.knet`. */
function policies(text: string): string {
  const all = printDecls(read(text).documents[0].decls);
  return all.slice(all.indexOf("calico-"), all.indexOf("\n  nodes ")).replace(/^ {2}/gm, "");
}

const resource = (kind: string, name: string, spec: string, namespace = ""): string =>
  `apiVersion: projectcalico.org/v3
kind: ${kind}
metadata: {name: ${name}${namespace === "" ? "" : `, namespace: ${namespace}`}}
spec: ${spec}
---
`;
const global = (spec: string): string => resource("GlobalNetworkPolicy", "p", spec);

describe("selectors", () => {
  const shown = (text: string): string => {
    const selector = calicoSelector(text);
    if (!selector.ok) return `? ${selector.part}`;
    return selector.alternatives
      .map((one) => one.map(({ key, operator, values }) => `${key} ${operator} ${values.join(",")}`.trim()).join(" & "))
      .join(" | ");
  };
  it.each([
    ["", ""],
    ["all()", ""],
    ["app == 'web'", "app In web"],
    ['app != "web" && has(tier)', "app NotIn web & tier Exists"],
    ["tier in {'a', 'b'} || tier not in {\"c\"}", "tier In a,b | tier NotIn c"],
    ["!(a == 'x' && has(b))", "a NotIn x | b DoesNotExist"],
    ["!(a == 'x' || !has(b))", "a NotIn x & b Exists"],
    ["(a == '1' || a == '2') && b == '3'", "a In 1 & b In 3 | a In 2 & b In 3"],
    ["projectcalico.org/namespace == 'kube-system'", "projectcalico.org/namespace In kube-system"],
    ["a contains 'x'", "? contains"],
    ["a starts with 'x'", "? starts with"],
    ["a ==", "? a =="],
    ["a == 'x' &&", "? a == 'x' &&"],
    ["a == 'x' b", "? a == 'x' b"],
    ["a == x'", "? a == x'"],
  ])("%s", (text, expected) => {
    expect(shown(text)).toBe(expected);
  });
});

describe("Calico policies", () => {
  it("have tiers, orders, actions, ports, networks, and network sets", () => {
    const text =
      resource("Tier", "security", "{order: 10.5, defaultAction: Pass}") +
      resource("Tier", "default", "{order: 1000000}") +
      resource("GlobalNetworkSet", "bad", "{nets: [198.51.100.0/24, 203.0.113.7]}").replace(
        "name: bad",
        "name: bad, labels: {set: bad}",
      ) +
      resource(
        "GlobalNetworkPolicy",
        "security.lockdown",
        `
  tier: security
  order: 5
  namespaceSelector: projectcalico.org/name == 'shop'
  selector: app == 'db'
  types: [Ingress, Egress]
  ingress:
  - action: Allow
    protocol: TCP
    source: {selector: "app in {'web', 'api'}", notSelector: has(old), namespaceSelector: all()}
    destination: {ports: [80, "8000:8010", http]}
  - action: Deny
    source: {nets: [10.0.0.0/8, 10.1.0.0/24], notNets: [10.1.0.0/16]}
  - {action: Allow}
  egress:
  - {action: Allow, protocol: 17, destination: {notPorts: [53, "100:200"]}}
  - {action: Pass, destination: {selector: set == 'bad', namespaceSelector: global()}}
  - {action: Deny, ipVersion: 6}
  - {action: Deny, protocol: ICMP, destination: {nets: [10.0.0.0/8]}}
`,
      );
    expect(policies(text)).toBe(`calico-tier security { order 10.5; default-action pass }
calico-policy lockdown {
  tier security
  order 5
  select app=db namespace shop
  types ingress egress
  ingress allow { from app in [web api] !old namespaces *; to 80/tcp 8000-8010/tcp http/tcp }
  ingress deny { from cidr 10.0.0.0/8 except 10.1.0.0/16 }
  ingress allow any
  egress allow { port 1-52/udp 54-99/udp 201-65535/udp }
  egress pass { to cidr 198.51.100.0/24; to cidr 203.0.113.7/32 }
  egress deny { to cidr ::/0 }
  egress deny { to cidr 10.0.0.0/8; port icmp }
}`);
  });

  it("are several policies if the selector has alternatives", () => {
    expect(policies(global("{order: 1, selector: \"a == '1' || a == '2'\"}"))).toBe(
      "calico-policy p { order 1; select a=1 }\ncalico-policy p-2 { order 1; select a=2 }",
    );
  });

  it("of Kubernetes, which Calico's API lists, are not read twice", () => {
    expect(
      read(resource("NetworkPolicy", "knp.default.web", "{selector: all()}", "shop")).problems.map(messageOf),
    ).toEqual([
      "no CNI plugin was found: `cni flannel` with VXLAN is used, and a policy engine",
      "no pod CIDR was found: 10.244.0.0/16 is used",
      "no node was found: 2 nodes on segment `nodes` (198.18.0.0/24) are used",
    ]);
  });

  it.each([
    [
      "{preDNAT: true, applyOnForward: true}",
      "Calico policy p is omitted: it applies only to host endpoints, which are not modeled",
    ],
    ["{selector: \"a contains 'b'\"}", "Calico policy p is omitted: `contains` of a selector cannot be expressed"],
    [
      "{serviceAccountSelector: \"role contains 'x'\"}",
      "Calico policy p is omitted: `contains` of a selector cannot be expressed",
    ],
    [
      "{ingress: [{action: Allow, source: {ports: [53]}, protocol: UDP}]}",
      "Calico policy p: ingress rule 1 is omitted: source ports cannot be expressed",
    ],
    [
      "{egress: [{action: Allow, http: {methods: [GET]}}]}",
      "Calico policy p: egress rule 1 is omitted: `http` cannot be expressed",
    ],
    [
      "{egress: [{action: Allow, destination: {domains: [a.example]}}]}",
      "Calico policy p: egress rule 1 is omitted: `domains` cannot be expressed",
    ],
    [
      "{egress: [{action: Allow, destination: {nets: [10.0.0.0/8], selector: all()}}]}",
      "Calico policy p: egress rule 1 is omitted: selectors together with `nets` cannot be expressed",
    ],
    [
      "{ingress: [{action: Allow, destination: {nets: [10.0.0.0/8]}}]}",
      "Calico policy p: ingress rule 1 is omitted: `destination.nets` cannot be expressed",
    ],
    [
      "{ingress: [{action: Deny, source: {notSelector: has(a)}}]}",
      "Calico policy p: ingress rule 1 is omitted: `notSelector` without `selector` cannot be expressed",
    ],
    [
      "{egress: [{action: Deny, protocol: TCP, destination: {notPorts: [http]}}]}",
      "Calico policy p: egress rule 1 is omitted: these `notPorts` cannot be expressed",
    ],
  ])("name what they cannot express: %s", (spec, expected) => {
    expect(read(global(spec)).problems.map(messageOf)).toContain(expected);
  });
});

/** Which pods reach x/a; pods a and b are in namespace x, pod c in y. */
function reaching(text: string): string {
  const pod = (name: string, namespace: string): string =>
    `{apiVersion: v1, kind: Pod, metadata: {name: ${name}, namespace: ${namespace}, labels: {pod: ${name}}}, spec: {serviceAccountName: ${name}, containers: [{name: x, ports: [{containerPort: 80}]}]}}\n---\n`;
  const engine =
    "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: calico-node, namespace: kube-system}, spec: {template: {spec: {hostNetwork: true}}}}\n---\n";
  const all = `${engine}{apiVersion: v1, kind: Namespace, metadata: {name: y, labels: {ns: y}}}\n---\n${pod("a", "x")}${pod("b", "x")}${pod("c", "y")}${text}`;
  const { topology } = analyse("dump.yaml", read(all).documents);
  const answer = policyMatrix(topology, { from: undefined, to: undefined, byPod: true });
  if (!answer.ok) throw new Error(answer.error);
  const ends = [...answer.pairs]
    .map(toConnection)
    .flatMap(({ from, to }) =>
      "path" in to && to.path === "x/a" && "path" in from && !/^(?:x\/a|kube-system\/.*)$/.test(from.path)
        ? from.path
        : [],
    );
  return ends.sort().join(" ");
}

describe("evaluation", () => {
  it.each([
    ["no policy", "", "x/b y/c"],
    ["a policy without rules isolates", global("{selector: all()}"), ""],
    ["namespaceSelector of a global policy", global("{namespaceSelector: ns == 'y'}"), "x/b y/c"],
    [
      "a rule of a global policy matches all namespaces",
      global("{ingress: [{action: Allow, source: {selector: pod == 'c'}}]}"),
      "y/c",
    ],
    [
      "a rule of a namespaced policy matches its own namespace",
      resource("NetworkPolicy", "p", "{ingress: [{action: Allow, source: {selector: all()}}]}", "x"),
      "x/b",
    ],
    [
      "the label of the namespace",
      global(
        "{selector: \"projectcalico.org/namespace == 'x'\", ingress: [{action: Allow, source: {selector: \"projectcalico.org/namespace == 'y'\"}}]}",
      ),
      "y/c",
    ],
    [
      "order",
      resource("GlobalNetworkPolicy", "z", "{order: 1.5, ingress: [{action: Deny, source: {selector: pod == 'b'}}]}") +
        resource("GlobalNetworkPolicy", "a", "{order: 1.75, ingress: [{action: Allow}]}"),
      "y/c",
    ],
    [
      "a tier that passes",
      resource("Tier", "t", "{order: 1, defaultAction: Pass}") +
        resource("GlobalNetworkPolicy", "t.q", "{tier: t, ingress: [{action: Deny, source: {selector: pod == 'b'}}]}"),
      "y/c",
    ],
    [
      "a tier that denies",
      resource("Tier", "t", "{order: 1}") +
        resource("GlobalNetworkPolicy", "t.q", "{tier: t, ingress: [{action: Allow, source: {selector: pod == 'b'}}]}"),
      "x/b",
    ],
    [
      "the names of service accounts, in the policy's namespace",
      resource(
        "NetworkPolicy",
        "p",
        "{serviceAccountSelector: all(), ingress: [{action: Allow, source: {serviceAccounts: {names: [b, c]}}}]}",
        "x",
      ),
      "x/b",
    ],
    [
      "the names of service accounts in all namespaces of a global policy",
      global("{ingress: [{action: Allow, source: {serviceAccounts: {names: [c]}}}]}"),
      "y/c",
    ],
    [
      "the labels of service accounts",
      `${global("{serviceAccountSelector: role == 'api', ingress: [{action: Deny, source: {serviceAccounts: {selector: role == 'old'}}}, {action: Allow}]}")}
{apiVersion: v1, kind: ServiceAccount, metadata: {name: a, namespace: x, labels: {role: api}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: b, namespace: x, labels: {role: old}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: c, namespace: x, labels: {role: old}}}
`,
      "y/c",
    ],
    [
      "a rule that logs",
      global("{ingress: [{action: Log}, {action: Allow, source: {selector: pod == 'c'}}, {action: Log}]}"),
      "y/c",
    ],
  ])("%s", (_, text, expected) => {
    expect(reaching(text)).toBe(expected);
  });

  it("adds the labels of service accounts only for policies that use them", () => {
    const pod =
      "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x}, spec: {serviceAccountName: web, containers: [{name: c}]}}\n---\n";
    const printed = (text: string): string => printDecls(read(text).documents[0].decls);
    expect(printed(pod + global("{selector: all()}"))).not.toContain("serviceaccount");
    expect(printed(pod + global("{selector: \"projectcalico.org/serviceaccount == 'web'\"}"))).toContain(
      "labels projectcalico.org/serviceaccount=web",
    );
  });
});

describe("rules that log", () => {
  it("are rules of Felix, in their order", () => {
    const text = global(
      "{types: [Ingress], ingress: [{action: Log, protocol: TCP, destination: {ports: [80]}}, {action: Deny}]}",
    );
    expect(policies(text)).toContain("ingress log { to 80/tcp }");
    const pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c}]}}\n---\n";
    const engine =
      "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: calico-node, namespace: kube-system}, spec: {template: {spec: {hostNetwork: true}}}}\n---\n";
    const { network } = analyse("dump.yaml", read(engine + pod + text).documents);
    const rules = ["c/node-1", "c/node-2"]
      .flatMap((id) => network.netns(id) ?? [])
      .map(printRules)
      .join("\n");
    expect(
      rules
        .match(/-A cali-pi-\S+ (?!.*-j RETURN).*/g)
        ?.map((rule) => rule.replace(/-m comment --comment \S+ |-m comment --comment "[^"]*" /, "")),
    ).toEqual([
      expect.stringMatching(/-p tcp -m tcp --dport 80 .*-j LOG --log-prefix "calico-packet: " --log-level 5$/),
      expect.stringMatching(/-j DROP$/),
    ]);
  });
});

describe("ingresses and gateways", () => {
  const service = (name: string, more = "", namespace = "shop"): string =>
    `{apiVersion: v1, kind: Service, metadata: {name: ${name}, namespace: ${namespace}${more}}, spec: {ports: [{port: 80, name: web}]}}\n---\n`;
  const proxy = service("ingress-nginx-controller", ", labels: {app.kubernetes.io/name: ingress-nginx}", "edge");
  const ingressClass =
    "{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: web, annotations: {ingressclass.kubernetes.io/is-default-class: 'true'}}, spec: {controller: k8s.io/ingress-nginx}}\n---\n";
  const ingress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: shop}
spec:
  defaultBackend: {service: {name: api, port: {number: 80}}}
  rules:
  - host: shop.example.com
    http: {paths: [{path: /api, pathType: Exact, backend: {service: {name: api, port: {name: web}}}}]}
  - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: api, port: {number: 80}}}}]}
---
`;
  const printed = (text: string): string => printDecls(read(text).documents[0].decls);

  it("have the service of the controller of their class", () => {
    expect(printed(proxy + service("api") + ingressClass + ingress)).toContain(`    ingress shop {
      served-by edge/ingress-nginx-controller
      host "shop.example.com" { path "/api" exact -> api:80 }
      path "/" -> api:80
      default-backend -> api:80
    }
`);
  });

  it("are omitted without it", () => {
    expect(read(service("api") + ingress).problems.map(messageOf)).toContain(
      "Ingress shop/shop is omitted: no service of its controller was found",
    );
  });

  it("have routes with the weights of their backends", () => {
    const text = `${service("api") + service("gw-istio", ", labels: {gateway.networking.k8s.io/gateway-name: gw}")}apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: shop}
spec:
  parentRefs: [{name: gw}]
  hostnames: [a.example.com]
  rules:
  - matches: [{path: {type: PathPrefix, value: /x}}, {method: GET}]
    backendRefs: [{name: api, port: 80, weight: 9}, {name: api, namespace: other, port: 81}]
  - backendRefs: [{name: api, port: 80}]
`;
    expect(printed(text)).toContain(`    gateway gw { served-by shop/gw-istio }
    http-route r {
      gateway shop/gw
      host "a.example.com" {
        path "/x" -> api:80 weight 9
        path "/x" -> other/api:81
        path "/" -> api:80
      }
    }
`);
    expect(read(text).problems.map(messageOf)).toContain("HTTPRoute shop/r: a match by method is omitted");
  });
});
