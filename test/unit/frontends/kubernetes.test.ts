import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { messageOf } from "../../../server/src/checks/run.ts";
import { printDecls } from "../../../server/src/declared/print.ts";
import { manifestDocuments } from "../../../server/src/frontends/kubernetes/document.ts";
import { jsonSpan } from "../../../server/src/frontends/kubernetes/json-span.ts";
import { policyMatrix, toConnection } from "../../../server/src/kubernetes/matrix/matrix.ts";
import { analyse } from "../../../server/src/service/analysis.ts";
import { createService } from "../../../server/src/service/service.ts";

const SHOP = `apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: nginx
        ports: [{containerPort: 80, name: http, hostPort: 8080}]
      - name: sidecar   # listens on nothing
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: db}}
    spec:
      initContainers:
      - {name: setup, ports: [{containerPort: 1}]}
      - {name: metrics, restartPolicy: Always, ports: [{containerPort: 9187}]}
      containers:
      - {name: pg, ports: [{containerPort: 5432}, {containerPort: 5432, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  selector: {app: web}
  externalTrafficPolicy: Local
  ports: [{port: 80, targetPort: http, nodePort: 30080, name: http}, {port: 53, protocol: UDP, targetPort: 5353, name: dns}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - podSelector: {matchExpressions: [{key: app, operator: In, values: [web, api]}, {key: old, operator: DoesNotExist}]}
    - namespaceSelector: {matchLabels: {team: ops}}
      podSelector: {}
    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}
    ports: [{port: 5432}, {protocol: UDP, port: 53, endPort: 60}, {port: pg, protocol: SCTP}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: Baseline
  priority: 7
  subject: {namespaces: {}}
  ingress:
  - action: Accept
    from: [{pods: {namespaceSelector: {matchLabels: {team: shop}}, podSelector: {matchLabels: {app: web}}}}]
    protocols: [{tcp: {destinationPort: {number: 80}}}, {udp: {destinationPort: {range: {start: 53, end: 54}}}}]
  egress:
  - action: Deny
    to: [{networks: [169.254.169.254/32, 10.9.0.0/16]}]
`;

const read = (text: string, file = "dump.yaml") => manifestDocuments(file, [{ file, text }], "c");
const printed = (text: string): string => printDecls(read(text).documents[0]?.decls ?? []);

describe("manifests", () => {
  it("are declarations of one cluster", () => {
    expect(`\n${printed(SHOP)}`).toBe(`
segment nodes { cidr 198.18.0.0/24 }
router gateway { attach nodes }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  network-policy kindnet
  nodes node- 1..2 { attach nodes }
  baseline-admin-policy guard {
    priority 7
    subject * namespaces *
    ingress allow { from app=web namespaces team=shop; to 80/tcp 53-54/udp }
    egress deny { to cidr 169.254.169.254/32; to cidr 10.9.0.0/16 }
  }
  namespace shop {
    labels team=shop
    deployment web replicas 2 {
      labels app=web
      container nginx { listen 80/tcp as http host-port 8080 }
    }
    statefulset db replicas 1 {
      labels app=db
      container metrics { listen 9187/tcp }
      container pg { listen 5432/tcp; listen 5432/udp }
    }
    service web {
      type node-port
      select app=web
      port 80/tcp -> http name http node-port 30080
      port 53/udp -> 5353/udp name dns
      external-traffic-policy local
    }
    policy db {
      select app=db
      types ingress egress
      ingress {
        from app in [web api] !old
        from * namespaces team=ops
        from cidr 10.0.0.0/8 except 10.1.0.0/16
        to 5432/tcp 53-60/udp pg/sctp
      }
    }
  }
}
`);
  });

  it("have no invalid declaration, and findings are located in the YAML", () => {
    const { documents } = read(SHOP);
    const analysis = analyse("dump.yaml", documents);
    const found = analysis.findings(() => false) ?? [];
    const shown = found.map((one) => {
      const span = analysis.placeOf(one);
      return `${one.code} ${span ? SHOP.slice(span.start, span.end).split("\n")[0] : "?"}`;
    });
    expect(shown.filter((one) => /^KN0/.test(one))).toEqual([]);
    expect(shown).toContain("KN604 namespaceSelector: {matchLabels: {team: ops}}");
  });

  it("follow edits of the text", () => {
    const service = createService({ resolveImport: () => undefined });
    service.setText("dump.yaml", SHOP);
    const at = SHOP.indexOf("replicas: 2");
    service.edit("dump.yaml", [{ start: at, end: at + 11, text: "replicas: 5" }]);
    expect(service.textOf("dump.yaml")).toContain("replicas: 5");
    expect(service.analysisOf("dump.yaml")?.topology.clusters[0]?.workloads[0]?.replicas).toBe(5);
  });

  it("tell which values are defaults, and what is not read", () => {
    const { problems, unread } = read(`${SHOP}---\n{apiVersion: v1, kind: Widget, metadata: {name: w}}\n`);
    expect(problems.map(messageOf)).toEqual([
      "no CNI plugin was found: `cni flannel` with VXLAN is used, and a policy engine",
      "no pod CIDR was found: 10.244.0.0/16 is used",
      "no service CIDR was found: 10.96.0.0/12 is used",
      "no node was found: 2 nodes on segment `nodes` (198.18.0.0/24) are used",
      "1 object of kind Widget not read",
    ]);
    expect(unread).toBe(1);
  });
});

