/** AKS clusters and their node pools. */
import { parsePrefix } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import type { Path } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import type { CloudCluster, CloudNet, CloudSubnet, NodePool, Range, Setting } from "./model.ts";
import { rangesAt } from "./ranges.ts";
import { type Field, field, inside, items, namePath, type Resource, text, textOf, whole } from "./resource.ts";
import type { Resources } from "./resources.ts";

interface Networks {
  readonly nets: readonly CloudNet[];
  readonly subnets: readonly CloudSubnet[];
}

export interface Clusters {
  readonly clusters: readonly CloudCluster[];
  /** The networks that AKS creates itself. */
  readonly made: Networks;
}

const SUBNET = "azurerm_subnet";

export function azureClusters(all: Resources, networks: Networks, problems: FileProblem[]): Clusters {
  const found = all.ofType("azurerm_kubernetes_cluster").flatMap((id) => {
    const stated = poolsOf(all, id);
    const made = stated.some(({ subnet }) => subnet !== undefined) ? undefined : ownNetwork(id, problems);
    const known = new Set([...networks.subnets, ...(made?.subnets ?? [])].map((one) => one.id));
    const pools = stated.flatMap(({ subnet, ...pool }): NodePool[] => {
      const place = subnet ?? made?.subnets[0]?.id;
      return place && known.has(place) ? [{ ...pool, subnet: place }] : [];
    });
    if (pools.length === 0) {
      problems.push(
        assumed(id.object, t`the subnets of cluster ${id.object.name} are not in the input: it is omitted`),
      );
      return [];
    }
    return [{ cluster: clusterOf(id, pools, problems), made }];
  });
  return {
    clusters: found.map(({ cluster }) => cluster),
    made: {
      nets: found.flatMap(({ made }) => made?.nets ?? []),
      subnets: found.flatMap(({ made }) => made?.subnets ?? []),
    },
  };
}

/** `network_profile` is a block in Terraform, and an object on the command line. */
function profile(name: string): readonly Path[] {
  return [
    ["network_profile", 0, name],
    ["networkProfile", name],
  ];
}

/** AKS creates a VNet 10.224.0.0/12 with the subnet 10.224.0.0/16 for a cluster without one (AKS "Azure CNI Overlay"). */
function ownNetwork(id: Resource, problems: FileProblem[]): Networks {
  problems.push(
    assumed(id.object, t`cluster ${id.object.name} has no subnet: the VNet of AKS with subnet 10.224.0.0/16 is used`),
  );
  const at = whole(id);
  const subnet: Resource = { ...id, label: `${id.label}-nodes` };
  const ranges = (text: string): readonly Range[] => {
    const prefix = parsePrefix(text)?.prefix;
    return prefix ? [{ prefix, at }] : [];
  };
  const route = { to: undefined, family: 4, target: { kind: "internet" }, at, isImplied: true } as const;
  return {
    nets: [{ id, provider: "azure", ranges: ranges("10.224.0.0/12"), mtu: undefined }],
    subnets: [
      {
        id: subnet,
        net: id,
        ranges: ranges("10.224.0.0/16"),
        table: { id, net: id, label: id.label, routes: [route] },
        isPublic: true,
        rules: [],
      },
    ],
  };
}

function clusterOf(id: Resource, pools: readonly NodePool[], problems: FileProblem[]): CloudCluster {
  const plugin = text(id, ...profile("network_plugin")) ?? "azure";
  const isOverlay = plugin === "azure" && text(id, ...profile("network_plugin_mode")) === "overlay";
  const plane = text(id, ...profile("network_data_plane"), ...profile("network_dataplane"));
  if (plane === "cilium")
    problems.push(assumed(id.object, t`the Cilium data plane of ${id.object.name} is not modeled: Azure CNI is used`));
  const hasOwnPods = isOverlay || plugin === "kubenet";
  const set = (value: string): Setting => ({ keyword: "mode", args: { value }, children: [], at: whole(id) });
  const [most] = pools.flatMap(({ maxPods }) => maxPods ?? []);
  return {
    id,
    label: text(id, "name") ?? id.label,
    pods: hasOwnPods ? ranged(id, "pod_cidr", "10.244.0.0/16", problems) : [],
    services: ranged(id, "service_cidr", "10.0.0.0/16", problems),
    maxPods: most,
    cni: {
      keyword: "cni",
      args: { plugin: plugin === "kubenet" || plugin === "none" ? plugin : "azure" },
      children: plugin === "azure" ? [set(isOverlay ? "overlay" : "node-subnet")] : [],
      at: whole(id),
    },
    pools: pools.map((pool) => ({ ...pool, forwards: plugin === "kubenet" })),
    needsInternet: text(id, ...profile("outbound_type")) !== "none",
  };
}

/** Defaults of ContainerServiceNetworkProfile (API Microsoft.ContainerService). */
function ranged(id: Resource, name: string, usual: string, problems: FileProblem[]): readonly Range[] {
  const found = rangesAt(id, [field(id, ...profile(`${name}s`)), field(id, ...profile(name))]);
  if (found.length > 0) return found;
  const prefix = parsePrefix(usual)?.prefix;
  problems.push(
    assumed(id.object, t`no ${name} is set for cluster ${id.object.name}: ${usual}, the default of AKS, is used`),
  );
  return prefix ? [{ prefix, at: whole(id) }] : [];
}

interface Pool extends Omit<NodePool, "subnet"> {
  readonly subnet: Resource | undefined;
}

function poolsOf(all: Resources, id: Resource): readonly Pool[] {
  const inline = items(id, "default_node_pool", "agentPoolProfiles").map((one) => poolAt(all, id, one));
  const separate = all
    .ofType("azurerm_kubernetes_cluster_node_pool")
    .filter((one) => all.link(one, "kubernetes_cluster_id", "azurerm_kubernetes_cluster") === id)
    .map((one) => poolAt(all, one, { value: one.object.value, path: [] }));
  return [...inline, ...separate];
}

function poolAt(all: Resources, resource: Resource, one: Field): Pool {
  const at = { resource, path: one.path.length === 0 ? [] : namePath(one) };
  const named = inside(one, "vnet_subnet_id")?.path ?? [...one.path, "vnet_subnet_id"];
  const most = inside(one, "max_pods");
  const count = Number(textOf(inside(one, "node_count", "count", "min_count")) ?? 1);
  return {
    label: textOf(inside(one, "name")) ?? resource.label,
    subnet: all.link(resource, named, SUBNET),
    count: Math.max(count, 1),
    at,
    maxPods: most ? { value: Number(textOf(most)), at: { resource, path: most.path } } : undefined,
    forwards: false,
  };
}
