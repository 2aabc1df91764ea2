import { describe, expect, it } from "vitest";
import { messageOf } from "../../../server/src/checks/run.ts";
import { printDecls } from "../../../server/src/declared/print.ts";
import { manifestDocuments, type TextFile } from "../../../server/src/frontends/kubernetes/document.ts";
import { analyse } from "../../../server/src/service/analysis.ts";

const read = (...files: readonly TextFile[]) => manifestDocuments(files[0]?.file ?? "", files, "c");
const one = (text: string, file = "cluster.yaml") => read({ file, text });
const printed = (text: string, file?: string): string => printDecls(one(text, file).documents[0].decls);
const notes = (text: string): readonly string[] => one(text).problems.map(messageOf);

const KUBEADM = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking: {podSubnet: 10.20.0.0/16, dnsDomain: prod.example}
controllerManager: {extraArgs: [{name: node-cidr-mask-size, value: "25"}]}
apiServer: {extraArgs: [{name: service-node-port-range, value: 30000-30999}]}
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ipvs
ipvs: {strictARP: true}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 200
`;

const KIND = `kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {ipFamily: dual, kubeProxyMode: nftables}
nodes:
- role: control-plane
- role: worker
- role: worker
`;

const KOPS = `apiVersion: kops.k8s.io/v1alpha2
kind: Cluster
metadata: {name: prod.example.com}
spec:
  cloudProvider: aws
  networking: {calico: {crossSubnet: true}}
  subnets:
  - {cidr: 172.20.32.0/19, name: us-test-1a, zone: us-test-1a}
  - {cidr: 172.20.64.0/19, name: us-test-1b, zone: us-test-1b}
`;

const EKSCTL = `apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: c, region: eu-west-1}
vpc: {cidr: 10.10.0.0/16}
addons:
- name: vpc-cni
  configurationValues: |
    env:
      ENABLE_PREFIX_DELEGATION: "true"
`;

const NODES = "  nodes node- 1..2 { attach nodes }\n";

describe("files of installers", () => {
  it.each([
    [
      "kubeadm",
      KUBEADM,
      `  pods 10.20.0.0/16 per-node /25
  services 10.96.0.0/12
  max-pods 200
  node-port-range 30000-30999
  dns-domain prod.example
  cni flannel { backend vxlan }
  network-policy kindnet
  kube-proxy ipvs { strict-arp true }
${NODES}`,
    ],
    [
      "kubeadm v1beta3",
      "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\ncontrollerManager: {extraArgs: {cluster-cidr: 10.21.0.0/16}}\n",
      "  pods 10.21.0.0/16\n",
    ],
    [
      "kind",
      KIND,
      `segment nodes { cidr 172.18.0.0/16 fc00:f853:ccd:e793::/64 }
router gateway { attach nodes }
cluster c {
  pods 10.244.0.0/16
  pods fd00:10:244::/56
  services 10.96.0.0/16
  services fd00:10:96::/112
  cni kindnet
  kube-proxy nftables
  node kind-control-plane { attach nodes }
  node kind-worker { attach nodes }
  node kind-worker2 { attach nodes }
}
`,
    ],
    [
      "k3s",
      "write-kubeconfig-mode: '0644'\ncluster-cidr: 10.52.0.0/16\nflannel-backend: host-gw\nkubelet-arg: [max-pods=200]\nkube-proxy-arg: [proxy-mode=ipvs]\n",
      `  pods 10.52.0.0/16
  services 10.43.0.0/16
  max-pods 200
  cni flannel { backend host-gw }
  network-policy kube-router
  kube-proxy ipvs
${NODES}`,
    ],
    [
      "rke2",
      "cni: [multus, canal]\ncluster-cidr: 10.52.0.0/16\n",
      "  cni flannel { backend vxlan }\n  network-policy calico\n",
    ],
    [
      "kops",
      KOPS,
      `segment us-test-1a { cidr 172.20.32.0/19; cloud aws }
