/** Each format of `knet export` as a user sees it: the text, and what the format cannot express. */
import { describe, expect, it } from "vitest";
import { parseAllDocuments, parse as parseYaml } from "yaml";
import { exportAs } from "../../../server/src/export/formats.ts";
import { analysed, exportOf, imported, printed, read, textOf } from "./support.ts";

const FLANNEL = `segment lan { cidr 192.168.10.0/24; gateway r }
router r { attach lan 192.168.10.1 }
host laptop { attach lan 192.168.10.50 }
cluster prod {
  pods 10.244.0.0/16 per-node /25
  pods fd00:10:244::/56
  services 10.96.0.0/16
  max-pods 60
  node-port-range 31000-31999
  dns-domain prod.example
  cni flannel {
    network 10.244.0.0/16
    backend vxlan { vni 7; port 4789; direct-routing true }
    ip-masq false
    iface eth0
  }
  kube-proxy ipvs { scheduler lc; strict-arp }
  node n1 { attach lan 192.168.10.11; deny icmp }
  node n2 { attach lan 192.168.10.12 }
  pod web on n1 { labels app=web; listen 80/tcp }
}
expect laptop -> n1 blocked
`;
const CALICO = `segment lan { cidr 192.168.10.0/23 }
cluster prod {
  pods 10.244.0.0/16
  cni calico {
    pool one 10.244.0.0/17 { ipip cross-subnet; block-size /27; nat-outgoing true; node-selector zone=a }
    pool two 10.244.128.0/17 { vxlan always; disabled true }
    as-number 64600
    node-to-node-mesh false
    strict-affinity true
    peer tor { node-selector zone=a; peer-ip 192.168.10.1; as-number 64700 }
  }
  node n1 { attach lan 192.168.10.11; labels zone=a; cni calico { as-number 64601 } }
  namespace shop {
    calico-policy p {
      tier security
      order 5
      select app in [web api] !old
      ingress deny { from cidr 10.0.0.0/8 except 10.1.0.0/16; to 53/udp 80-90/tcp }
    }
  }
  calico-tier security { order 100 }
}
`;

const documents = (text: string): readonly Record<string, unknown>[] =>
  parseAllDocuments(text).map((one) => one.toJS() as Record<string, unknown>);

describe("net-conf", () => {
  it("has the keys of flannel, and its ConfigMap in a directory", () => {
    const { files, losses } = exportOf(read(FLANNEL), "net-conf");
    expect(JSON.parse(files["net-conf.json"] ?? "")).toEqual({
      Network: "10.244.0.0/16",
      Backend: { Type: "vxlan", VNI: 7, Port: 4789, DirectRouting: true },
    });
    const map = parseYaml(files["kube-flannel-cfg.yaml"] ?? "") as { data: Record<string, string> };
    expect(map.data["net-conf.json"]).toBe(files["net-conf.json"]);
    expect(losses).toEqual([
      "cluster prod: `ip-masq false` cannot be expressed in net-conf.json",
      "cluster prod: `iface eth0` cannot be expressed in net-conf.json",
    ]);
  });

  it("requires flannel", () => {
    const { topology, network } = read(CALICO);
    const result = exportAs("net-conf", { topology, network, source: "x", version: "1" });
    expect(result).toEqual({ problem: "no cluster has `cni flannel`" });
  });
});

describe("calico", () => {
  it("has Calico's resources", () => {
    const [pool, disabled, felix, bgp, ipam, peer, tier, policy, node] = documents(textOf(read(CALICO), "calico"));
    expect(pool).toEqual({
      apiVersion: "projectcalico.org/v3",
      kind: "IPPool",
      metadata: { name: "one" },
      spec: {
        cidr: "10.244.0.0/17",
        blockSize: 27,
        ipipMode: "CrossSubnet",
        vxlanMode: "Never",
        natOutgoing: true,
        nodeSelector: "zone == 'a'",
      },
    });
    expect(disabled?.["spec"]).toMatchObject({ vxlanMode: "Always", disabled: true, nodeSelector: "all()" });
    expect(felix?.["kind"]).toBe("FelixConfiguration");
    expect(bgp?.["spec"]).toEqual({ asNumber: 64600, nodeToNodeMeshEnabled: false });
    expect(ipam?.["spec"]).toEqual({ strictAffinity: true, autoAllocateBlocks: true });
    expect(peer?.["spec"]).toEqual({ nodeSelector: "zone == 'a'", peerIP: "192.168.10.1", asNumber: 64700 });
    expect(tier).toMatchObject({ kind: "Tier", metadata: { name: "security" }, spec: { order: 100 } });
    expect(policy).toMatchObject({
      kind: "NetworkPolicy",
      metadata: { name: "security.p", namespace: "shop" },
      spec: {
        order: 5,
        selector: "app in {'web', 'api'} && !has(old)",
        types: ["Ingress"],
        ingress: [
          {
            action: "Deny",
            protocol: "UDP",
            source: { nets: ["10.0.0.0/8"], notNets: ["10.1.0.0/16"] },
            destination: { ports: [53] },
          },
          { action: "Deny", protocol: "TCP", destination: { ports: ["80:90"] } },
        ],
      },
    });
    expect(node).toMatchObject({
      metadata: {
        annotations: {
          "projectcalico.org/IPv4Address": "192.168.10.11/23",
          "projectcalico.org/ASNumber": "64601",
        },
      },
    });
  });
});

