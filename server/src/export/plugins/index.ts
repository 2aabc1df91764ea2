/** The configuration of each pod network as Kubernetes objects. */
import { formatPrefix } from "../../addressing/ip.ts";
import { booleanOf, child, numberOf, wordOf } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import { prefixesIn } from "../../declared/settings.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";
import { unexpressed } from "../exported.ts";
import { agent } from "../kubernetes/agents.ts";
import { rangesText } from "../kubernetes/nodes.ts";
import type { KubeItem } from "../objects.ts";
import { calicoConfig } from "./calico.ts";
import type { PluginConfig } from "./config.ts";
import { flannelConfig } from "./flannel.ts";

/** A plugin whose DaemonSet shows it. `env`: its settings; `expressed`: the keywords of these settings. */
interface Simple {
  readonly name: string;
  readonly image: string;
  readonly env: (cluster: Cluster) => readonly (readonly [string, string | undefined])[];
  readonly expressed: readonly string[];
  readonly items?: (cluster: Cluster) => readonly KubeItem[];
}

const PLUGINS: ReadonlyMap<string, (cluster: Cluster) => PluginConfig> = new Map([
  ["flannel", flannelConfig],
  ["calico", calicoConfig],
  [
    "kindnet",
    simple({
      name: "kindnet",
      image: "docker.io/kindest/kindnetd",
      env: ({ podCidrs }) => [["POD_SUBNET", rangesText(podCidrs)]],
      expressed: [],
    }),
  ],
  [
    "weave",
    simple({
      name: "weave-net",
      image: "weaveworks/weave-kube",
      env: ({ cni }) => [
        ["IPALLOC_RANGE", prefixesOf(cni.decl, "range")],
        ["WEAVE_MTU", text(numberOf(cni.decl, "mtu"))],
      ],
      expressed: ["range", "mtu"],
    }),
  ],
  [
    "aws-vpc",
    simple({
      name: "aws-node",
      image: "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni",
      env: ({ cni }) => [
        ["AWS_VPC_K8S_CNI_EXTERNALSNAT", text(booleanOf(cni.decl, "external-snat", false))],
        ["AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", prefixesOf(cni.decl, "exclude-snat")],
        ["ENABLE_PREFIX_DELEGATION", text(booleanOf(cni.decl, "prefix-delegation", false))],
        ["AWS_VPC_ENI_MTU", text(numberOf(cni.decl, "mtu"))],
        ["ENABLE_IPv6", wordOf(cni.decl, "ip-family") === "ipv6" ? "true" : undefined],
      ],
      expressed: ["external-snat", "exclude-snat", "prefix-delegation", "mtu", "ip-family"],
    }),
  ],
  [
    "azure",
    simple({
      name: "azure-cns",
      image: "mcr.microsoft.com/containernetworking/azure-cns",
      env: () => [],
      expressed: ["non-masquerade"],
      items: ({ cni }) =>
        masqAgent("azure-ip-masq-agent-config", "ip-masq-agent", prefixesOf(cni.decl, "non-masquerade")),
    }),
  ],
  [
    "gke",
    simple({
      name: "netd",
      image: "gcr.io/gke-release/netd",
      env: () => [],
      expressed: ["non-masquerade"],
      items: ({ cni }) => masqAgent("ip-masq-agent", "config", prefixesOf(cni.decl, "non-masquerade")),
    }),
  ],
]);

const FORMAT = (): string => t`Kubernetes objects`;

export function pluginConfig(cluster: Cluster): PluginConfig {
  const { plugin } = cluster.cni;
  const make = PLUGINS.get(plugin);
  const config = make?.(cluster) ?? NOTHING;
  const foreign = cluster.nodes.flatMap(({ cni, path }) =>
    cni === undefined || cni.plugin === plugin
      ? []
      : [t`node ${path}: \`cni ${cni.plugin}\` cannot be expressed in ${FORMAT()}`],
  );
  const unknown = make ? [] : [t`cluster ${cluster.name}: \`cni ${plugin}\` cannot be expressed in ${FORMAT()}`];
  return { ...config, losses: [...unknown, ...config.losses, ...engineLosses(cluster), ...foreign] };
}

const NOTHING: PluginConfig = { agents: [], items: [], annotations: () => ({}), losses: [] };

function simple({ name, image, env, expressed, items }: Simple): (cluster: Cluster) => PluginConfig {
  return (cluster) => ({
    agents: [
      agent(
        { namespace: "kube-system", name, container: name, image },
        { env: env(cluster).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])) },
      ),
    ],
    items: items?.(cluster) ?? [],
    annotations: () => ({}),
    losses: [
      ...unexpressed(cluster.cni.decl, new Set(expressed), t`cluster ${cluster.name}`, FORMAT()),
      ...cluster.nodes.flatMap(({ cni, path }) =>
        cni?.plugin === cluster.cni.plugin ? unexpressed(cni.decl, new Set(), t`node ${path}`, FORMAT()) : [],
      ),
    ],
  });
}

/** The engines that the objects of a plugin show; the plugin's own engine needs no statement. */
const ENGINES: Readonly<Record<string, readonly string[]>> = { flannel: ["calico", "kube-router"], calico: ["calico"] };

function engineLosses({ name, policyEngine, cni }: Cluster): readonly string[] {
  if (policyEngine === undefined || ENGINES[cni.plugin]?.includes(policyEngine.engine)) return [];
  return [t`cluster ${name}: \`network-policy ${policyEngine.engine}\` cannot be expressed in ${FORMAT()}`];
}

/** Destinations without masquerading, in the file of the agent. */
function masqAgent(name: string, key: string, kept: string | undefined): readonly KubeItem[] {
  if (kept === undefined) return [];
  const lines = kept.split(",").map((prefix) => `- ${prefix}\n`);
  return [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "kube-system" },
      data: { [key]: `nonMasqueradeCIDRs:\n${lines.join("")}` },
    },
  ];
}

function text(value: number | boolean | undefined): string | undefined {
  return value === undefined || value === false ? undefined : String(value);
}

function prefixesOf(decl: Decl | undefined, keyword: string): string | undefined {
  const found = child(decl, keyword);
  const all = found ? prefixesIn({ decl: found }) : [];
  return all.length === 0 ? undefined : all.map(formatPrefix).join(",");
}
