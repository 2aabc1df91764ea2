/** eksctl, and Cluster API: objects with a name that describe a cluster. */

import { formatPrefix, type Prefix, prefixCovers } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import { list } from "../../text/format.ts";
import { at, listAt, numberAt, recordAt, textAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import {
  type Evidence,
  mapped,
  parsed,
  rangesIn,
  resources,
  setting,
  shown,
  textIn,
  textOf,
  textsOf,
  unless,
} from "../kubernetes/evidence.ts";
import { note, type Reading } from "../kubernetes/inference.ts";
import type { KubeObject } from "../kubernetes/object.ts";
import type { Plugin } from "../kubernetes/plugins/plugin.ts";
import type { Installer } from "./installer.ts";
import { oneInEach, poolDrafts, type Subnet, type SubnetPool, subnetMachines } from "./subnets.ts";

/* ------------------------------------------------------------------ Cluster API */

export function capiInstallers({ dump }: Reading): readonly Installer[] {
  return resources(dump, "Cluster", "cluster.x-k8s.io").map((object) => ({
    name: "Cluster API",
    object,
    pods: rangesIn(...textsOf(object, "spec", "clusterNetwork", "pods", "cidrBlocks")),
    services: rangesIn(...textsOf(object, "spec", "clusterNetwork", "services", "cidrBlocks")),
    defaults: { services: "10.96.0.0/12" },
    domain: textOf(object, "spec", "clusterNetwork", "serviceDomain"),
  }));
}

/* ------------------------------------------------------------------ eksctl */

/**
 * The service range is 10.100.0.0/16, or 172.20.0.0/16 if the VPC is in 10.0.0.0/8; of IPv6 clusters it is a part of fc00::/7
 * (EKS, KubernetesNetworkConfig).
 */
export function eksctlInstallers(reading: Reading): readonly Installer[] {
  return resources(reading.dump, "ClusterConfig", "eksctl.io").map((object) => {
    const vpc = textOf(object, "vpc", "cidr") ?? { value: DEFAULT_VPC, object, path: [] };
    const ten = rangesIn({ ...vpc, value: "10.0.0.0/8" })[0];
    const [own] = rangesIn(vpc);
    const isTen = ten !== undefined && own !== undefined && prefixCovers(ten.value, own.value);
    const isSix = ipFamily(object)?.value === "ipv6";
    const subnets = eksSubnets(reading, object, own);
    remoteNetworks(reading, object);
    return {
      name: "eksctl",
      object,
      version: textOf(object, "metadata", "version"),
      pods: [],
      services: rangesIn(textOf(object, "kubernetesNetworkConfig", "serviceIPv4CIDR")),
      defaults: { services: isSix ? "fd00::/108" : isTen ? "172.20.0.0/16" : "10.100.0.0/16" },
      plugin: eksPlugin(object),
      machines: subnetMachines(reading, { object, subnets, provider: "aws", isSix, nodes: eksNodes(object, subnets) }),
    };
  });
}

/** pkg/apis/eksctl.io/v1alpha5: DefaultCIDR. */
const DEFAULT_VPC = "192.168.0.0/16";

function ipFamily(object: KubeObject): Evidence<string> | undefined {
  return mapped(textOf(object, "kubernetesNetworkConfig", "ipFamily"), (value) => value.toLowerCase());
}

/** Networks of hybrid nodes, which are not in the VPC. */
function remoteNetworks(reading: Reading, object: KubeObject): void {
  const path = ["remoteNetworkConfig", "remoteNodeNetworks"];
  const texts = listAt(object.value, ...path).flatMap((_, index) =>
    textsOf(object, ...path, index, "cidrs").map(({ value }) => value),
  );
  if (texts.length > 0) note(reading, { object, path }, t`the remote networks ${list(texts)} of nodes are not shown`);
}

function eksPlugin(object: KubeObject): Plugin {
  const index = listAt(object.value, "addons").findIndex((one) => textAt(one, "name") === "vpc-cni");
  const stated = index < 0 ? undefined : textOf(object, "addons", index, "configurationValues");
  const env = (name: string): Evidence<string> | undefined => textIn(parsed(stated), "env", name);
  const place: Evidence<unknown> = { value: undefined, object, path: index < 0 ? [] : ["addons", index] };
  const six = unless(ipFamily(object), "ipv4");
  const excluded = env("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS");
  return {
    name: "aws-vpc",
    shown: place,
    settings: [
      ...setting("prefix-delegation", unless(env("ENABLE_PREFIX_DELEGATION"), "false")),
      ...setting("ip-family", six && { ...six, value: "ipv6" }),
      ...setting("external-snat", unless(env("AWS_VPC_K8S_CNI_EXTERNALSNAT"), "false")),
      ...(excluded
        ? [shown(excluded, "exclude-snat", { value: excluded.value.split(",").map((one) => one.trim()) })]
        : []),
      ...setting("mtu", unless(env("AWS_VPC_ENI_MTU"), "9001")),
    ],
    ranges: [],
    ownRanges: true,
  };
}

/** The subnets that the file names; else the VPC as one subnet. */
function eksSubnets(reading: Reading, object: KubeObject, vpc: Evidence<Prefix> | undefined): readonly EksSubnet[] {
  const stated = ["private", "public"].flatMap((kind) =>
    Object.entries(recordAt(object.value, "vpc", "subnets", kind)).map(([key, value]): EksSubnet => {
      const path = ["vpc", "subnets", kind, key];
      const zone = textAt(value, "az") ?? key;
      return { name: `${kind}-${key}`, cidr: textAt(value, "cidr"), path, kind, zone, ids: [key, textAt(value, "id")] };
    }),
  );
  if (stated.length > 0 || !vpc) return stated;
  if (vpc.path.length === 0) note(reading, vpc, t`no range of the VPC was found: ${DEFAULT_VPC} is used`);
  return [{ name: "nodes", cidr: formatPrefix(vpc.value), path: ["vpc"], kind: "", zone: "", ids: [] }];
}

interface EksSubnet extends Subnet {
  /** private or public; "" for the whole VPC. */
  readonly kind: string;
  readonly zone: string;
  /** How node groups refer to the subnet. */
  readonly ids: readonly (string | undefined)[];
}

/** The node groups; one node in each subnet if the file has no list of them. */
function eksNodes(object: KubeObject, subnets: readonly EksSubnet[]): readonly Draft[] {
  const lists = ["nodeGroups", "managedNodeGroups"].filter((name) => Array.isArray(at(object.value, name)));
  if (lists.length === 0) return oneInEach(object, subnets);
  const pools = lists.flatMap((name) =>
    listAt(object.value, name).map((group, index): SubnetPool => {
      const path = [name, index];
      const size = numberAt(group, "desiredCapacity") ?? numberAt(group, "minSize") ?? NODES_WITHOUT_SIZE;
      const label = textAt(group, "name") ?? `nodes-${index + 1}`;
      return { name: label, count: size, subnets: groupSubnets(object, path, subnets), object, path };
    }),
  );
  return pools.flatMap(poolDrafts);
}

/** pkg/apis/eksctl.io/v1alpha5: DefaultNodeCount. */
const NODES_WITHOUT_SIZE = 2;

/** Node groups are in public subnets unless they state `privateNetworking`; they can name subnets or zones. */
function groupSubnets(
  object: KubeObject,
  path: readonly (string | number)[],
  subnets: readonly EksSubnet[],
): readonly EksSubnet[] {
  const namesOf = (field: string): readonly string[] => textsOf(object, ...path, field).map(({ value }) => value);
  const named = namesOf("subnets");
  const zones = namesOf("availabilityZones");
  const own = subnets.filter(({ ids }) => ids.some((id) => id !== undefined && named.includes(id)));
  if (own.length > 0) return own;
  const kind = at(object.value, ...path, "privateNetworking") === true ? "private" : "public";
  const near = subnets.filter((one) => zones.length === 0 || zones.includes(one.zone));
  for (const found of [near.filter((one) => one.kind === kind), near]) if (found.length > 0) return found;
  return subnets;
}