describe("policies", () => {
  const POLICIES = `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni calico { pool p 10.244.0.0/16 }
  node n1 { attach lan 192.168.10.11 }
  calico-tier security { order 10.5; default-action pass }
  calico-policy quiet {
    tier security
    select app=web namespace shop
    ingress log any
    ingress deny { to icmp 53/udp }
    egress deny any
    egress log to app=db
  }
  admin-policy closed {
    priority 10
    subject namespaces *
    ingress deny from namespaces * to icmp
    egress deny to namespaces * port icmp 53/udp
  }
  namespace shop { pod web { labels app=web; listen 80/tcp } }
}
`;

  it("have Calico's tiers, namespaces, and ICMP, which the other APIs do not have", () => {
    const { files, losses } = exportOf(read(POLICIES), "networkpolicy");
    const [tier, quiet, closed] = documents(Object.values(files)[0] ?? "");
    expect(tier?.["spec"]).toEqual({ order: 10.5, defaultAction: "Pass" });
    expect(quiet).toMatchObject({
      kind: "GlobalNetworkPolicy",
      spec: {
        selector: "app == 'web'",
        namespaceSelector: "kubernetes.io/metadata.name == 'shop'",
        ingress: [
          { action: "Log" },
          { action: "Deny", protocol: "ICMP" },
          { action: "Deny", protocol: "ICMPv6" },
          { action: "Deny", protocol: "UDP", destination: { ports: [53] } },
        ],
        egress: [{ action: "Deny" }, { action: "Log", destination: { selector: "app == 'db'" } }],
      },
    });
    // Without its only port, a rule would deny everything.
    expect(closed?.["spec"]).toMatchObject({ egress: [{ protocols: [{ udp: { destinationPort: { number: 53 } } }] }] });
    expect(closed?.["spec"]).not.toHaveProperty("ingress");
    expect(losses).toEqual([
      "policy closed: `icmp` in an ingress rule cannot be expressed in a ClusterNetworkPolicy",
      "policy closed: `icmp` in an egress rule cannot be expressed in a ClusterNetworkPolicy",
    ]);
  });

  it("are read back from the cluster's objects", () => {
    const first = imported(textOf(read(POLICIES), "kubernetes"));
    expect(printed(first)).toContain("calico-tier security { order 10.5; default-action pass }");
    expect(printed(first)).toContain("select app=web namespace shop");
    expect(printed(imported(textOf(analysed(first), "kubernetes")))).toBe(printed(first));
  });
});

describe("kubeadm and kind", () => {
  it("have the ranges, and kube-proxy's and kubelet's settings", () => {
    const { files, losses } = exportOf(read(FLANNEL), "kubeadm");
    const [cluster, proxy, kubelet] = documents(files["prod-kubeadm.yaml"] ?? "");
    expect(cluster).toEqual({
      apiVersion: "kubeadm.k8s.io/v1beta4",
      kind: "ClusterConfiguration",
      clusterName: "prod",
      kubernetesVersion: "v1.37.0",
      networking: {
        podSubnet: "10.244.0.0/16,fd00:10:244::/56",
        serviceSubnet: "10.96.0.0/16",
        dnsDomain: "prod.example",
      },
      apiServer: { extraArgs: [{ name: "service-node-port-range", value: "31000-31999" }] },
      controllerManager: { extraArgs: [{ name: "node-cidr-mask-size-ipv4", value: "25" }] },
    });
    expect(proxy).toMatchObject({ mode: "ipvs", ipvs: { scheduler: "lc", strictARP: true } });
    expect(kubelet).toMatchObject({ clusterDomain: "prod.example", maxPods: 60 });
    expect(losses).toEqual([
      "cluster prod: `cni flannel` cannot be expressed in kubeadm; install it after the cluster",
    ]);
    const kind = parseYaml(textOf(read(FLANNEL), "kind")) as Record<string, unknown>;
    expect(kind).toMatchObject({
      networking: { ipFamily: "dual", disableDefaultCNI: true, kubeProxyMode: "ipvs" },
      nodes: [{ role: "control-plane" }, { role: "worker" }],
    });
  });
});