/** Which of the pods a, b (namespace x) and c (namespace y) the policy lets reach pod a. */
function reaching(spec: string): string {
  const pod = (name: string, namespace: string): string =>
    `---\n{apiVersion: v1, kind: Pod, metadata: {name: ${name}, namespace: ${namespace}, labels: {pod: ${name}}}, spec: {containers: [{name: x, ports: [{containerPort: 80}]}]}}\n`;
  const text = `{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: {ns: x}}}\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: y, labels: {ns: y}}}\n${pod("a", "x")}${pod("b", "x")}${pod("c", "y")}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: x}\nspec: ${spec}\n`;
  const analysis = analyse("dump.yaml", read(text).documents);
  const answer = policyMatrix(analysis.topology, { from: undefined, to: undefined, byPod: true });
  if (!answer.ok) throw new Error(answer.error);
  const ends = [...answer.pairs]
    .map(toConnection)
    .flatMap(({ from, to }) =>
      "path" in to && to.path === "x/a" && "path" in from && from.path !== to.path ? from.path : [],
    );
  return ends.sort().join(" ");
}

/** k8s.io/api/networking/v1, NetworkPolicySpec; defaults: pkg/apis/networking/v1/defaults.go */
describe("traps of NetworkPolicy", () => {
  it.each([
    ["{podSelector: {}, ingress: []}", ""],
    ["{podSelector: {}}", ""],
    ["{podSelector: {}, ingress: [{}]}", "x/b y/c"],
    ["{podSelector: {}, ingress: [{from: []}]}", "x/b y/c"],
    ["{podSelector: {}, policyTypes: [Egress]}", "y/c"],
    ["{podSelector: {matchLabels: {pod: b}}, egress: []}", "x/b y/c"],
    ["{podSelector: {matchLabels: {pod: b}}, policyTypes: [Ingress, Egress], egress: []}", "y/c"],
    ["{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}", "x/b"],
    ["{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}", "x/b y/c"],
    [
      "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}, podSelector: {matchLabels: {pod: b}}}]}]}",
      "",
    ],
    [
      "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}}, {podSelector: {matchLabels: {pod: b}}}]}]}",
      "x/b y/c",
    ],
    [
      "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: y}}}]}]}",
      "y/c",
    ],
    [
      "{podSelector: {matchExpressions: [{key: pod, operator: NotIn, values: [b]}]}, ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: Exists}]}}]}]}",
      "x/b",
    ],
  ])("%s", (spec, expected) => {
    expect(reaching(spec)).toBe(expected);
  });
});

