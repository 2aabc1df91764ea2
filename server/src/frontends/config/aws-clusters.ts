/** EKS clusters and their node groups. */
import { formatPrefix, parsePrefix, prefixContains } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { specFor } from "../../declared/schema/index.ts";
import { at, isRecord, type Json } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import { clusterOfInstance, isGone } from "./aws-machines.ts";
import { shareOf } from "./cluster-drafts.ts";
import type { CloudCluster, CloudNet, CloudSubnet, NodePool, Range, Setting } from "./model.ts";
import { rangesAt } from "./ranges.ts";
import { type At, field, itemsOf, number, type Resource, text, textOf, whole } from "./resource.ts";
import { type Resources, textsIn } from "./resources.ts";

interface Networks {
  readonly nets: readonly CloudNet[];
  readonly subnets: readonly CloudSubnet[];
}

const SUBNETS = ["aws_subnet", "aws_default_subnet"] as const;

export function awsClusters(all: Resources, networks: Networks, problems: FileProblem[]): readonly CloudCluster[] {
  return all.ofType("aws_eks_cluster").flatMap((id) => {
    const pools = poolsOf(all, networks, id, problems);
    const [first] = pools;
    const net = networks.subnets.find((one) => one.id === first?.subnet)?.net;
    if (!first || !net) {
      problems.push(
        assumed(id.object, t`the subnets of cluster ${id.object.name} are not in the input: it is omitted`),
      );
      return [];
    }
    problems.push(
      assumed(
        id.object,
        t`the cluster security group of ${id.object.name} is not shown: traffic to its nodes is not filtered`,
      ),
    );
    return clusterOf(all, { id, pools, ranges: networks.nets.find((one) => one.id === net)?.ranges ?? [] }, problems);
  });
}

interface Found {
  readonly id: Resource;
  readonly pools: readonly NodePool[];
  readonly ranges: readonly Range[];
}

function clusterOf(all: Resources, { id, pools, ranges }: Found, problems: FileProblem[]): CloudCluster {
  const isSix =
    text(id, ["kubernetes_network_config", 0, "ip_family"], ["kubernetesNetworkConfig", "ipFamily"]) === "ipv6";
  const here = whole(id);
  const limits = limitsOf(all, id, problems);
  const set = (keyword: string, value: string | readonly string[], place: At = here): Setting => ({
    keyword,
    args: { value },
    children: [],
    at: place,
  });
  return {
    id,
    label: text(id, "name") ?? id.label,
    pods: [],
    services: servicesOf(id, ranges, problems),
    maxPods: undefined,
    cni: {
      keyword: "cni",
      args: { plugin: "aws-vpc" },
      children: [
        ...limits.map(({ keyword, value, place }) => set(keyword, value, place)),
        ...(ranges.length === 0
          ? []
          : [
              set(
                "vpc",
                ranges.map(({ prefix }) => formatPrefix(prefix)),
                whole(ranges[0]!.at.resource),
              ),
            ]),
        ...addonSettings(all, id).map(([keyword, value, place]) => set(keyword, value, place)),
        ...(isSix ? [set("ip-family", "ipv6")] : []),
      ],
      at: here,
    },
    pools,
    needsInternet: !all.ofType("aws_vpc_endpoint").some((one) => text(one, "vpc_endpoint_type") === "Interface"),
  };
}

/**
 * EKS assigns 172.20.0.0/16 in a VPC in 10.0.0.0/8, else 10.100.0.0/16 (awslabs/amazon-eks-ami, bootstrap.sh: DNS_CLUSTER_IP).
 */
function servicesOf(id: Resource, vpc: readonly Range[], problems: FileProblem[]): readonly Range[] {
  const names = ["service_ipv4_cidr", "service_ipv6_cidr"];
  const found = rangesAt(
    id,
    names.map((name) => field(id, ["kubernetes_network_config", 0, name], ["kubernetesNetworkConfig", name])),
  );
  if (found.length > 0) return found;
  const ten = parsePrefix("10.0.0.0/8")?.prefix;
  const isInTen = ten !== undefined && vpc.some(({ prefix }) => prefixContains(ten, prefix.ip));
  const chosen = isInTen ? "172.20.0.0/16" : "10.100.0.0/16";
  problems.push(
    assumed(id.object, t`no service CIDR is set for cluster ${id.object.name}: ${chosen}, the default of EKS, is used`),
  );
  const prefix = parsePrefix(chosen)?.prefix;
  return prefix ? [{ prefix, at: whole(id) }] : [];
}

/* ------------------------------------------------------------------ nodes */

const NODES_WITHOUT_SIZE = 1;

