/** GKE clusters and their node pools. */
import { parsePrefix } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import type { Path } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import type { CloudCluster, CloudSubnet, NodePool, Range } from "./model.ts";
import { rangesAt } from "./ranges.ts";
import { type Field, field, inside, items, namePath, number, type Resource, text, textOf, whole } from "./resource.ts";
import type { Resources } from "./resources.ts";

const SUBNET = "google_compute_subnetwork";

export interface Clusters {
  readonly clusters: readonly CloudCluster[];
  /** Subnets with nodes that have external addresses. */
  readonly publicSubnets: ReadonlySet<Resource>;
}

export function gcpClusters(all: Resources, subnets: readonly CloudSubnet[], problems: FileProblem[]): Clusters {
  const publicSubnets = new Set<Resource>();
  const clusters = all.ofType("google_container_cluster").flatMap((id): CloudCluster[] => {
    const subnet = subnetOf(all, id, subnets);
    if (!subnet) {
      problems.push(assumed(id.object, t`the subnet of cluster ${id.object.name} is not in the input: it is omitted`));
      return [];
    }
    if (!isPrivate(id)) publicSubnets.add(subnet);
    if (text(id, "datapath_provider", ["networkConfig", "datapathProvider"]) === "ADVANCED_DATAPATH")
      problems.push(assumed(id.object, t`Dataplane V2 of ${id.object.name} is not modeled: GKE without it is used`));
    const most = field(id, "default_max_pods_per_node", ["defaultMaxPodsConstraint", "maxPodsPerNode"]);
    const value = Number(textOf(most));
    return [
      {
        id,
        label: text(id, "name") ?? id.label,
        pods: rangeOf(id, subnet, "cluster", problems),
        services: rangeOf(id, subnet, "services", problems),
        maxPods: most && value > 0 ? { value, at: { resource: id, path: most.path } } : undefined,
        cni: { keyword: "cni", args: { plugin: "gke" }, children: [], at: whole(id) },
        pools: poolsOf(all, id, subnet),
        needsInternet: !isPrivate(id),
      },
    ];
  });
  return { clusters, publicSubnets };
}

/** The named subnet; a plan can name only the network, which then has one subnet. */
function subnetOf(all: Resources, id: Resource, subnets: readonly CloudSubnet[]): Resource | undefined {
  const named = all.link(id, "subnetwork", SUBNET);
  const net = all.link(id, "network", "google_compute_network");
  const own = subnets.filter((one) => one.net === net);
  return subnets.find((one) => one.id === named)?.id ?? (own.length === 1 ? own[0]?.id : undefined);
}

function isPrivate(id: Resource): boolean {
  return (
    field(id, ["private_cluster_config", 0, "enable_private_nodes"], ["privateClusterConfig", "enablePrivateNodes"])
      ?.value === true
  );
}

const USUAL = { cluster: "10.4.0.0/14", services: "34.118.224.0/20" };

/**
 * The range of the pods or the services: stated, or a secondary range of the subnet. GKE's default for services is
 * 34.118.224.0/20 (GKE "Creating a VPC-native cluster"); it chooses a /14 for the pods.
 */
function rangeOf(
  id: Resource,
  subnet: Resource,
  kind: "cluster" | "services",
  problems: FileProblem[],
): readonly Range[] {
  const policy = (name: string): readonly Path[] => [
    ["ip_allocation_policy", 0, name],
    ["ipAllocationPolicy", name],
  ];
  const found = rangesAt(id, [
    field(id, ...policy(`${kind}_ipv4_cidr_block`), kind === "cluster" ? "cluster_ipv4_cidr" : "services_ipv4_cidr"),
  ]);
  if (found.length > 0) return found;
  const named = text(id, ...policy(`${kind}_secondary_range_name`));
  const secondary = items(subnet, "secondary_ip_range", "secondaryIpRanges").find(
    (one) => named !== undefined && textOf(inside(one, "range_name")) === named,
  );
  const ranges = rangesAt(subnet, [secondary && inside(secondary, "ip_cidr_range")]);
  if (ranges.length > 0) return ranges;
  const usual = USUAL[kind];
  const prefix = parsePrefix(usual)?.prefix;
  problems.push(
    kind === "cluster"
      ? assumed(id.object, t`no pod CIDR is set for cluster ${id.object.name}: ${usual} is used`)
      : assumed(
          id.object,
          t`no service CIDR is set for cluster ${id.object.name}: ${usual}, the default of GKE, is used`,
        ),
  );
  return prefix ? [{ prefix, at: whole(id) }] : [];
}

function poolsOf(all: Resources, id: Resource, subnet: Resource): readonly NodePool[] {
  const pool = (resource: Resource, one: Field, label: string): NodePool => ({
    label,
    subnet,
    count: Math.max(1, Number(textOf(inside(one, "node_count", "initial_node_count")) ?? 1)),
    at: { resource, path: one.path.length === 0 ? [] : namePath(one) },
  });
  const separate = all
    .ofType("google_container_node_pool")
    .filter((one) => all.link(one, "cluster", "google_container_cluster") === id)
    .map((one) => pool(one, { value: one.object.value, path: [] }, text(one, "name") ?? one.label));
  const inline = items(id, "node_pool", "nodePools").map((one) => pool(id, one, textOf(inside(one, "name")) ?? "node"));
  if (separate.length + inline.length > 0) return [...separate, ...inline];
  return [{ label: "node", subnet, count: Math.max(1, number(id, "initial_node_count") ?? 1), at: whole(id) }];
}