describe("dumps", () => {
  const node = (name: string, ip: string, more = ""): string =>
    `{apiVersion: v1, kind: Node, metadata: {name: ${name}${more}}, spec: {podCIDR: 10.42.${name.slice(1)}.0/24}, status: {addresses: [{type: InternalIP, address: ${ip}}, {type: Hostname, address: ${name}}]}}\n---\n`;
  it("show flannel by the nodes' annotations (k3s), and their networks", () => {
    const text =
      node("n0", "192.168.7.10", ", annotations: {flannel.alpha.coreos.com/backend-type: vxlan}") +
      node("n1", "192.168.8.11") +
      `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: web-1, namespace: shop, labels: {app: web}, ownerReferences: [{kind: ReplicaSet, name: web, controller: true}]}
  spec: {nodeName: n1, containers: [{name: nginx, ports: [{containerPort: 80}]}]}
  status: {phase: Running, podIP: 10.42.1.7, conditions: [{type: Ready, status: "False"}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: job-1, namespace: shop}
  spec: {nodeName: n1, containers: []}
  status: {phase: Succeeded, podIP: 10.42.1.8}
- apiVersion: v1
  kind: Pod
  metadata: {name: agent, namespace: kube-system}
  spec: {nodeName: n0, hostNetwork: true, containers: [{name: agent, ports: [{containerPort: 9100, hostPort: 9100}]}]}
  status: {phase: Running, podIP: 192.168.7.10}
- apiVersion: v1
  kind: Service
  metadata: {name: kubernetes, namespace: default}
  spec: {clusterIP: 10.43.0.1, clusterIPs: [10.43.0.1], ports: [{port: 443, targetPort: 6443}]}
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {name: kubernetes, namespace: default, labels: {kubernetes.io/service-name: kubernetes}}
  addressType: IPv4
  ports: [{port: 6443}]
  endpoints: [{addresses: [192.168.7.10]}]
`;
    expect(`\n${printed(text)}`).toBe(`
segment nodes-1 { cidr 192.168.7.0/24 }
segment nodes-2 { cidr 192.168.8.0/24 }
router gateway { attach nodes-1; attach nodes-2 }
cluster c {
  pods 10.42.0.0/16
  services 10.43.0.0/16
  cni flannel { backend vxlan }
  network-policy kube-router
  node n0 { attach nodes-1 192.168.7.10; pod-cidr 10.42.0.0/24 }
  node n1 { attach nodes-2 192.168.8.11; pod-cidr 10.42.1.0/24 }
  namespace shop {
    pod web-1 on n1 {
      owner deployment web
      labels app=web
      address 10.42.1.7
      not-ready
      container nginx { listen 80/tcp }
    }
  }
  namespace kube-system {
    pod agent on n0 {
      host-network
      container agent { listen 9100/tcp }
    }
  }
  namespace default {
    service kubernetes {
      port 443/tcp -> 6443/tcp
      cluster-ip 10.43.0.1
      endpoint 192.168.7.10:6443
    }
  }
}
`);
    const analysis = analyse("dump.yaml", read(text).documents);
    expect((analysis.findings(() => false) ?? []).filter(({ severity }) => severity === "error")).toEqual([]);
  });

  it("show Calico's pools, and blocks by the addresses of pods", () => {
    const text = `${node("n0", "192.168.7.10", ", annotations: {projectcalico.org/IPv4Address: 192.168.7.10/23}").replace("spec: {podCIDR: 10.42.0.0/24}, ", "")}apiVersion: crd.projectcalico.org/v1
kind: IPPool
metadata: {name: default-ipv4-ippool}
spec: {cidr: 192.168.128.0/17, ipipMode: CrossSubnet, vxlanMode: Never, natOutgoing: true, blockSize: 26}
---
{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: default}, spec: {nodeName: n0, containers: []}, status: {phase: Running, podIP: 192.168.200.77}}
`;
    expect(printed(text)).toContain("segment nodes { cidr 192.168.6.0/23 }");
    expect(printed(text)).toContain(`  pods 192.168.128.0/17
  services 10.96.0.0/12
  cni calico {
    pool default-ipv4-ippool 192.168.128.0/17 { ipip cross-subnet; nat-outgoing true }
  }
  node n0 {
    attach nodes 192.168.7.10
    cni calico { block 192.168.200.64/26 }
  }
`);
  });
});

