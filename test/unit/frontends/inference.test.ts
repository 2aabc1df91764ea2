import { describe, expect, it } from "vitest";
import { messageOf } from "../../../server/src/checks/run.ts";
import { printDecls } from "../../../server/src/declared/print.ts";
import { manifestDocuments } from "../../../server/src/frontends/kubernetes/document.ts";
import { analyse } from "../../../server/src/service/analysis.ts";

const read = (text: string) => manifestDocuments("dump.yaml", [{ file: "dump.yaml", text }], "c");
const printed = (text: string): string => printDecls(read(text).documents[0].decls);
const notes = (text: string): readonly string[] => read(text).problems.map(messageOf);

/** The text of the place of each problem with this code, and of the value in use. */
function places(text: string, code: string): readonly string[] {
  const { documents, problems } = read(text);
  const at = (span: { readonly start: number; readonly end: number } | undefined): string =>
    span ? text.slice(span.start, span.end) : "?";
  return problems.flatMap((one) => {
    if (one.code !== code) return [];
    const related = one.related.map(({ source }) => at(documents[0].spanOf(source)));
    return [[at(one.span), ...related].join(" < ")];
  });
}

interface NodeText {
  readonly name?: string;
  readonly ip?: string;
  readonly more?: string;
  readonly annotations?: string;
  readonly cidr?: string;
}

const node = ({ name = "n1", ip = "192.168.10.11", more = "", annotations = "", cidr = "" }: NodeText = {}): string =>
  `apiVersion: v1
kind: Node
metadata: {name: ${name}, annotations: {${annotations}}${more}}
spec: {${cidr === "" ? "" : `podCIDR: ${cidr}`}}
status: {addresses: [{type: InternalIP, address: ${ip}}]}
---
`;

const daemonSet = (name: string, container: string, status = ""): string =>
  `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ${name}, namespace: kube-system}
spec: {template: {spec: {hostNetwork: true, containers: [{name: ${name}, ${container}}]}}}
${status === "" ? "" : `status: {${status}}\n`}---
`;

const variables = (name: string, values: Readonly<Record<string, string>>): string =>
  daemonSet(
    name,
    `env: [${Object.entries(values)
      .map(([key, value]) => `{name: ${key}, value: "${value}"}`)
      .join(", ")}]`,
  );

const config = (name: string, key: string, text: string): string =>
  `apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}, namespace: kube-system}
data:
  ${key}: |
${text.replace(/^(?=.)/gm, "    ")}
---
`;

const calico = (kind: string, name: string, spec: string): string =>
  `apiVersion: crd.projectcalico.org/v1
kind: ${kind}
metadata: {name: ${name}}
spec: {${spec}}
---
`;

const netConf = (text: string): string => config("kube-flannel-cfg", "net-conf.json", text);

/** The statements between the services and the nodes. */
function network(text: string): string {
  const all = printed(text);
  const start = all.indexOf("\n", all.lastIndexOf("\n  services") + 1) + 1;
  return all.slice(start, all.indexOf("\n  node", start) + 1).replace(/^ {2}/gm, "");
}

const DNS = `apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec: {clusterIP: 10.96.0.10, selector: {k8s-app: kube-dns}, ports: [{port: 53, protocol: UDP}]}
---
`;