segment us-test-1b { cidr 172.20.64.0/19; cloud aws }
router gateway { attach us-test-1a; attach us-test-1b }
cluster c {
  pods 100.96.0.0/11
  services 100.64.0.0/13
  cni calico {
    pool default-ipv4-ippool { ipip cross-subnet; nat-outgoing true }
  }
  node node-1 { attach us-test-1a }
  node node-2 { attach us-test-1b }
}
`,
    ],
    ["eksctl", EKSCTL, "  services 172.20.0.0/16\n  cni aws-vpc { prefix-delegation true }\n"],
    ["eksctl without a VPC", EKSCTL.replace("vpc: {cidr: 10.10.0.0/16}\n", ""), "  services 10.100.0.0/16\n"],
    [
      "Cluster API",
      "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: c}\nspec: {clusterNetwork: {pods: {cidrBlocks: [192.168.0.0/16]}, services: {cidrBlocks: [10.128.0.0/12]}, serviceDomain: k8s.test}}\n",
      "  pods 192.168.0.0/16\n  services 10.128.0.0/12\n  dns-domain k8s.test\n",
    ],
    [
      "Talos",
      "version: v1alpha1\nmachine: {type: controlplane, token: hidden}\ncluster:\n  network: {podSubnets: [10.66.0.0/16], cni: {name: flannel, flannel: {extraArgs: [--iface=eth1]}}}\n  proxy: {mode: nftables}\n",
      "  pods 10.66.0.0/16\n  services 10.96.0.0/12\n  cni flannel { backend vxlan; iface eth1 }\n  kube-proxy nftables\n",
    ],
  ])("of %s", (_, text, expected) => {
    expect(printed(text)).toContain(expected);
    expect(notes(text).filter((note) => note.includes("not read"))).toEqual([]);
    const findings = analyse("cluster.yaml", one(text).documents).findings(() => false) ?? [];
    expect(findings.filter(({ code }) => code.startsWith("KN0"))).toEqual([]);
  });

  it("of kubespray are variables of several files and an inventory", () => {
    const files = [
      {
        file: "k8s-cluster.yml",
        text: "kube_network_plugin: calico\nkube_network_node_prefix: 25\nkube_pods_subnet: 10.200.0.0/18\ncluster_name: cluster.local\ndns_domain: '{{ cluster_name }}'\nkube_proxy_strict_arp: true\n",
      },
      { file: "k8s-net-calico.yml", text: "calico_vxlan_mode: CrossSubnet\ncalico_network_backend: bird\n" },
      {
        file: "hosts.yaml",
        text: `all:
  hosts:
    node1: {ansible_host: 203.0.113.1, ip: 10.3.0.1}
    node2: {ip: 10.3.1.2}
    bastion: {ansible_host: 203.0.113.9}
  children:
    kube_control_plane: {hosts: {node1: }}
    kube_node: {hosts: {node1: , node2: }}
`,
      },
    ];
    expect(printDecls(read(...files).documents[0].decls)).toBe(`segment nodes-1 { cidr 10.3.0.0/24 }
segment nodes-2 { cidr 10.3.1.0/24 }
router gateway { attach nodes-1; attach nodes-2 }
cluster c {
  pods 10.200.0.0/18 per-node /25
  services 10.233.0.0/18
  cni calico {
    pool default-pool { vxlan cross-subnet; nat-outgoing true }
  }
  kube-proxy ipvs { strict-arp true }
  node node1 { attach nodes-1 10.3.0.1 }
  node node2 { attach nodes-2 10.3.1.2 }
}
`);
  });

  it("and objects are one cluster; the objects take precedence", () => {
    const text = `${KUBEADM}---\napiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: kubernetes}\nspec: {cidrs: [10.77.0.0/16]}\n`;
    expect(printed(text)).toContain("services 10.77.0.0/16\n");
    expect(notes(text).filter((note) => note.includes("differs"))).toEqual([]);
  });

  it("contradict each other", () => {
    expect(notes(`${KUBEADM}clusterDomain: other.example\n`)).toContain(
      "cluster domain prod.example differs from other.example in KubeletConfiguration KubeletConfiguration, which is used",
    );
  });

  it.each([
    "a: 1",
    "kind: Cluster",
    "all: {hosts: 3}",
    "version: v1alpha1\nmachine: 3",
    "cluster-cidr: {}",
    "kube_pods_subnet: [1]",
    "kind: ClusterConfiguration\nnetworking: 7",
    "apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nmetadata: {name: c}\nspec: {nonMasqueradeCIDR: 10.0.0.0/32, networking: {calico: 3, cni: []}, subnets: [1, {name: 2, cidr: [3]}]}",
    "apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nmetadata: {name: c}\nspec: {subnets: [{name: a}]}\n---\napiVersion: kops.k8s.io/v1alpha2\nkind: InstanceGroup\nmetadata: {name: g}\nspec: {subnets: [a], minSize: -1}",
    "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: c}\nvpc: {cidr: no, subnets: {private: [1], public: 2}}\nnodeGroups: [1, {name: [], minSize: x, subnets: 3}]",
  ])("are read without an exception: %s", (text) => {
    expect(() => printed(text)).not.toThrow();
  });
});

const KOPS_SUBNETS = `apiVersion: kops.k8s.io/v1alpha2
kind: Cluster
metadata: {name: prod.example.com}
spec:
  nonMasqueradeCIDR: 10.128.0.0/10
  networking: {calico: {}}
  subnets:
  - {name: a, zone: a, type: Private}
  - {name: b, zone: b, type: Private, ipv6CIDR: "2001:db8::/64"}
  - {cidr: 172.20.64.0/19, name: utility-a, zone: a, type: Utility}
