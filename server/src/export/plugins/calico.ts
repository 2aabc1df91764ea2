/** Calico's resources (projectcalico.org/v3), and the annotations and affinities of its nodes. */
import { bits, formatIp, formatPrefix, hostPrefix } from "../../addressing/ip.ts";
import { autodetectionText } from "../../cni/calico/autodetection.ts";
import { familyPartOf } from "../../cni/calico/cluster.ts";
import {
  BLOCK_SIZES,
  type CalicoSettings,
  calicoSettings,
  type Label,
  nodeSettings,
  type Peer,
  type Pool,
  VXLAN_PORT,
  VXLAN_VNI,
} from "../../cni/calico/settings.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Node } from "../../topology/model.ts";
import { type ExportResult, exported, fileOf, unexpressed } from "../exported.ts";
import { agent } from "../kubernetes/agents.ts";
import { policyItems } from "../kubernetes/policies.ts";
import { calicoSelector } from "../kubernetes/selectors.ts";
import { type KubeItem, type PlainRecord, unless, yamlDocuments } from "../objects.ts";
import type { PluginConfig } from "./config.ts";

const PLUGIN = "calico";
const V3 = "projectcalico.org/v3";
/** The datastore's form of the same resources, which `kubectl get` shows without Calico's API server. */
const CRD = "crd.projectcalico.org/v1";

function hasCalico({ cni }: Cluster): boolean {
  return cni.plugin === PLUGIN;
}

const MODES = { always: "Always", "cross-subnet": "CrossSubnet", never: "Never" } as const;

function poolItem({ name, cidr, blockSize, ipip, vxlan, ...pool }: Pool, apiVersion: string): KubeItem {
  return {
    apiVersion,
    kind: "IPPool",
    metadata: { name },
    spec: {
      cidr: formatPrefix(cidr),
      blockSize: unless(blockSize, BLOCK_SIZES[typeof cidr.ip === "number" ? 4 : 6].usual),
      ipipMode: MODES[ipip],
      vxlanMode: MODES[vxlan],
      natOutgoing: pool.natOutgoing,
      nodeSelector: labelExpression(pool.nodeSelector),
      disabled: pool.disabled ? true : undefined,
      disableBGPExport: pool.disableBgpExport ? true : undefined,
    },
  };
}

function labelExpression(labels: readonly Label[]): string {
  return calicoSelector(labels.map(([key, value]) => ({ key, operator: "In", values: [value] })));
}

/** `node` and `nodeSelector` exclude each other, as do `peerIP` and `peerSelector`; without both, the peer is global. */
function peerItem(peer: Peer, apiVersion: string): KubeItem {
  const { name, node, nodeSelector, peerIp, peerSelector, as, allowAsIn } = peer;
  return {
    apiVersion,
    kind: "BGPPeer",
    metadata: { name },
    spec: {
      node: node?.split("/").at(-1),
      nodeSelector: nodeSelector && labelExpression(nodeSelector),
      peerIP: peerIp === undefined ? undefined : formatIp(peerIp),
      peerSelector: peerSelector && labelExpression(peerSelector),
      asNumber: as,
      numAllowedLocalASNumbers: unless(allowAsIn, 0),
    },
  };
}

/** libcalico-go: the default of BGPConfiguration asNumber, and of IPAMConfig. */
const DEFAULT_AS = 64512;
const MOST_BLOCKS = 20;
const ENDPOINT_ACTIONS = { ACCEPT: "Accept", RETURN: "Return", DROP: "Drop" } as const;

/** FelixConfiguration's own default of defaultEndpointToHostAction is Drop; calico.yaml sets Accept, and so does knet. */
function configItems(settings: CalicoSettings, apiVersion: string): readonly KubeItem[] {
  const { mtu, excludesHosts, endpointToHost, programRoutes, as, mesh } = settings;
  const usesVxlan = settings.pools.some(({ vxlan }) => vxlan !== "never");
  const usesIpip = settings.pools.some(({ ipip }) => ipip !== "never");
  const ipam = {
    strictAffinity: settings.strictAffinity,
    autoAllocateBlocks: settings.autoAllocateBlocks,
    maxBlocksPerHost: unless(settings.maxBlocksPerHost, MOST_BLOCKS),
  };
  const hasIpam = ipam.strictAffinity || !ipam.autoAllocateBlocks || ipam.maxBlocksPerHost !== undefined;
  return [
    {
      apiVersion,
      kind: "FelixConfiguration",
      metadata: { name: "default" },
      spec: {
        defaultEndpointToHostAction: ENDPOINT_ACTIONS[endpointToHost],
        natOutgoingExclusions: excludesHosts ? "IPPoolsAndHostIPs" : undefined,
        programClusterRoutes: programRoutes === "bird" ? "Disabled" : undefined,
        ipipMTU: usesIpip ? mtu : undefined,
        vxlanMTU: usesVxlan ? mtu : undefined,
        vxlanPort: unless(settings.vxlanPort, VXLAN_PORT),
        vxlanVNI: unless(settings.vxlanVni, VXLAN_VNI),
      },
    },
    {
      apiVersion,
      kind: "BGPConfiguration",
      metadata: { name: "default" },
      spec: {
        asNumber: unless(as, DEFAULT_AS),
        nodeToNodeMeshEnabled: mesh,
        programClusterRoutes: programRoutes === "bird" ? "Enabled" : undefined,
      },
    },
    ...(hasIpam
      ? [
          {
            apiVersion,
            kind: apiVersion === V3 ? "IPAMConfiguration" : "IPAMConfig",
            metadata: { name: "default" },
            spec: ipam,
          },
        ]
      : []),
  ];
}