describe("flannel", () => {
  it("has the settings of net-conf.json and of flanneld's arguments", () => {
    const conf = `{
  "Network": "10.0.0.0/8",
  "EnableNFTables": true,
  "Backend": {"Type": "vxlan", "VNI": 7, "Port": 4789, "GBP": true, "Learning": true, "DirectRouting": true, "MTU": 1400}
}`;
    const text =
      node({ cidr: "10.9.0.0/24", annotations: "flannel.alpha.coreos.com/public-ip: 203.0.113.9" }) +
      daemonSet("kube-flannel-ds", "args: [--kube-subnet-mgr, --iface=eth1, --iptables-forward-rules=false]") +
      netConf(conf) +
      config("kubeadm-config", "ClusterConfiguration", "networking: {podSubnet: 10.9.0.0/16}");
    expect(network(text)).toBe(`cni flannel {
  network 10.0.0.0/8
  backend vxlan {
    vni 7
    port 4789
    gbp true
    learning true
    direct-routing true
    mtu 1400
  }
  ip-masq false
  iptables-forward-rules false
  nftables true
  iface eth1
}
`);
    expect(printed(text)).toContain("cni flannel { public-ip 203.0.113.9 }");
  });

  it.each([
    ['{"Network": "10.9.0.0/16", "Backend": {"Type": "udp", "Port": 9000}}', "backend udp { port 9000 }"],
    [
      '{"Network": "10.9.0.0/16", "Backend": {"Type": "ipip", "DirectRouting": true}}',
      "backend ipip { direct-routing true }",
    ],
    [
      '{"Network": "10.9.0.0/16", "Backend": {"Type": "wireguard", "Mode": "ipv4", "ListenPort": 51000, "PersistentKeepaliveInterval": 25}}',
      "backend wireguard {\n    mode ipv4\n    listen-port 51000\n    persistent-keepalive 25\n  }",
    ],
    ['{"Network": "10.9.0.0/16", "Backend": {"Type": "host-gw"}}', "backend host-gw"],
  ])("%s", (conf, backend) => {
    expect(network(netConf(conf))).toBe(
      `cni flannel${backend.includes("\n") ? ` {\n  ${backend}\n}` : ` {${backend.includes("{") ? `\n  ${backend}\n` : ` ${backend} `}}`}\n`,
    );
  });

  it("does not copy a preshared key", () => {
    const key = "7f".repeat(48);
    const text = netConf(`{"Network": "10.9.0.0/16", "Backend": {"Type": "ipsec", "PSK": "${key}", "UDPEncap": true}}`);
    expect(printed(text)).not.toContain(key);
    expect(printed(text)).toContain(`psk "${"0".repeat(96)}"`);
    expect(notes(text)).toContain("the preshared key of the ipsec backend is replaced by a placeholder");
  });

  it("leases subnets from etcd without --kube-subnet-mgr", () => {
    const text =
      daemonSet("kube-flannel-ds", "command: [/opt/bin/flanneld, --ip-masq]") +
      netConf('{"Network": "10.9.0.0/16", "SubnetLen": 26, "SubnetMin": "10.9.1.0", "Backend": {"Type": "vxlan"}}');
    expect(network(text)).toContain("  subnet-manager etcd\n  subnet-len /26\n  subnet-min 10.9.1.0\n");
  });

  it("has a backend of its own on a node whose annotation differs", () => {
    const annotation = "flannel.alpha.coreos.com/backend-type";
    const text =
      node({ annotations: `${annotation}: vxlan` }) +
      node({ name: "n2", ip: "192.168.10.12", annotations: `${annotation}: host-gw` });
    expect(printed(text)).toContain("cni flannel { backend host-gw }");
  });

  it("runs in the server process of k3s", () => {
    const args = JSON.stringify([
      "server",
      "--flannel-backend",
      "wireguard-native",
      "--cluster-cidr",
      "10.52.0.0/16",
      "--disable-network-policy",
      "--kube-proxy-arg",
      "proxy-mode=ipvs",
      "--kubelet-arg",
      "max-pods=250",
      "--token",
      "********",
    ]);
    const text = node({ annotations: `k3s.io/node-args: '${args}'` });
    expect(printed(text)).toContain(`  pods 10.52.0.0/16
  services 10.43.0.0/16
  max-pods 250
  cni flannel { backend wireguard }
  kube-proxy ipvs
`);
  });

  it("has kube-router as its policy engine if kube-router is not its router", () => {
    const conf = netConf('{"Network": "10.9.0.0/16", "Backend": {"Type": "host-gw"}}');
    const flanneld = daemonSet("kube-flannel-ds", "args: [--ip-masq, --kube-subnet-mgr]");
    const firewall = (flags: string): string => daemonSet("kube-router", `args: [${flags}]`);
    for (const text of [conf, conf + flanneld]) {
      expect(printed(text)).not.toContain("network-policy");
      const both = printed(text + firewall("--run-router=false"));
      expect(both).toContain("backend host-gw");
      expect(both).toContain("  network-policy kube-router\n");
      expect(printed(text + firewall("--run-router=false, --run-firewall=false"))).not.toContain("network-policy");
    }
    expect(notes(conf + firewall("--run-router=true")).join()).toContain("kube-router (DaemonSet kube-router) is not");
  });

  it("is not used if another DaemonSet runs and its own has no pods", () => {
    const text =
      daemonSet("kube-flannel-ds", "args: [--ip-masq]", "desiredNumberScheduled: 0") +
      daemonSet("calico-node", "image: calico/node", "desiredNumberScheduled: 3") +
      calico("IPPool", "p", "cidr: 10.8.0.0/16");
    expect(network(text)).toContain("cni calico");
  });
});