describe("JSON", () => {
  it("is located like YAML", () => {
    const list = {
      items: parseAllDocuments(SHOP).map((one) => one.toJS() as unknown),
      kind: "List",
      apiVersion: "v1",
      note: 'a "quoted\\" text, {with} [brackets]',
    };
    const text = JSON.stringify(list, null, 2);
    const { documents } = manifestDocuments("dump.json", [{ file: "dump.json", text }], "c");
    expect(printDecls(documents[0]?.decls ?? [])).toBe(printed(SHOP));
    const analysis = analyse("dump.json", documents);
    const found = (analysis.findings(() => false) ?? []).find(({ code }) => code === "KN604");
    const span = found && analysis.placeOf(found);
    expect(span && (JSON.parse(text.slice(span.start, span.end)) as unknown)).toEqual({
      namespaceSelector: { matchLabels: { team: "ops" } },
      podSelector: {},
    });
  });
  it("has the spans of a parser", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const visit = (value: unknown, path: readonly (string | number)[]): void => {
          const span = jsonSpan(text, path);
          expect(span && (JSON.parse(text.slice(span.start, span.end)) as unknown)).toEqual(value);
          if (Array.isArray(value)) for (const [index, one] of value.entries()) visit(one, [...path, index]);
          else if (typeof value === "object" && value !== null)
            for (const [key, one] of Object.entries(value)) visit(one, [...path, key]);
        };
        visit(JSON.parse(text), []);
      }),
      { numRuns: 100 },
    );
  });
});

describe("any text", () => {
  it("is read without an exception", () => {
    fc.assert(
      fc.property(fc.nat(SHOP.length), fc.nat(40), fc.string({ maxLength: 6 }), (at, length, by) => {
        const text = SHOP.slice(0, at) + by + SHOP.slice(at + length);
        analyse("dump.yaml", read(text).documents).topology.clusters.map(({ pods }) => pods);
      }),
      { numRuns: 60 },
    );
  });
  it.each([
    "",
    "null",
    "[]",
    "42",
    "kind: Pod",
    "kind: [1]",
    "{",
    "a: &a [*a]",
    "\u0000",
    "items: {}",
    "kind: List\nitems: 3",
  ])("%j", (text) => {
    expect(read(text).objects).toBe(0);
  });
});

