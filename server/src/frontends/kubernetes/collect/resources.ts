/** What the collector reads from a cluster and from its nodes: what `knet import` and `--state` use. */

/** A file of the folder `cluster`, and the API resource in it: the first that the cluster has. */
export type Resource = readonly [file: string, ...resources: string[]];

/** CRDs of Calico; only with its API server, or with the new CRDs, the group is projectcalico.org. */
function calico(...names: readonly string[]): readonly Resource[] {
  return names.map((name) => [`${name}.calico`, `${name}.crd.projectcalico.org`, `${name}.projectcalico.org`]);
}

function ofGroup(group: string, ...names: readonly string[]): readonly Resource[] {
  return names.map((name) => [`${name}.${group}`, `${name}.${group}`]);
}

/** Everything that these lists do not name is not read, in particular no Secret. */
export const RESOURCES: readonly Resource[] = [
  ["nodes", "nodes"],
  ["namespaces", "namespaces"],
  ["pods", "pods"],
  ["deployments", "deployments.apps"],
  ["statefulsets", "statefulsets.apps"],
  ["daemonsets", "daemonsets.apps"],
  ["replicasets", "replicasets.apps"],
  ["jobs", "jobs.batch"],
  ["cronjobs", "cronjobs.batch"],
  ["services", "services"],
  ["endpointslices", "endpointslices.discovery.k8s.io", "endpoints"],
  ["networkpolicies", "networkpolicies.networking.k8s.io"],
  ["ingresses", "ingresses.networking.k8s.io"],
  ["ingressclasses", "ingressclasses.networking.k8s.io"],
  ["servicecidrs", "servicecidrs.networking.k8s.io"],
  ...ofGroup(
    "policy.networking.k8s.io",
    "adminnetworkpolicies",
    "baselineadminnetworkpolicies",
    "clusternetworkpolicies",
  ),
  ...ofGroup("gateway.networking.k8s.io", "gateways", "httproutes", "referencegrants"),
  ...calico(
    "ippools",
    "ipamblocks",
    "blockaffinities",
    "ipamconfigs",
    "ipreservations",
    "felixconfigurations",
    "bgpconfigurations",
    "bgppeers",
    "bgpfilters",
    "networkpolicies",
    "globalnetworkpolicies",
    "networksets",
    "globalnetworksets",
    "hostendpoints",
    "tiers",
    "caliconodestatuses",
    "kubecontrollersconfigurations",
  ),
  ...ofGroup("operator.tigera.io", "installations"),
  ...ofGroup(
    "cilium.io",
    "ciliumnodes",
    "ciliumendpoints",
    "ciliumendpointslices",
    "ciliumidentities",
    "ciliumnetworkpolicies",
    "ciliumclusterwidenetworkpolicies",
    "ciliumcidrgroups",
    "ciliumlocalredirectpolicies",
    "ciliumegressgatewaypolicies",
    "ciliumloadbalancerippools",
    "ciliuml2announcementpolicies",
    "ciliumnodeconfigs",
    "ciliumbgpclusterconfigs",
    "ciliumbgppeerconfigs",
    "ciliumbgpadvertisements",
    "ciliumbgpnodeconfigs",
    "ciliumbgppeeringpolicies",
  ),
  ...ofGroup("crd.antrea.io", "antreaagentinfos", "egresses", "externalippools", "ippools", "bgppolicies"),
  ...ofGroup("crd.antrea.io", "networkpolicies", "clusternetworkpolicies", "tiers", "antreanodeconfigs"),
  ...ofGroup("config.openshift.io", "networks"),
  ...ofGroup("operator.openshift.io", "networks"),
  ...ofGroup(
    "k8s.ovn.org",
    "egressips",
    "egressfirewalls",
    "egressservices",
    "adminpolicybasedexternalroutes",
    "userdefinednetworks",
    "clusteruserdefinednetworks",
  ),
  ...ofGroup("k8s.cni.cncf.io", "network-attachment-definitions"),
  ...ofGroup("crd.k8s.amazonaws.com", "eniconfigs"),
  ...ofGroup("vpcresources.k8s.aws", "cninodes"),
  ...ofGroup("acn.azure.com", "nodenetworkconfigs"),
  ...ofGroup("metallb.io", "ipaddresspools", "l2advertisements", "bgpadvertisements", "bgppeers"),
];

/** Files with pod templates: environment variables and arguments that are not listed below are redacted. */
export const WORKLOADS = ["pods", "deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs"];