describe("Calico", () => {
  const peers =
    calico("BGPPeer", "reflectors", "peerSelector: has(rr)") +
    calico(
      "BGPPeer",
      "tor",
      'nodeSelector: "rack == \'a\'", peerIP: "192.168.10.1:179", asNumber: 64700, numAllowedLocalASNumbers: 1',
    ) +
    calico("BGPPeer", "one", "node: n1, peerIP: 192.168.10.2, asNumber: 64701");
  it("has the settings of its resources and of its nodes", () => {
    const text =
      node({
        more: ', labels: {rack: a, rr: "true"}',
        annotations:
          'projectcalico.org/IPv4Address: 10.0.0.5/24, projectcalico.org/ASNumber: "64601", projectcalico.org/RouteReflectorClusterID: 244.0.0.1',
      }) +
      node({ name: "n2", ip: "192.168.10.12" }) +
      calico(
        "IPPool",
        "p",
        "cidr: 10.8.0.0/16, ipipMode: CrossSubnet, blockSize: 24, disabled: true, disableBGPExport: true, nodeSelector: \"rack == 'a'\"",
      ) +
      calico("BGPConfiguration", "default", "asNumber: 64600, nodeToNodeMeshEnabled: false") +
      calico(
        "FelixConfiguration",
        "default",
        "ipipMTU: 1400, natOutgoingExclusions: IPPoolsAndHostIPs, defaultEndpointToHostAction: Drop",
      ) +
      calico("IPAMConfig", "default", "strictAffinity: true, autoAllocateBlocks: false, maxBlocksPerHost: 4") +
      calico("IPAMBlock", "10-8-7-0-24", 'cidr: 10.8.7.0/24, affinity: "host:n1"') +
      peers;
    expect(network(text)).toBe(`cni calico {
  pool p 10.8.0.0/16 {
    ipip cross-subnet
    block-size /24
    node-selector rack=a
    disabled true
    disable-bgp-export true
  }
  strict-affinity true
  auto-allocate-blocks false
  max-blocks-per-host 4
  as-number 64600
  node-to-node-mesh false
  mtu 1400
  nat-outgoing-exclusions ip-pools-and-host-ips
  default-endpoint-to-host-action drop
  peer reflectors { peer-selector rr=true }
  peer tor {
    node-selector rack=a
    peer-ip 192.168.10.1
    as-number 64700
    num-allowed-local-as-numbers 1
  }
  peer one {
    node n1
    peer-ip 192.168.10.2
    as-number 64701
  }
}
`);
    expect(printed(text)).toContain(`    cni calico {
      route-reflector-cluster-id 244.0.0.1
      as-number 64601
      bgp-address 10.0.0.5
      block 10.8.7.0/24
    }
`);
  });

  it("only enforces policies without a networking backend", () => {
    const engine = variables("calico-node", { CALICO_NETWORKING_BACKEND: "none" });
    const usual = "cni flannel { backend vxlan }\nnetwork-policy calico\n";
    expect(network(node() + engine)).toBe(usual);
    expect(notes(engine)).toContain(
      "Calico only enforces policies, and no other CNI plugin was found: `cni flannel` with VXLAN is used",
    );
    const findings = analyse("dump.yaml", read(node() + node({ name: "n2", ip: "192.168.11.12" }) + engine).documents);
    expect((findings.findings(() => false) ?? []).filter(({ code }) => code === "KN234")).toEqual([]);
    const pool = calico("IPPool", "p", "cidr: 10.8.0.0/16");
    expect(network(variables("kindnet", {}) + engine + pool)).toBe("cni kindnet\nnetwork-policy calico\n");
    expect(network(daemonSet("cilium", "image: x") + engine)).toBe(usual);
  });

  it("routes without BGP with VXLAN", () => {
    const text =
      variables("calico-node", { CALICO_NETWORKING_BACKEND: "none" }) +
      calico("IPPool", "p", "cidr: 10.8.0.0/16, vxlanMode: Always");
    expect(network(text)).toContain("cni calico {");
  });

  it("has the pool that calico-node creates, and the backend of its ConfigMap", () => {
    const text =
      variables("calico-node", { CALICO_IPV4POOL_IPIP: "Never", CALICO_IPV4POOL_VXLAN: "CrossSubnet" }) +
      config("calico-config", "calico_backend", "vxlan").replace("|\n    vxlan", "vxlan");
    expect(network(text)).toBe(
      "cni calico {\n  pool default-ipv4-ippool { vxlan cross-subnet; nat-outgoing true }\n  backend vxlan\n}\n",
    );
    expect(printed(text)).toContain("pods 192.168.0.0/16");
  });

  it("lets BIRD program the routes of IPIP pools before v3.33", () => {
    const text =
      daemonSet("calico-node", "image: 'docker.io/calico/node:v3.26.1'") +
      calico("IPPool", "p", "cidr: 10.8.0.0/16, ipipMode: Always");
    expect(network(text)).toContain("program-routes bird");
    expect(network(text.replace("v3.26.1", "v3.33.0"))).not.toContain("program-routes");
  });

  it("has one block per node with host-local", () => {
    const text =
      node({ cidr: "10.8.3.0/25" }) +
      daemonSet("calico-node", "image: calico/node") +
      calico("IPPool", "p", "cidr: 10.8.0.0/16") +
      config(
        "calico-config",
        "cni_network_config",
        '{"plugins": [{"type": "calico", "mtu": __CNI_MTU__, "ipam": {"type": "host-local", "subnet": "usePodCidr"}}]}',
      );
    expect(printed(text)).toContain("pool p 10.8.0.0/16 { block-size /25 }");
    expect(printed(text)).toContain("cni calico { block 10.8.3.0/25 }");
  });

  it("is only the policy engine with another plugin", () => {
    const engine = daemonSet("calico-node", "image: calico/node");
    expect(network(variables("aws-node", {}) + engine)).toBe("cni aws-vpc\nnetwork-policy calico\n");
    expect(network(daemonSet("kube-flannel-ds", "image: x") + engine)).toContain("network-policy calico");
  });
});