`;

const GROUPS = `---
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
metadata: {name: nodes, labels: {kops.k8s.io/cluster: prod.example.com}}
spec: {role: Node, minSize: 3, subnets: [a, b]}
---
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
metadata: {name: control}
spec: {role: Master, subnets: [b]}
---
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
metadata: {name: bastion}
spec: {role: Bastion, minSize: 1, subnets: [utility-a]}
---
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
metadata: {name: other, labels: {kops.k8s.io/cluster: test.example.com}}
spec: {role: Node, subnets: [a]}
`;

/** No finding about the form of a declaration: an argument without a value, a name twice. */
const isWellFormed = (text: string): void => {
  const findings = analyse("cluster.yaml", one(text).documents).findings(() => false) ?? [];
  expect(findings.filter(({ code }) => code.startsWith("KN0")).map(({ message }) => message)).toEqual([]);
};

describe("files of kops", () => {
  it("have subnets without a range, and a part of nonMasqueradeCIDR for pods", () => {
    isWellFormed(KOPS_SUBNETS);
    expect(printed(KOPS_SUBNETS)).toBe(`segment a { cidr 198.18.0.0/24 }
segment b { cidr 2001:db8::/64 }
segment utility-a { cidr 172.20.64.0/19 }
router gateway {
  attach a
  attach b
  attach utility-a
}
cluster c {
  pods 10.160.0.0/11
  services 100.64.0.0/13
  cni calico {
    pool default-ipv4-ippool { ipip cross-subnet; nat-outgoing true }
  }
  node node-1 { attach a }
  node node-2 { attach b }
}
`);
    expect(notes(KOPS_SUBNETS)).toContain("the range of subnet a was not found: 198.18.0.0/24 is used");
  });

  it("state ranges, which take precedence", () => {
    const text = KOPS_SUBNETS.replace("spec:\n", "spec:\n  podCIDR: 10.130.0.0/16\n");
    expect(printed(text)).toContain("  pods 10.130.0.0/16\n  services 100.64.0.0/13\n");
  });

  it("have a part of nonMasqueradeCIDR for services before release 1.28", () => {
    const of = (version: string): string =>
      printed(KOPS_SUBNETS.replace("spec:\n", `spec:\n  kubernetesVersion: ${version}\n`));
    expect(of("v1.27.4")).toContain("  pods 10.160.0.0/11\n  services 10.128.0.0/13\n");
    expect(of("1.28.0")).toContain("  pods 10.160.0.0/11\n  services 100.64.0.0/13\n");
  });

  it("have nodes in the subnets of their instance groups", () => {
    isWellFormed(KOPS_SUBNETS + GROUPS);
    expect(
      printed(KOPS_SUBNETS + GROUPS)
        .split("\n")
        .filter((line) => /^ {2}nodes? /.test(line)),
    ).toEqual([
      "  nodes nodes-1- 1..2 { attach a }",
      "  nodes nodes-2- 1..1 { attach b }",
      "  nodes control- 1..1 { attach b }",
    ]);
  });

  it("describe IPv6 clusters", () => {
    const text = KOPS_SUBNETS.replace("10.128.0.0/10", '"::/0"').replace("2001:db8::/64", "/64#1");
    isWellFormed(text);
    expect(printed(text)).toContain(`segment utility-a { cidr 172.20.64.0/19; cidr 2001:2:0:2::/64 }`);
    expect(printed(text)).toContain(`  pods fd00:10:244::/56
  services fd00:5e4f:ce::/108
  cni calico { pool default-ipv6-ippool }