/** Every field that becomes a declaration: a wrong argument name would throw. */
describe("all fields", () => {
  const first = (text: string, from: string, to: string): string => {
    const all = printed(text);
    return all.slice(all.indexOf(from), all.indexOf(to, all.indexOf(from)));
  };
  it("of services", () => {
    const text = `apiVersion: v1
kind: Service
metadata: {name: all, namespace: x}
spec:
  type: LoadBalancer
  selector: {a: b}
  clusterIPs: [10.96.0.9, "fd00::9"]
  externalIPs: [203.0.113.1]
  loadBalancerSourceRanges: [" 10.0.0.0/8"]
  externalTrafficPolicy: Local
  internalTrafficPolicy: Local
  sessionAffinity: ClientIP
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 600}}
  publishNotReadyAddresses: true
  healthCheckNodePort: 31000
  ports: [{port: 80, targetPort: 8080}]
status: {loadBalancer: {ingress: [{ip: 203.0.113.9}]}}
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: x}
spec: {type: ExternalName, externalName: db.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: none, namespace: x}
spec: {clusterIP: None, selector: {a: b}, ports: [{port: 80, targetPort: 80}]}
`;
    expect(first(text, "    service all", "\n  }\n")).toBe(`    service all {
      type load-balancer
      select a=b
      port 80/tcp -> 8080/tcp
      cluster-ip 10.96.0.9 fd00::9
      external-ip 203.0.113.1
      load-balancer-ip 203.0.113.9
      load-balancer-source-ranges 10.0.0.0/8
      external-traffic-policy local
      internal-traffic-policy local
      session-affinity client-ip timeout 600
      publish-not-ready
      health-check-node-port 31000
    }
    service alias { type external-name; external-name db.example.com }
    service none {
      type headless
      select a=b
      port 80/tcp
    }`);
  });

  const set = (name: string, env = ""): string =>
    `---\n{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: ${name}, namespace: kube-system}, spec: {template: {spec: {containers: [{name: a, env: [${env}]}]}}}}\n`;
  const config = (name: string, key: string, text: string): string =>
    `---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, namespace: kube-system}\ndata:\n  ${key}: |\n${text.replace(/^/gm, "    ")}\n`;
  it.each([
    [
      "flannel",
      set("kube-flannel-ds") +
        config(
          "kube-flannel-cfg",
          "net-conf.json",
          '{"Network": "10.9.0.0/16", "Backend": {"Type": "vxlan", "VNI": 5, "Port": 4789, "DirectRouting": true}}',
        ),
      "pods 10.9.0.0/16\n  services 10.96.0.0/12\n  cni flannel {\n    backend vxlan {\n      vni 5\n      port 4789\n      direct-routing true\n    }\n  }\n",
    ],
    [
      "canal",
      set("canal") +
        config("canal-config", "net-conf.json", '{"Network": "10.9.0.0/16", "Backend": {"Type": "host-gw"}}'),
      "pods 10.9.0.0/16\n  services 10.96.0.0/12\n  cni flannel { backend host-gw }\n  network-policy calico\n",
    ],
    [
      "kindnet",
      set("kindnet", '{name: POD_SUBNET, value: "10.244.0.0/16,fd00:10:244::/56"}'),
      "pods 10.244.0.0/16\n  pods fd00:10:244::/56\n  services 10.96.0.0/12\n  cni kindnet\n",
    ],
    [
      "weave",
      set("weave-net", "{name: IPALLOC_RANGE, value: 10.40.0.0/14}"),
      "cluster c {\n  services 10.96.0.0/12\n  cni weave { range 10.40.0.0/14 }\n",
    ],
    ["aws", set("aws-node"), "cni aws-vpc\n"],
    [
      "the operator's pools",
      "---\n{apiVersion: operator.tigera.io/v1, kind: Installation, metadata: {name: default}, spec: {calicoNetwork: {ipPools: [{cidr: 10.7.0.0/16, encapsulation: VXLANCrossSubnet}]}}}\n",
      "cni calico {\n    pool default-ipv4-ippool 10.7.0.0/16 { vxlan cross-subnet; nat-outgoing true }\n  }\n",
    ],
    [
      "calico.yaml",
      set(
        "calico-node",
        "{name: CALICO_IPV4POOL_CIDR, value: 10.8.0.0/16}, {name: CALICO_IPV4POOL_IPIP, value: Always}",
      ),
      "pool default-ipv4-ippool 10.8.0.0/16 { ipip always; nat-outgoing true }",
    ],
    [
      "kubeadm and kube-proxy",
      config(
        "kubeadm-config",
        "ClusterConfiguration",
        "networking:\n  podSubnet: 10.5.0.0/16\n  serviceSubnet: 10.6.0.0/16",
      ) + config("kube-proxy", "config.conf", "mode: ipvs"),
      "pods 10.5.0.0/16\n  services 10.6.0.0/16\n  cni flannel { backend vxlan }\n  network-policy kindnet\n  kube-proxy ipvs\n",
    ],
    [
      "an admin policy of v1alpha1",
      "---\n{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: p}, spec: {priority: 5, subject: {namespaces: {}}, egress: [{action: Pass, to: [{nodes: {matchExpressions: [{key: a, operator: Exists}]}}], ports: [{portNumber: {protocol: UDP, port: 53}}, {portRange: {start: 1, end: 2}}, {namedPort: http}]}]}}\n",
      "  admin-policy p {\n    priority 5\n    subject * namespaces *\n    egress pass { to nodes a; port 53/udp 1-2/tcp http }\n  }\n",
    ],
  ])("of %s", (_, text, expected) => {
    expect(printed(text)).toContain(expected);
  });
});