function poolsOf(all: Resources, networks: Networks, id: Resource, problems: FileProblem[]): readonly NodePool[] {
  const { subnets } = networks;
  const running = nodesOf(all, networks, id);
  if (running.length > 0) return running;
  const groups = groupsOf(all, id);
  const known = (found: readonly Resource[]): readonly Resource[] =>
    found.filter((one) => subnets.some((subnet) => subnet.id === one));
  const pools = groups.flatMap((group): NodePool[] => {
    const own = known(all.linked(group, field(group, "subnet_ids", "subnets")?.path ?? ["subnet_ids"], SUBNETS));
    const size = number(group, ["scaling_config", 0, "desired_size"], ["scalingConfig", "desiredSize"]) ?? own.length;
    return own.flatMap((subnet, index) => {
      const count = shareOf(size, own.length, index);
      const label = own.length > 1 ? `${group.label}-${index + 1}` : group.label;
      return count > 0 ? [{ label, subnet, count, at: whole(group) }] : [];
    });
  });
  if (pools.length > 0) return pools;
  const config = field(id, ["vpc_config", 0, "subnet_ids"], ["resourcesVpcConfig", "subnetIds"]);
  const own = known(all.linked(id, config?.path ?? ["vpc_config", 0, "subnet_ids"], SUBNETS));
  if (own.length > 0)
    problems.push(
      assumed(id.object, t`no node group of cluster ${id.object.name} was found: one node per subnet is used`),
    );
  return own.map((subnet, index) => ({
    label: own.length > 1 ? `node-${index + 1}` : "node",
    subnet,
    count: NODES_WITHOUT_SIZE,
    at: config ? { resource: id, path: config.path } : whole(id),
  }));
}

/** The running instances of the cluster. */
function nodesOf(all: Resources, { subnets }: Networks, id: Resource): readonly NodePool[] {
  const running = all.ofType("aws_instance").filter((instance) => !isGone(instance));
  return running.flatMap((instance): NodePool[] => {
    const subnet = all.link(instance, "subnet_id", ...SUBNETS);
    const address = text(instance, "private_ip", "PrivateIpAddress");
    const isKnown = subnets.some((one) => one.id === subnet);
    if (!subnet || !isKnown || address === undefined || clusterOfInstance(all, instance) !== id) return [];
    const label = text(instance, "private_dns", "PrivateDnsName") ?? instance.label;
    return [{ label, address, subnet, count: 1, at: whole(instance) }];
  });
}

function groupsOf(all: Resources, id: Resource): readonly Resource[] {
  const name = text(id, "name");
  return all.ofType("aws_eks_node_group").filter((group) => {
    const stated = text(group, "cluster_name");
    return stated === undefined || name === undefined
      ? all.link(group, "cluster_name", "aws_eks_cluster") === id
      : stated === name;
  });
}

interface Limit {
  readonly keyword: string;
  readonly value: string;
  readonly place: At;
}

/** The instance type determines the pods per node. */
function limitsOf(all: Resources, id: Resource, problems: FileProblem[]): readonly Limit[] {
  for (const group of groupsOf(all, id)) {
    const types = itemsOf(field(group, "instance_types"));
    for (const one of types) {
      const value = textOf(one);
      if (value !== undefined && KNOWN_TYPES.has(value))
        return [{ keyword: "instance", value, place: { resource: group, path: one.path } }];
    }
    const [unknown] = textsIn(field(group, "instance_types"));
    if (unknown !== undefined)
      problems.push(
        assumed(group.object, t`the interface limits of ${unknown} are not known: the limits of m5.large are used`, [
          "instance_types",
        ]),
      );
  }
  return [];
}

const KNOWN_TYPES: ReadonlySet<string> = new Set(
  specFor("cni aws-vpc", "instance")?.args.flatMap((arg) =>
    "type" in arg && arg.type.kind === "enum" ? arg.type.values.map(({ value }) => value) : [],
  ),
);

/** Environment variables of the add-on `vpc-cni` and the settings for them. */
const VARIABLES: readonly (readonly [variable: string, keyword: string])[] = [
  ["ENABLE_PREFIX_DELEGATION", "prefix-delegation"],
  ["AWS_VPC_K8S_CNI_EXTERNALSNAT", "external-snat"],
];

function addonSettings(all: Resources, id: Resource): readonly (readonly [string, string, At])[] {
  const addon = all
    .ofType("aws_eks_addon")
    .find((one) => text(one, "addon_name") === "vpc-cni" && all.link(one, "cluster_name", "aws_eks_cluster") === id);
  const place = addon && field(addon, "configuration_values");
  const values = parsed(textOf(place));
  if (!addon || !place) return [];
  return VARIABLES.flatMap(([variable, keyword]) => {
    const value = String(at(values, "env", variable) ?? "");
    return value === "true" || value === "false"
      ? [[keyword, value, { resource: addon, path: place.path }] as const]
      : [];
  });
}

/** A document inside of a string; undefined if it is not JSON. */
function parsed(text: string | undefined): Json | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