`);
  });

  it.each([
    ["calico: {ipipMode: Always}", "ipip always"],
    ["calico: {crossSubnet: false}", "ipip always"],
    ["calico: {encapsulationMode: vxlan}", "vxlan cross-subnet"],
    ["calico: {encapsulationMode: vxlan, vxlanMode: Always}", "vxlan always"],
  ])("have Calico's encapsulation: %s", (text, expected) => {
    expect(printed(KOPS_SUBNETS.replace("calico: {}", text))).toContain(`{ ${expected}; nat-outgoing true }`);
  });

  it.each([
    ["cni: {}", "the CNI plugin is installed separately and is not in the input: `cni flannel` with VXLAN is used"],
    ["cilium: {}", "plugin cilium is not modeled yet: `cni flannel` with VXLAN is used"],
  ])("have a plugin that is not known, with one note: %s", (text, expected) => {
    const found = notes(KOPS_SUBNETS.replace("calico: {}", `topology: {dns: {}}, ${text}`));
    expect(found.filter((one) => one.includes("flannel") || one.includes("topology"))).toEqual([expected]);
  });

  it("have the plugin of a manifest beside them", () => {
    const pool =
      "---\napiVersion: crd.projectcalico.org/v1\nkind: IPPool\nmetadata: {name: p}\nspec: {cidr: 10.8.0.0/16}\n";
    const text = KOPS_SUBNETS.replace("calico: {}", "cni: {}") + pool;
    expect(printed(text)).toContain("cni calico");
    expect(notes(text).filter((one) => one.includes("flannel"))).toEqual([]);
  });
});

describe("files of eksctl", () => {
  const eks = (more: string): string =>
    `apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: c, region: eu-west-1}\n${more}`;
  const nodes = (text: string): readonly string[] =>
    printed(text)
      .split("\n")
      .filter((line) => /^ {2}nodes? /.test(line));

  it("have node groups", () => {
    const groups =
      "nodeGroups: [{name: old, minSize: 3}, {name: ng}]\nmanagedNodeGroups: [{name: new, desiredCapacity: 4}]\n";
    isWellFormed(eks(groups));
    expect(nodes(eks(groups))).toEqual([
      "  nodes old- 1..3 { attach nodes }",
      "  nodes ng- 1..2 { attach nodes }",
      "  nodes new- 1..4 { attach nodes }",
    ]);
    expect(nodes(eks("nodeGroups: []\n"))).toEqual([]);
    expect(nodes(eks(""))).toEqual(["  node node-1 { attach nodes }"]);
  });

  it("have node groups in public subnets, or where they say", () => {
    const text = eks(`vpc:
  subnets:
    private: {a: {id: subnet-1, cidr: 10.1.0.0/24}, b: {id: subnet-2}}
    public: {a: {id: subnet-3, cidr: 10.1.2.0/24}}
managedNodeGroups:
- {name: one, desiredCapacity: 1}
- {name: two, desiredCapacity: 3, privateNetworking: true}
- {name: three, desiredCapacity: 1, subnets: [subnet-2]}
- {name: four, desiredCapacity: 1, privateNetworking: true, availabilityZones: [a]}
`);
    isWellFormed(text);
    expect(nodes(text)).toEqual([
      "  nodes one- 1..1 { attach public-a }",
      "  nodes two-1- 1..2 { attach private-a }",
      "  nodes two-2- 1..1 { attach private-b }",
      "  nodes three- 1..1 { attach private-b }",
      "  nodes four- 1..1 { attach private-a }",
    ]);
    expect(notes(text)).toContain("the range of subnet private-b was not found: 198.18.1.0/24 is used");
  });

  it("have defaults and networks outside, which notes name", () => {
    const text = eks(
      "kubernetesNetworkConfig: {ipFamily: IPv6}\nremoteNetworkConfig: {remoteNodeNetworks: [{cidrs: [10.80.0.0/16]}]}\n",
    );
    isWellFormed(text);
    expect(printed(text)).toContain("  services fd00::/108\n  cni aws-vpc { ip-family ipv6 }\n");
    expect(printed(text)).toContain("  cidr 192.168.0.0/16\n  cidr 2001:2::/64\n");
    expect(notes(text)).toEqual(
      expect.arrayContaining([
        "no range of the VPC was found: 192.168.0.0/16 is used",
        "the remote networks 10.80.0.0/16 of nodes are not shown",
        "no service CIDR was found: fd00::/108 is used",
      ]),
    );
  });
});