describe("settings of a running cluster", () => {
  const NODE = `apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDRs: [10.244.0.0/25, "fd00:10:244::/80"]}
status: {addresses: [{type: InternalIP, address: 10.0.0.1}], nodeInfo: {kubeletVersion: v1.34.2}, allocatable: {pods: "60"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kubeadm-config, namespace: kube-system}
data:
  ClusterConfiguration: |
    networking: {podSubnet: "10.244.0.0/16,fd00:10:244::/56", dnsDomain: prod.example}
    apiServer: {extraArgs: [{name: service-node-port-range, value: 31000-31999}]}
---
`;
  it("are read from its nodes and its installer", () => {
    expect(printed(NODE)).toContain(`  pods 10.244.0.0/16 per-node /25
  pods fd00:10:244::/56 per-node /80
  services 10.96.0.0/12
  version 1.34
  max-pods 60
  node-port-range 31000-31999
  dns-domain prod.example
`);
    const map = NODE.replace(
      "[{name: service-node-port-range, value: 31000-31999}]",
      "{service-node-port-range: 32000-32100}",
    );
    expect(printed(map)).toContain("  node-port-range 32000-32100\n");
  });

  it("include ingresses whose proxy is known by its address, and the numbers of named ports", () => {
    const proxy = `apiVersion: v1
kind: Service
metadata: {name: proxy, namespace: edge}
spec: {type: LoadBalancer, clusterIP: 10.96.0.5, selector: {app: proxy}, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 203.0.113.9}]}}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {clusterIP: 10.96.0.6, selector: {app: api}, ports: [{port: 8080, name: web}], trafficDistribution: PreferClose}
---
`;
    const ingress = (ip: string): string => `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: shop}
spec:
  defaultBackend: {service: {name: api, port: {number: 8080}}}
  rules:
  - host: shop.example.com
    http: {paths: [{path: /a, pathType: Exact, backend: {service: {name: api, port: {name: web}}}}]}
status: {loadBalancer: {ingress: [{ip: ${ip}}]}}
`;
    expect(printed(proxy + ingress("203.0.113.9"))).toContain(`    ingress shop {
      served-by edge/proxy
      host "shop.example.com" { path "/a" exact -> api:8080 }
      default-backend -> api:8080
    }
`);
    expect(printed(proxy)).toContain("      traffic-distribution prefer-same-zone\n");
    expect(read(proxy + ingress("203.0.113.10")).problems.map(messageOf)).toContain(
      "Ingress shop/shop is omitted: no service of its controller was found",
    );
  });

  it("include the prefix length of their network if an address excludes /24", () => {
    const nodes = NODE + NODE.replace("name: n1", "name: n2").replace("10.0.0.1}", "10.0.1.0}");
    expect(printed(nodes)).toContain("segment nodes { cidr 10.0.0.0/23 }");
    expect(printed(nodes.replace("10.0.1.0}", "10.0.1.1}"))).toContain("segment nodes-2 { cidr 10.0.1.0/24 }");
  });

  it("include templates that are pinned to a node", () => {
    const pinned = (where: string): string =>
      `{apiVersion: apps/v1, kind: Deployment, metadata: {name: w, namespace: x}, spec: {replicas: 2, template: {spec: {${where}, containers: []}}}}\n`;
    expect(printed(NODE + pinned("nodeName: n1"))).toContain("deployment w replicas 2 on n1 {}");
    expect(printed(NODE + pinned("nodeSelector: {kubernetes.io/hostname: n1}"))).toContain("replicas 2 on n1 {}");
    expect(printed(NODE + pinned("nodeName: elsewhere"))).toContain("deployment w replicas 2 {}");
  });

  it("include manual endpoints with several ports, each once", () => {
    const slice = (name: string): string => `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}, namespace: x, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: b, port: 9000}, {name: a, port: 80}]
endpoints: [{addresses: [192.168.1.7]}]
`;
    const service = `apiVersion: v1
kind: Service
metadata: {name: db, namespace: x}
spec: {clusterIP: 10.96.0.7, ports: [{name: a, port: 80}, {name: b, port: 90, targetPort: 9000}]}
`;
    const text = printed(service + slice("one") + slice("two"));
    expect(text.match(/endpoint .*/g)).toEqual(["endpoint 192.168.1.7"]);
    expect(printed(service + slice("one").replace("port: 9000", "port: 9001"))).toContain("endpoint 192.168.1.7:9001");
  });
});