describe("cilium", () => {
  it("has the ranges and the routing mode, and reports what it cannot map", () => {
    const { files, losses } = exportOf(read(FLANNEL), "cilium");
    expect(parseYaml(files["values.yaml"] ?? "")).toEqual({
      cluster: { name: "prod" },
      ipam: {
        mode: "cluster-pool",
        operator: {
          clusterPoolIPv4PodCIDRList: ["10.244.0.0/16"],
          clusterPoolIPv4MaskSize: 25,
          clusterPoolIPv6PodCIDRList: ["fd00:10:244::/56"],
          clusterPoolIPv6MaskSize: 64,
        },
      },
      ipv4: { enabled: true },
      ipv6: { enabled: true },
      routingMode: "tunnel",
      tunnelProtocol: "vxlan",
      tunnelPort: 4789,
      kubeProxyReplacement: false,
      nodePort: { range: "31000,31999" },
    });
    expect(losses).toEqual([
      "cluster prod: `direct-routing true` cannot be expressed in Cilium; a tunnel between all nodes is used",
      "cluster prod: `vni 7` cannot be expressed in Cilium; the identity of the sender is used",
      "cluster prod: `max-pods 60` is a setting of kubelet, not of Cilium",
    ]);
    const config = parseYaml(files["cilium-config.yaml"] ?? "") as { data: Record<string, unknown> };
    expect(Object.values(config.data).every((value) => typeof value === "string")).toBe(true);
  });
});

describe("kubernetes", () => {
  it("reports everything that the objects do not have", () => {
    expect(exportOf(read(FLANNEL), "kubernetes").losses).toEqual([
      "segment lan: cannot be expressed in Kubernetes objects",
      "router r: cannot be expressed in Kubernetes objects",
      "host laptop: cannot be expressed in Kubernetes objects",
      "`expect laptop -> n1 blocked`: cannot be expressed in Kubernetes objects",
      "node prod/n1: `deny icmp` cannot be expressed in Kubernetes objects",
    ]);
  });

  it("quotes strings that YAML 1.1 reads as other types", () => {
    const text = textOf(read(`cluster c { namespace x { pod p { labels a=on b=1_000 c=0x1f d=yes } } }`), "kubernetes");
    expect(text).toMatch(/a: "on"\n *b: "1_000"\n *c: "0x1f"\n *d: "yes"/);
  });
});

describe("ip", () => {
  it("creates the devices, routes, and pods of each machine", () => {
    const { files, losses } = exportOf(read(FLANNEL), "ip");
    expect(Object.keys(files)).toEqual(["r.sh", "laptop.sh", "prod-n1.sh", "prod-n2.sh"]);
    const script = files["prod-n1.sh"] ?? "";
    for (const line of [
      "ip netns add prod-default-web",
      "sysctl -qw net.ipv4.ip_forward=1",
      "ip addr add 192.168.10.11/24 dev eth0",
      "ip link add name cni0 type bridge mcast_snooping 0",
      "ip link add name flannel.7 type vxlan id 7 dev eth0 local 192.168.10.11 dstport 4789 nolearning",
      "ip -n prod-default-web addr add 10.244.0.2/25 dev eth0",
    ])
      expect(script.split("\n")).toContain(line);
    expect(script).toMatch(/^ip link add name \S+ type veth peer name eth0 netns prod-default-web$/m);
    expect(losses[0]).toMatch(/netfilter rules are not in the scripts; `knet rules` prints them$/);
  });
});

describe("diagrams", () => {
  const text = FLANNEL.replace("pod web", 'pod "web"').replace('pod "web"', "pod web");
  it("show every machine and pod", () => {
    for (const format of ["mermaid", "svg", "dot", "drawio"] as const) {
      const drawing = textOf(read(text), format);
      for (const name of ["lan", "laptop", "n1", "n2", "default/web", "192.168.10.11", "10.244.0.0/16"])
        expect(drawing).toContain(name);
    }
  });

  it("are valid in their notation", () => {
    const svg = textOf(read(text), "svg");
    expect(svg.match(/<(\w+)[^>]*[^/]>/g)?.length).toBe(svg.match(/<\/\w+>/g)?.length);
    const drawio = textOf(read(text), "drawio");
    const ids = [...drawio.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, end] of drawio.matchAll(/ (?:source|target|parent)="([^"]+)"/g)) expect(ids).toContain(end);
    expect(textOf(read(text), "dot")).toMatch(/^graph topology \{\n[\s\S]*\n\}\n$/);
    expect(textOf(read(text), "mermaid")).toMatch(/^flowchart TB\n/);
  });
});