describe("clouds and the others", () => {
  const labeled = (labels: string): string => node({ more: `, labels: {${labels}}` });
  it.each([
    [
      "aws-node",
      labeled("node.kubernetes.io/instance-type: m5.xlarge") +
        variables("aws-node", {
          AWS_VPC_K8S_CNI_EXTERNALSNAT: "true",
          AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS: "10.1.0.0/16, 10.2.0.0/16",
          ENABLE_PREFIX_DELEGATION: "true",
          AWS_VPC_ENI_MTU: "1500",
        }),
      "cni aws-vpc {\n  instance m5.xlarge\n  prefix-delegation true\n  external-snat true\n  vpc 192.168.0.0/16\n  exclude-snat 10.1.0.0/16 10.2.0.0/16\n  mtu 1500\n}\n",
    ],
    [
      "Azure CNI overlay",
      node({ cidr: "10.244.0.0/24" }) +
        daemonSet("azure-cns", "image: x") +
        config("azure-ip-masq-agent-config", "ip-masq-agent", "nonMasqueradeCIDRs:\n- 10.244.0.0/16\n- 10.1.0.0/16"),
      "cni azure { non-masquerade 10.244.0.0/16 10.1.0.0/16 }\n",
    ],
    [
      "Azure CNI",
      node() + daemonSet("azure-cns", "image: x"),
      "cni azure { mode node-subnet; non-masquerade 192.168.0.0/16 }\n",
    ],
    [
      "GKE",
      labeled("cloud.google.com/gke-nodepool: default") +
        config("ip-masq-agent", "config", "nonMasqueradeCIDRs: [10.0.0.0/8]"),
      "cni gke { non-masquerade 10.0.0.0/8 }\n",
    ],
    ["GKE without nodes", daemonSet("netd", "image: x"), "cni gke\n"],
    [
      "kubenet",
      node({ cidr: "10.244.0.0/24" }).replace(
        "status: {",
        "status: {conditions: [{type: NetworkUnavailable, reason: RouteCreated}], ",
      ),
      "cni kubenet\n",
    ],
    [
      "Weave Net",
      variables("weave-net", { IPALLOC_RANGE: "10.40.0.0/14", WEAVE_MTU: "1400" }),
      "cni weave { range 10.40.0.0/14; mtu 1400 }\n",
    ],
    ["kindnet", variables("kindnet", { POD_SUBNET: "10.244.0.0/16" }), "cni kindnet\n"],
  ])("%s", (_, text, expected) => {
    expect(network(text)).toBe(expected);
  });

  it("have the ranges of OpenShift, and note a plugin that is not modeled", () => {
    const text = `${daemonSet("ovnkube-node", "image: x")}apiVersion: config.openshift.io/v1
kind: Network
metadata: {name: cluster}
spec: {clusterNetwork: [{cidr: 10.128.0.0/14, hostPrefix: 23}], serviceNetwork: [172.30.0.0/16], serviceNodePortRange: 30000-31000}
`;
    expect(printed(text)).toContain(
      "  pods 10.128.0.0/14 per-node /23\n  services 172.30.0.0/16\n  node-port-range 30000-31000\n",
    );
    expect(notes(text)).toContain(
      "OVN-Kubernetes (DaemonSet ovnkube-node) is not modeled yet: `cni flannel` with VXLAN is used",
    );
  });
});