/** "namespace/name", as patterns of `case`: the configuration of CNI plugins, kube-proxy, kubelet, and DNS. */
export const CONFIG_MAPS = [
  "kube-system/kubeadm-config",
  "kube-system/kube-proxy",
  "kube-system/kube-proxy-config",
  "kube-system/kubelet-config*",
  "kube-system/coredns",
  "kube-system/node-local-dns",
  "openshift-dns/dns-default",
  "*/kube-flannel-cfg",
  "*/calico-config",
  "*/canal-config",
  "*/cilium-config",
  "*/antrea-config*",
  "*/kube-router-cfg",
  "kube-system/kindnet-cfg",
  "kube-system/weave-net",
  "kube-system/amazon-vpc-cni",
  "kube-system/ip-masq-agent",
  "kube-system/azure-ip-masq-agent-config*",
  "metallb-system/config",
];

/** Prefixes of the annotations that are kept. */
export const ANNOTATIONS = [
  "flannel.alpha.coreos.com/",
  "projectcalico.org/",
  "cni.projectcalico.org/",
  "io.cilium.network",
  "network.cilium.io/",
  "node.antrea.io/",
  "kube-router.io/",
  "k8s.ovn.org/",
  "k3s.io/node-args",
  "k3s.io/internal-ip",
  "k3s.io/external-ip",
  "rke2.io/node-args",
  "kube-peers.weave.works/",
  "k8s.v1.cni.cncf.io/",
  "vpc.amazonaws.com/",
  "kubernetes.io/config.mirror",
  "kubernetes.io/ingress.class",
  "ingressclass.kubernetes.io/",
  "endpoints.kubernetes.io/",
  "service.kubernetes.io/",
  "service.beta.kubernetes.io/",
  "metallb.io/",
  "metallb.universe.tf/",
];

/** Environment variables whose values are kept, as an extended regular expression. */
export const VARIABLES = [
  "CALICO_.*",
  "FELIX_.*",
  "IP6?",
  "IP6?_AUTODETECTION_METHOD",
  "NO_DEFAULT_POOLS",
  "CLUSTER_TYPE",
  "AWS_VPC_.*",
  "ENABLE_.*",
  "ENI_CONFIG_.*",
  "WARM_.*",
  "POD_MTU",
  "NETWORK_POLICY_ENFORCING_MODE",
  "POD_SECURITY_GROUP_ENFORCING_MODE",
  "POD_SUBNET",
  "CONTROL_PLANE_ENDPOINT",
  "IPALLOC_RANGE",
  "WEAVE_MTU",
  "WEAVE_NO_FASTDP",
  "WEAVE_EXPOSE_IP",
  "NO_MASQ_LOCAL",
  "EXPECT_NPC",
  "CONN_LIMIT",
  "KUBERNETES_SERVICE_HOST",
  "KUBERNETES_SERVICE_PORT",
  "vip_(arp|bgp|cidr|subnet|interface|address|leaderelection)",
];

/** Flags that are kept with their values: of flanneld, kube-router, kube-proxy, and the control plane. */
export const FLAGS = [
  "iface.*",
  "public-ip.*",
  "cluster-cidr",
  "service-cidr",
  "service-cluster-ip-range",
  "service-node-port-range",
  "node-cidr-mask-size.*",
  "controllers",
  "proxy-mode",
  "masquerade-bit",
  "nodeport-.*",
  "detect-local-mode",
  "overlay-(type|encap.*)",
  "cluster-asn",
  "peer-router-(ips|asns|ports)",
  "config-dir",
];

/** Flags without a separate value. */
export const BOOLEAN_FLAGS = [
  "ip-masq",
  "kube-subnet-mgr",
  "allocate-node-cidrs",
  "configure-cloud-routes",
  "masquerade-all",
  "run-(router|firewall|service-proxy)",
  "enable-.*",
  "nodes-full-mesh",
  "advertise-.*",
  "hairpin-mode",
  "auto-mtu",
];

/** A file of the folder of a node: the program that it needs, and the command. */
export type NodeFile = readonly [file: string, program: string, command: string];

/** `nud all`: without it, `ip neigh` omits entries in state NOARP. Functions of the script are described there. */
export const NODE_FILES: readonly NodeFile[] = [
  ["addr.json", "ip", "ip -j -d addr show"],
  ["link.json", "ip", "ip -j -d link show"],
  ["route4.json", "ip", "ip -j -4 route show table all"],
  ["route6.json", "ip", "ip -j -6 route show table all"],
  ["rule4.json", "ip", "ip -j -4 rule show"],
  ["rule6.json", "ip", "ip -j -6 rule show"],
  ["neigh.json", "ip", "ip -j neigh show nud all"],
  ["fdb.json", "bridge", "bridge -j fdb show"],
  ["iptables-save.txt", "iptables-save", "iptables-save"],
  ["ip6tables-save.txt", "ip6tables-save", "ip6tables-save"],
  ["nft.txt", "nft", "nft list ruleset"],
  ["ipset.txt", "ipset", "ipset save"],
  ["ipvsadm.txt", "ipvsadm", "virtual_servers"],
  ["sysctl.txt", "sysctl", "network_sysctls"],
  ["wg.txt", "wg", "wireguard"],
  ["xfrm-policy.txt", "ip", "ip xfrm policy"],
];