describe("gateways and load balancers", () => {
  const shop = (
    balancer: string,
    router = "",
    routes = "",
  ): string => `segment lan { cidr 192.168.10.0/24; gateway gateway }
router gateway { attach lan 192.168.10.1${router} }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel
  ${balancer}
  node n1 { attach lan 192.168.10.11 }
  namespace infra {
    deployment envoy replicas 1 { labels app=envoy; listen 8080 }
    service envoy { select app=envoy; port 80 -> 8080; cluster-ip 10.96.0.5; load-balancer-ip 192.168.10.200 }
    gateway public { served-by envoy }
  }
  namespace shop {
    deployment api replicas 1 { labels app=api; listen 9090 }
    service api { select app=api; port 80 -> 9090; cluster-ip 10.96.0.6 }
    service old { select app=api; port 80 -> 9090; cluster-ip 10.96.0.7 }
${routes}  }
}
`;
  const ROUTES = `    http-route all { gateway infra/public; path "/" -> api:80 }
    http-route shop {
      gateway infra/public
      host "a.example.com" { path "/api" -> api:80 weight 90; path "/api" -> old:80 weight 10; path "/x" exact -> old:80 }
      host "b.example.com" { path "/api" -> api:80 weight 90; path "/api" -> old:80 weight 10; path "/x" exact -> old:80 }
    }
`;

  it("have routes with hosts, paths, and weights, which are read back", () => {
    const before = read(shop("load-balancer l2", "", ROUTES));
    const { losses } = exportOf(before, "kubernetes");
    expect(losses.join("\n")).not.toMatch(/http-route|load balancer/);
    const text = textOf(before, "kubernetes");
    expect(
      documents(text)
        .filter((one) => one["kind"] === "HTTPRoute")
        .map((one) => one["spec"]),
    ).toMatchObject([
      { parentRefs: [{ name: "public", namespace: "infra" }], rules: [{ backendRefs: [{ name: "api", port: 80 }] }] },
      { hostnames: ["a.example.com", "b.example.com"] },
    ]);
    const after = analysed(imported(text));
    const routesOf = ({ topology }: typeof before) =>
      topology.clusters[0]?.ingresses?.map(({ name, gateway, servedBy, rules }) => ({
        name,
        gateway,
        servedBy: servedBy?.text.split("/").at(-1),
        rules: rules.map(({ host, path, exact, weight, backend }) => ({
          host,
          path,
          exact,
          weight,
          to: `${backend.text}:${backend.port}`,
        })),
      }));
    expect(routesOf(after)).toEqual(routesOf(before));
    expect(printed(imported(textOf(after, "kubernetes")))).toBe(printed(imported(text)));
  });

  it("are several routes if hosts have other paths", () => {
    const text = textOf(
      read(
        shop(
          "load-balancer l2",
          "",
          `    http-route shop { gateway infra/public; host "a.example.com" { path "/" -> api:80 }; host "b.example.com" { path "/" -> old:80 } }\n`,
        ),
      ),
      "kubernetes",
    );
    expect(text.match(/kind: HTTPRoute/g)).toHaveLength(2);
    const { topology } = analysed(imported(text));
    expect(
      topology.clusters[0]?.ingresses?.flatMap(({ rules }) =>
        rules.map(({ host, backend }) => `${host} ${backend.text}`),
      ),
    ).toEqual(["a.example.com api", "b.example.com old"]);
  });

  it.each([
    ["load-balancer l2", ["IPAddressPool", "L2Advertisement"], { kind: "l2", by: undefined }],
    ["load-balancer bgp by gateway", ["IPAddressPool", "BGPAdvertisement", "BGPPeer"], { kind: "bgp", by: "gateway" }],
  ])("%s are objects of MetalLB, which are read back", (statement, kinds, expected) => {
    const before = read(shop(statement, "; bgp as 64500 { listen-range 192.168.10.0/24 as 64512 }"));
    const objects = documents(textOf(before, "kubernetes")).filter((one) =>
      String(one["apiVersion"]).startsWith("metallb.io/"),
    );
    expect(objects.map((one) => one["kind"])).toEqual(kinds);
    expect(objects[0]?.["spec"]).toEqual({ addresses: ["192.168.10.200/32"] });
    if (kinds.includes("BGPPeer"))
      expect(objects[2]?.["spec"]).toEqual({ myASN: 64512, peerASN: 64500, peerAddress: "192.168.10.1" });
    const { topology } = analysed(imported(textOf(before, "kubernetes")));
    expect(topology.clusters[0]?.services.loadBalancer).toMatchObject(expected);
  });

  it("without a session on the router have no BGPPeer, and proxies no objects", () => {
    expect(exportOf(read(shop("load-balancer bgp by gateway")), "kubernetes").losses.join("\n")).toContain(
      "no BGPPeer is exported",
    );
    expect(exportOf(read(shop("load-balancer proxy by gateway")), "kubernetes").losses).toContain(
      "load balancer proxy: its configuration is not a Kubernetes object",
    );
  });
});