/** Clusters as they run: the inferred network carries the packets that the real one carries. */
describe("running pods", () => {
  const pod = (name: string, on: string, ip: string): string =>
    `apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop}
spec: {nodeName: ${on}, containers: [{name: c, ports: [{containerPort: 80}]}]}
status: {phase: Running, podIP: ${ip}, conditions: [{type: Ready, status: "True"}]}
---
`;
  const two = (first: NodeText, second: NodeText): string =>
    node({ name: "n1", ip: "10.0.1.11", ...first }) + node({ name: "n2", ip: "10.0.1.12", ...second });
  const calicoNode = variables("calico-node", {
    DATASTORE_TYPE: "kubernetes",
    FELIX_DEFAULTENDPOINTTOHOSTACTION: "ACCEPT",
  });
  it.each([
    [
      "aws-node",
      two({}, { ip: "10.0.9.12" }) +
        variables("aws-node", {}) +
        pod("a", "n1", "10.0.3.7") +
        pod("b", "n2", "10.0.9.8"),
    ],
    [
      "azure-cns",
      two({}, {}) + daemonSet("azure-cns", "image: x") + pod("a", "n1", "10.0.1.70") + pod("b", "n2", "10.0.1.20"),
    ],
    [
      "azure-cns with an overlay",
      two({ cidr: "10.244.0.0/24" }, { cidr: "10.244.1.0/24" }) +
        daemonSet("azure-cns", "image: x") +
        pod("a", "n1", "10.244.0.7") +
        pod("b", "n2", "10.244.1.8"),
    ],
    ["weave-net", two({}, {}) + variables("weave-net", {}) + pod("a", "n1", "10.44.0.3") + pod("b", "n2", "10.32.0.9")],
    [
      "kindnet",
      two({ cidr: "10.244.0.0/24" }, { cidr: "10.244.1.0/24" }) +
        variables("kindnet", { POD_SUBNET: "10.244.0.0/16" }) +
        pod("a", "n1", "10.244.0.7") +
        pod("b", "n2", "10.244.1.8"),
    ],
    [
      "calico-node",
      two({}, {}) +
        calicoNode +
        calico("IPPool", "p", "cidr: 10.8.0.0/16, ipipMode: Always, natOutgoing: true") +
        pod("a", "n1", "10.8.7.65") +
        pod("b", "n2", "10.8.200.3"),
    ],
    [
      "calico-node with host-local",
      two({ cidr: "10.8.3.0/24" }, { cidr: "10.8.4.0/24" }) +
        calicoNode +
        calico("IPPool", "p", "cidr: 10.8.0.0/16, natOutgoing: true") +
        config("calico-config", "cni_network_config", '{"ipam": {"type": "host-local"}}') +
        pod("a", "n1", "10.8.3.5") +
        pod("b", "n2", "10.8.4.9"),
    ],
    [
      "canal",
      two({ cidr: "10.244.0.0/24" }, { cidr: "10.244.1.0/24" }) +
        variables("canal", { FLANNELD_IP_MASQ: "true" }) +
        pod("a", "n1", "10.244.0.7") +
        pod("b", "n2", "10.244.1.8"),
    ],
  ])("of %s reach each other with their own addresses", (_, text) => {
    const { documents } = read(text);
    const findings = analyse("dump.yaml", documents).findings(() => false) ?? [];
    expect(
      findings.flatMap(({ code, message, severity }) => (severity === "info" ? [] : `${code} ${message}`)),
    ).toEqual([]);
  });
});

