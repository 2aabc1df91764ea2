/** flannel: net-conf.json, its ConfigMap, and the arguments of flanneld. */
import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import { type FlannelSettings, flannelSettings, UDP_PORT, VXLAN_PORT } from "../../cni/flannel/settings.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";
import { type ExportFile, type ExportResult, exported, fileName, fileOf, unexpressed } from "../exported.ts";
import { agent } from "../kubernetes/agents.ts";
import { type KubeItem, type PlainRecord, unless, yamlDocuments } from "../objects.ts";
import type { PluginConfig } from "./config.ts";

const PLUGIN = "flannel";

export function hasFlannel({ cni }: Cluster): boolean {
  return cni.plugin === PLUGIN;
}

/** pkg/subnet/config.go. In kube mode, SubnetLen, SubnetMin, and SubnetMax are ignored, and omitted if absent in the file. */
export function netConf(settings: FlannelSettings): PlainRecord {
  const { network4, network6, subnetLen, subnetMin, subnetMax } = settings;
  return {
    Network: network4 && formatPrefix(network4),
    EnableIPv4: network4 === undefined ? false : undefined,
    EnableIPv6: network6 === undefined ? undefined : true,
    IPv6Network: network6 && formatPrefix(network6),
    SubnetLen: subnetLen,
    SubnetMin: subnetMin === undefined ? undefined : formatIp(subnetMin),
    SubnetMax: subnetMax === undefined ? undefined : formatIp(subnetMax),
    EnableNFTables: settings.nftables ? true : undefined,
    Backend: backendConf(settings.backend),
  };
}

function backendConf(backend: FlannelSettings["backend"]): PlainRecord {
  switch (backend.type) {
    case "vxlan":
      return {
        Type: "vxlan",
        VNI: unless(backend.vni, 1),
        Port: unless(backend.port, VXLAN_PORT),
        Learning: backend.learning ? true : undefined,
        DirectRouting: backend.directRouting ? true : undefined,
        MTU: backend.mtu,
      };
    case "host-gw":
      return { Type: backend.type };
    case "udp":
      return { Type: "udp", Port: unless(backend.port, UDP_PORT) };
    case "wireguard":
      return {
        Type: "wireguard",
        Mode: unless<string>(backend.mode, "separate"),
        ListenPort: unless(backend.port, 51820),
        ListenPortV6: unless(backend.portV6, 51821),
        PSK: backend.psk,
        PersistentKeepaliveInterval: backend.keepalive,
        MTU: backend.mtu,
      };
    case "ipsec":
      return {
        Type: "ipsec",
        PSK: backend.psk,
        UDPEncap: backend.udpEncap ? true : undefined,
        ESPProposal: unless(backend.espProposal, "aes128gcm16-sha256-prfsha256-ecp256"),
      };
    case "ipip":
      return { Type: "ipip", DirectRouting: backend.directRouting ? true : undefined };
  }
}

const NAMESPACE = "kube-flannel";
const CONFIG_MAP = "kube-flannel-cfg";

/** As in the released manifest (Documentation/kube-flannel.yml). */
function configMap(settings: FlannelSettings, name = CONFIG_MAP, namespace = NAMESPACE): KubeItem {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace },
    data: { "cni-conf.json": `${JSON.stringify(CHAIN, null, 2)}\n`, "net-conf.json": confText(settings) },
  };
}

const CHAIN = {
  name: "cbr0",
  cniVersion: "0.3.1",
  plugins: [
    { type: "flannel", delegate: { hairpinMode: true, isDefaultGateway: true } },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};

function confText(settings: FlannelSettings): string {
  return `${JSON.stringify(netConf(settings), null, 2)}\n`;
}

/** Flags of flanneld; --iptables-forward-rules is true by default. */
function flags({ ipMasq, forwardRules, iface, manager }: FlannelSettings): readonly string[] {
  return [
    ...(ipMasq ? ["--ip-masq"] : []),
    ...(manager === "kube" ? ["--kube-subnet-mgr"] : []),
    ...(forwardRules ? [] : ["--iptables-forward-rules=false"]),
    ...(iface === undefined ? [] : [`--iface=${typeof iface === "string" ? iface : formatIp(iface)}`]),
  ];
}

/** Statements of a node's block: flanneld's flags are the same on all nodes of a DaemonSet. */
function nodeLosses(cluster: Cluster, format: string): readonly string[] {
  return cluster.nodes.flatMap(({ cni, path }) => unexpressed(cni?.decl, NOTHING, t`node ${path}`, format));
}
const NOTHING: ReadonlySet<string> = new Set();

export function flannelConfig(cluster: Cluster): PluginConfig {
  const settings = flannelSettings(cluster.cni, undefined, cluster.podCidrs);
  const engine = cluster.policyEngine?.engine;
  const isCanal = engine === "calico";
  const program = isCanal
    ? { namespace: "kube-system", name: "canal", container: "kube-flannel", image: "docker.io/flannel/flannel" }
    : { namespace: NAMESPACE, name: "kube-flannel-ds", container: "kube-flannel", image: "ghcr.io/flannel-io/flannel" };
  const args = flags(settings);
  return {
    agents: [
      agent(program, { args, isImplied: !isCanal && args.join(" ") === USUAL_FLAGS }),
      ...(engine === "kube-router" ? [agent(FIREWALL, { args: FIREWALL_FLAGS })] : []),
    ],
    items: [isCanal ? configMap(settings, "canal-config", program.namespace) : configMap(settings)],
    annotations: () => ({}),
    losses: nodeLosses(cluster, t`Kubernetes objects`),
  };
}

/** The flags of the released manifest. */
const USUAL_FLAGS = "--ip-masq --kube-subnet-mgr";

/** kube-router as policy engine only (docs/user-guide.md, cloudnativelabs/kube-router). */
const FIREWALL = {
  namespace: "kube-system",
  name: "kube-router",
  container: "kube-router",
  image: "docker.io/cloudnativelabs/kube-router",
};
const FIREWALL_FLAGS = ["--run-router=false", "--run-firewall=true", "--run-service-proxy=false"];

/** net-conf.json of each cluster with flannel; in a directory, also its ConfigMap. */
export function exportNetConf(clusters: readonly Cluster[]): ExportResult {
  const own = clusters.filter(hasFlannel);
  if (own.length === 0) return { problem: t`no cluster has \`cni flannel\`` };
  const settings = own.map((cluster) => flannelSettings(cluster.cni, undefined, cluster.podCidrs));
  const nameOf = (cluster: Cluster, name: string): string =>
    own.length === 1 ? name : `${fileName(cluster.name)}-${name}`;
  const of = (make: (one: FlannelSettings, cluster: Cluster) => ExportFile): readonly ExportFile[] =>
    own.flatMap((cluster, index) => {
      const one = settings[index];
      return one ? [make(one, cluster)] : [];
    });
  const losses = own.flatMap((cluster) => [
    ...unexpressed(cluster.cni.decl, EXPRESSED, t`cluster ${cluster.name}`, "net-conf.json"),
    ...nodeLosses(cluster, "net-conf.json"),
  ]);
  return exported(
    of((one, cluster) => fileOf(nameOf(cluster, "net-conf.json"), confText(one))),
    losses,
    of((one, cluster) => fileOf(nameOf(cluster, `${CONFIG_MAP}.yaml`), yamlDocuments([configMap(one)]))),
  );
}

/** Keywords that are keys of net-conf.json. */
const EXPRESSED: ReadonlySet<string> = new Set([
  "network",
  "subnet-len",
  "subnet-min",
  "subnet-max",
  "backend",
  "nftables",
]);