function resources(settings: CalicoSettings, apiVersion: string): readonly KubeItem[] {
  return [
    ...settings.pools.map((pool) => poolItem(pool, apiVersion)),
    ...configItems(settings, apiVersion),
    ...settings.peers.map((peer) => peerItem(peer, apiVersion)),
  ];
}

/** `calico_backend` and `veth_mtu` are keys of this ConfigMap; 0 is automatic. */
function calicoConfigMap({ backend, mtu }: CalicoSettings): KubeItem {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "calico-config", namespace: "kube-system" },
    data: { calico_backend: backend, veth_mtu: String(mtu ?? 0) },
  };
}

/* -------------------------------------------------------------------- nodes */

/** libcalico-go/lib/backend/k8s/resources/node.go. The prefix length decides which nodes `CrossSubnet` applies to. */
function annotations(node: Node, settings: CalicoSettings): PlainRecord {
  const own = nodeSettings(node.cni);
  const { as, clusterId } = own;
  const addressOf = (family: 4 | 6): string | undefined => {
    const part = familyPartOf(node, own, settings, family);
    if (part) return `${formatIp(part.address)}/${part.subnet.len}`;
    const stated = own.addresses.find((ip) => bits(ip) === (family === 4 ? 32 : 128));
    return stated === undefined ? undefined : formatPrefix(hostPrefix(stated));
  };
  return withoutAbsent({
    "projectcalico.org/IPv4Address": addressOf(4),
    "projectcalico.org/IPv6Address": addressOf(6),
    "projectcalico.org/ASNumber": as === undefined ? undefined : String(as),
    "projectcalico.org/RouteReflectorClusterID": clusterId === undefined ? undefined : formatIp(clusterId),
  });
}

function withoutAbsent(record: PlainRecord): PlainRecord {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

/** The blocks of a node, named as Calico does: `n1-10-244-0-64-26`. */
function affinities({ nodes }: Cluster): readonly KubeItem[] {
  return nodes.flatMap(({ name, podCidrs }) =>
    podCidrs
      .filter(({ borrowed }) => borrowed !== true)
      .map(({ prefix }): KubeItem => {
        const cidr = formatPrefix(prefix);
        return {
          apiVersion: CRD,
          kind: "BlockAffinity",
          metadata: { name: `${name}-${cidr.replaceAll(/[.:/]/g, "-")}` },
          spec: { cidr, node: name, state: "confirmed", deleted: "false" },
        };
      }),
  );
}

function environment({ backend, autodetection }: CalicoSettings): readonly (readonly [string, string])[] {
  const format = { ip: formatIp, prefix: formatPrefix };
  const methods = ([4, 6] as const).flatMap((family) => {
    const text = autodetectionText(autodetection[family], format);
    return text === "first-found" ? [] : [[`IP${family === 4 ? "" : "6"}_AUTODETECTION_METHOD`, text] as const];
  });
  return [["CALICO_NETWORKING_BACKEND", backend], ...methods];
}

export function calicoConfig(cluster: Cluster): PluginConfig {
  const settings = calicoSettings(cluster.cni, cluster.podCidrs);
  const program = {
    namespace: "kube-system",
    name: "calico-node",
    container: "calico-node",
    image: "quay.io/calico/node",
  };
  return {
    agents: [agent(program, { env: environment(settings), isImplied: true })],
    items: [...resources(settings, CRD), calicoConfigMap(settings), ...affinities(cluster)],
    annotations: (node) => annotations(node, settings),
    losses: [],
  };
}

/** All resources and Calico's policies; the annotations of the nodes as patches of Node objects. */
export function exportCalico(clusters: readonly Cluster[]): ExportResult {
  const own = clusters.filter(hasCalico);
  if (own.length === 0) return { problem: t`no cluster has \`cni calico\`` };
  const losses: string[] = [];
  const files = own.map((cluster) => {
    const settings = calicoSettings(cluster.cni, cluster.podCidrs);
    const policies = policyItems({ ...cluster, policies: cluster.policies.filter(({ kind }) => kind === "calico") });
    losses.push(...policies.losses, ...calicoLosses(cluster));
    const nodes = cluster.nodes.map(
      (node): KubeItem => ({
        apiVersion: "v1",
        kind: "Node",
        metadata: { name: node.name, annotations: annotations(node, settings) },
      }),
    );
    const config = settings.backend === "bird" && settings.mtu === undefined ? [] : [calicoConfigMap(settings)];
    return fileOf(
      own.length === 1 ? "calico.yaml" : `${cluster.name}-calico.yaml`,
      yamlDocuments([...resources(settings, V3), ...policies.items, ...config, ...nodes]),
    );
  });
  return exported(files, losses);
}

function calicoLosses({ nodes }: Cluster): readonly string[] {
  return nodes.flatMap(({ cni, path }) =>
    cni === undefined || cni.plugin === PLUGIN
      ? unexpressed(cni?.decl, NODE_SETTINGS, t`node ${path}`, t`Calico's resources`)
      : [t`node ${path}: \`cni ${cni.plugin}\` cannot be expressed in ${t`Calico's resources`}`],
  );
}
const NODE_SETTINGS: ReadonlySet<string> = new Set(["as-number", "route-reflector-cluster-id", "bgp-address"]);