describe("settings of the cluster", () => {
  it("are in kube-proxy's ConfigMap", () => {
    const conf = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
clusterCIDR: 10.0.0.0/8
detectLocalMode: InterfaceNamePrefix
detectLocal: {interfaceNamePrefix: cali}
iptables: {masqueradeAll: true, masqueradeBit: 15, localhostNodePorts: false}
ipvs: {strictARP: true, scheduler: lc}
mode: ipvs
nodePortAddresses: [192.168.10.0/24]`;
    expect(
      printed(
        netConf('{"Network": "10.9.0.0/16", "Backend": {"Type": "vxlan"}}') + config("kube-proxy", "config.conf", conf),
      ),
    ).toContain(`  kube-proxy ipvs {
    cluster-cidr 10.0.0.0/8
    detect-local interface-name-prefix cali
    masquerade-all true
    masquerade-bit 15
    localhost-node-ports false
    node-port-addresses 192.168.10.0/24
    scheduler lc
    strict-arp true
  }
`);
  });

  it("are in the arguments of static pods", () => {
    const pod = (name: string, words: string): string =>
      `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}-n1, namespace: kube-system}\nspec: {hostNetwork: true, containers: [{name: ${name}, command: [${name}, ${words}]}]}\nstatus: {phase: Running}\n---\n`;
    const text =
      pod("kube-apiserver", "--service-cluster-ip-range=10.50.0.0/16, --service-node-port-range=30000-30999") +
      pod("kube-controller-manager", "--cluster-cidr, 10.60.0.0/16, --node-cidr-mask-size=25");
    expect(printed(text)).toContain(
      "  pods 10.60.0.0/16 per-node /25\n  services 10.50.0.0/16\n  node-port-range 30000-30999\n",
    );
  });

  it.each([
    ["v1.28.3+k3s1", "  version 1.33\n"],
    ["v1.35.0", "  version 1.35\n"],
    ["v1.37.1", undefined],
    ["v1.40.0", undefined],
  ])("show the release of kubelet %s", (version, expected) => {
    const text = printed(node().replace("status: {", `status: {nodeInfo: {kubeletVersion: ${version}}, `));
    if (expected === undefined) expect(text).not.toContain("version");
    else expect(text).toContain(expected);
  });

  it("show the release of the oldest node", () => {
    const release = (name: string, version: string): string =>
      node({ name }).replace("status: {", `status: {nodeInfo: {kubeletVersion: ${version}}, `);
    const text = release("n1", "v1.36.0") + release("n2", "v1.34.3") + release("n3", "v1.36.0");
    expect(printed(text)).toContain("  version 1.34\n");
  });

  it("show max-pods, which clouds set to other defaults than kubelet", () => {
    const text = node().replace("status: {", 'status: {capacity: {pods: "110"}, ');
    expect(printed(text)).not.toContain("max-pods");
    expect(printed(text + daemonSet("aws-node", "image: x"))).toContain("  max-pods 110\n");
  });

  it("are in kubelet's ConfigMap and the Corefile", () => {
    const corefile =
      ".:53 {\n    kubernetes prod.example in-addr.arpa ip6.arpa {\n    }\n    forward . /etc/resolv.conf\n}";
    const text =
      config("kubelet-config-1.22", "kubelet", "maxPods: 60\nclusterDomain: prod.example") +
      config("coredns", "Corefile", corefile);
    expect(printed(text)).toContain("  max-pods 60\n  dns-domain prod.example\n");
    expect(notes(text).filter((one) => one.includes("differs"))).toEqual([]);
  });

  it.each(["", " in-addr.arpa ip6.arpa", "  in-addr.arpa. ip6.arpa."])(
    "have no domain without a zone of the cluster: kubernetes%s",
    (zones) => {
      const text = node() + config("coredns", "Corefile", `.:53 {\n    kubernetes${zones} {\n    }\n    cache 30\n}`);
      expect(printed(text)).not.toContain("dns-domain");
    },
  );

  it("are in a Corefile whose first zone is for reverse lookups", () => {
    const text = node() + config("coredns", "Corefile", ".:53 {\n    kubernetes in-addr.arpa prod.example {\n    }\n}");
    expect(printed(text)).toContain("  dns-domain prod.example\n");
  });

  it.each([
    ["L2Advertisement", "load-balancer l2\n"],
    ["BGPAdvertisement", "load-balancer bgp by gateway\n"],
  ])("show MetalLB's %s", (kind, expected) => {
    expect(
      printed(`apiVersion: metallb.io/v1beta1\nkind: ${kind}\nmetadata: {name: a, namespace: metallb-system}\n`),
    ).toContain(expected);
  });
});

describe("values of several places (KN804)", () => {
  const flannel = (range: string): string => netConf(`{\n  "Network": "${range}",\n  "Backend": {"Type": "vxlan"}\n}`);
  it("are located in the text of the ConfigMap, with the value in use", () => {
    const text =
      node({ cidr: "10.244.0.0/24", annotations: "flannel.alpha.coreos.com/backend-type: vxlan" }) +
      flannel("10.42.0.0/16");
    expect(places(text, "KN804")).toEqual(['"10.42.0.0/16" < 10.244.0.0/24']);
    expect(notes(text)).toContain("pod CIDR 10.42.0.0/16 differs from 10.244.0.0/16 in Node n1, which is used");
    expect(printed(text)).toContain("pods 10.244.0.0/16\n");
  });

  it("of a node outside of the range of the other nodes", () => {
    const text =
      node({ cidr: "10.244.0.0/24" }) +
      node({ name: "n2", ip: "192.168.10.12", cidr: "10.99.0.0/24" }) +
      flannel("10.244.0.0/16");
    expect(places(text, "KN804")).toEqual(['10.99.0.0/24 < "10.244.0.0/16"']);
  });

  const kubeadm = (pods: string): string =>
    config("kubeadm-config", "ClusterConfiguration", `networking:\n  podSubnet: ${pods}\n  dnsDomain: cluster.local`);
  const proxy = (cidr: string, mode = "iptables"): string =>
    config("kube-proxy", "config.conf", `clusterCIDR: ${cidr}\nmode: ${mode}`);
  const pool = calico("IPPool", "p", "cidr: 10.8.0.0/16");
  it.each([
    ["kube-proxy's range covers the pod CIDR", kubeadm("10.8.0.0/16") + proxy("10.0.0.0/8")],
    ["pools are parts of podSubnet", kubeadm("10.0.0.0/8") + pool + calico("IPPool", "q", "cidr: 10.9.0.0/16")],
    [
      "flannel's network covers the pod CIDR",
      node({ cidr: "10.8.1.0/24" }) + kubeadm("10.8.0.0/16") + flannel("10.0.0.0/8"),
    ],
    [
      "an installer's defaults are not stated",
      `kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n---\n${kubeadm("10.244.0.0/16")}`,
    ],
    [
      "k3s runs another plugin",
      node({ annotations: `k3s.io/node-args: '["server","--flannel-backend","none"]'` }) +
        daemonSet("calico-node", "image: calico/node") +
        pool,
    ],
    ["a node-local DNS cache", config("kubelet-config", "kubelet", "clusterDNS: [169.254.20.10]") + DNS],
  ])("is silent if %s", (_, text) => {
    expect(places(text, "KN804")).toEqual([]);
  });

  it.each([
    ["pod CIDR", kubeadm("10.7.0.0/16") + pool, "10.7.0.0/16 < 10.8.0.0/16"],
    ["kube-proxy's range", kubeadm("10.8.0.0/16") + proxy("10.7.0.0/16"), "10.7.0.0/16 < 10.8.0.0/16"],
    [
      "kube-proxy mode",
      proxy("10.8.0.0/16", "ipvs") + daemonSet("kube-proxy", "command: [kube-proxy, --proxy-mode=nftables]"),
      "--proxy-mode=nftables < ipvs",
    ],
    [
      "backend",
      node({ annotations: "flannel.alpha.coreos.com/backend-type: host-gw" }) + flannel("10.8.0.0/16"),
      '"vxlan" < host-gw',
    ],
    [
      "MTU",
      pool +
        config("calico-config", "veth_mtu", "1400").replace("|\n    1400", '"1400"') +
        "apiVersion: operator.tigera.io/v1\nkind: Installation\nmetadata: {name: default}\nspec: {calicoNetwork: {mtu: 1450}}\n",
      '1450 < "1400"',
    ],
    [
      "AS number",
      variables("calico-node", { AS: "64512" }) + calico("BGPConfiguration", "default", "asNumber: 64600"),
      '64600 < "64512"',
    ],
    [
      "cluster domain",
      kubeadm("10.8.0.0/16") + config("kubelet-config", "kubelet", "clusterDomain: prod.example"),
      "cluster.local < prod.example",
    ],
    ["DNS address", config("kubelet-config", "kubelet", "clusterDNS: [10.96.0.11]") + DNS, "10.96.0.11 < 10.96.0.10"],
    [
      "pool variable",
      pool + variables("calico-node", { CALICO_IPV4POOL_CIDR: "10.7.0.0/16" }),
      '"10.7.0.0/16" < 10.8.0.0/16',
    ],
  ])("%s", (_, text, expected) => {
    expect(places(text, "KN804")).toEqual([expected]);
  });
});

describe("every field of the inference", () => {
  it("is read from values of any type without an exception", () => {
    const kinds = [
      "IPPool",
      "BGPPeer",
      "BGPConfiguration",
      "FelixConfiguration",
      "IPAMBlock",
      "Tier",
      "GlobalNetworkPolicy",
      "NetworkPolicy",
    ];
    const values = ["null", "[]", "{}", "7", "[{}]", "text", "{cidr: {}, selector: 7, ingress: {}, peerSelector: []}"];
    for (const kind of kinds)
      for (const value of values)
        expect(() =>
          printed(`apiVersion: crd.projectcalico.org/v1\nkind: ${kind}\nmetadata: {name: x}\nspec: ${value}\n`),
        ).not.toThrow();
    for (const text of [
      "[",
      "{",
      "7",
      "",
      "a: [b",
      "- x",
      '{"Backend": 7}',
      '{"Network": [], "Backend": {"Type": {}}}',
    ])
      expect(() =>
        printed(
          netConf(text) +
            config("kube-proxy", "config.conf", text) +
            config("kubeadm-config", "ClusterConfiguration", text),
        ),
      ).not.toThrow();
  });
});
