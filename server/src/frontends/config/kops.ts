/** kops: the objects Cluster and InstanceGroup, v1alpha2 and v1alpha3. */
import { family, formatPrefix, nthSubnet, parsePrefix } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import { isRecord, listAt, numberAt, type Path, recordAt, textAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { entryOf } from "../../text/table.ts";
import { type Evidence, flagOf, rangesIn, resources, setting, shown, textOf, textsOf } from "../kubernetes/evidence.ts";
import { note, type Reading } from "../kubernetes/inference.ts";
import { type KubeObject, labelsOf } from "../kubernetes/object.ts";
import { defaultPlugin, pluginOf } from "../kubernetes/plugins/index.ts";
import type { Plugin } from "../kubernetes/plugins/plugin.ts";
import type { Installer } from "./installer.ts";
import { oneInEach, poolDrafts, type Subnet, type SubnetPool, subnetMachines } from "./subnets.ts";

/** Keys of `networking`: v1alpha2, and their names in v1alpha3. */
const PLUGINS: Readonly<Record<string, string>> = {
  amazonvpc: "aws-vpc",
  amazonVPC: "aws-vpc",
  calico: "calico",
  flannel: "flannel",
  canal: "flannel",
  kindnet: "kindnet",
  kubenet: "kubenet",
  gce: "gke",
  gcp: "gke",
  weave: "weave",
};

/** Keys of `networking` in v1alpha3 that are not plugins (NetworkingSpec). */
const OTHERS: readonly string[] = ["egressProxy", "topology"];

/** The person installs the plugin. */
const EXTERNAL: readonly string[] = ["cni", "external"];

export function kopsInstallers(reading: Reading): readonly Installer[] {
  return resources(reading.dump, "Cluster", "kops.k8s.io").map((object) => {
    const own = (field: string): Evidence<string> | undefined =>
      textOf(object, "spec", "networking", field) ?? textOf(object, "spec", field);
    const defaults = rangesFrom(own("nonMasqueradeCIDR")?.value);
    const { isSix } = defaults;
    const subnets = subnetsOf(object);
    return {
      name: "kops",
      object,
      version: textOf(object, "spec", "kubernetesVersion"),
      pods: rangesIn(own("podCIDR")),
      services: rangesIn(own("serviceClusterIPRange")),
      defaults,
      domain: textOf(object, "spec", "clusterDNSDomain"),
      maxPods: textOf(object, "spec", "kubelet", "maxPods"),
      proxyMode: textOf(object, "spec", "kubeProxy", "proxyMode"),
      plugin: kopsPlugin(reading, object, isSix),
      machines: subnetMachines(reading, {
        object,
        subnets,
        provider: textAt(object.value, "spec", "cloudProvider"),
        isSix,
        nodes: nodesOf(reading, object, subnets),
      }),
    };
  });
}

/* ------------------------------------------------------------------ ranges */

interface Defaults {
  readonly pods: string;
  readonly services: string;
  readonly isSix: boolean;
}

const USUAL = "100.64.0.0/10";

/**
 * The upper half of nonMasqueradeCIDR is for pods, and the first eighth for services (upup/pkg/fi/cloudup/populate_cluster_spec.go).
 * Later releases assign services 100.64.0.0/13 in any case; the note about the assumed range covers both.
 * Pods of IPv6 clusters are in a /80 that AWS assigns to each node: their range is not known in advance.
 */
function rangesFrom(stated: string | undefined): Defaults {
  const whole = (parsePrefix(stated ?? "") ?? parsePrefix(USUAL))?.prefix;
  if (whole && family(whole.ip) === 6) return { pods: "fd00:10:244::/56", services: "fd00:5e4f:ce::/108", isSix: true };
  const canSplit = whole !== undefined && whole.len <= 29;
  const pods = canSplit ? nthSubnet(whole, whole.len + 1, 1) : undefined;
  const services = canSplit ? nthSubnet(whole, whole.len + 3, 0) : undefined;
  return {
    pods: pods ? formatPrefix(pods) : "100.96.0.0/11",
    services: services ? formatPrefix(services) : "100.64.0.0/13",
    isSix: false,
  };
}

/* ------------------------------------------------------------------ nodes */

interface KopsSubnet extends Subnet {
  readonly type: string | undefined;
}

function subnetsOf(object: KubeObject): readonly KopsSubnet[] {
  const isOld = listAt(object.value, "spec", "subnets").length > 0;
  const path: Path = isOld ? ["spec", "subnets"] : ["spec", "networking", "subnets"];
  return listAt(object.value, ...path).map((one, index) => ({
    name: textAt(one, "name") ?? textAt(one, "zone") ?? `subnet-${index + 1}`,
    cidr: textAt(one, "cidr"),
    cidr6: textAt(one, "ipv6CIDR"),
    type: textAt(one, "type"),
    path: [...path, index],
  }));
}

/** The instance groups; without them, one node in each subnet except those for load balancers and NAT gateways. */
function nodesOf(reading: Reading, object: KubeObject, subnets: readonly KopsSubnet[]): readonly Draft[] {
  const pools = resources(reading.dump, "InstanceGroup", "kops.k8s.io").flatMap((group) => {
    const pool = poolOf(group, subnets);
    const cluster = labelsOf(group).get("kops.k8s.io/cluster");
    return pool && (cluster === undefined || cluster === object.name) ? [pool] : [];
  });
  if (pools.length > 0) return pools.flatMap(poolDrafts);
  const inside = subnets.filter(({ type }) => type !== "Utility");
  return oneInEach(object, inside.length > 0 ? inside : subnets);
}

/** minSize, else one node of the control plane and two others (upup/pkg/fi/cloudup/populate_instancegroup_spec.go). */
function poolOf(group: KubeObject, subnets: readonly KopsSubnet[]): SubnetPool | undefined {
  const role = textAt(group.value, "spec", "role") ?? "Node";
  const named = textsOf(group, "spec", "subnets").map(({ value }) => value);
  const own = subnets.filter(({ name }) => named.includes(name));
  if (role === "Bastion" || own.length === 0) return undefined;
  const count = numberAt(group.value, "spec", "minSize") ?? (role === "Node" ? 2 : 1);
  return { name: group.name, count, subnets: own, object: group, path: ["spec", "subnets"] };
}

/* ------------------------------------------------------------------ the plugin */

function kopsPlugin(reading: Reading, object: KubeObject, isSix: boolean): Plugin | undefined {
  const keys = Object.entries(recordAt(object.value, "spec", "networking"))
    .filter(([key, value]) => isRecord(value) && !OTHERS.includes(key))
    .map(([key]) => key);
  const key = keys.find((one) => entryOf(PLUGINS, one) !== undefined) ?? keys[0];
  if (key === undefined) return undefined;
  const name = entryOf(PLUGINS, key);
  const place: Evidence<unknown> = { value: undefined, object, path: ["spec", "networking", key] };
  if (name === undefined) return otherPlugin(reading, place, key);
  return {
    name,
    shown: place,
    settings: kopsSettings(object, { key, name, isSix }),
    ...(key === "canal" ? { engine: { ...place, value: "calico" } } : {}),
    ranges: [],
    ...(name === "aws-vpc" || name === "weave" ? { ownRanges: true } : {}),
  };
}

/** Undefined if manifests in the input show the plugin. */
function otherPlugin(reading: Reading, place: Evidence<unknown>, key: string): Plugin | undefined {
  if (pluginOf({ ...reading, problems: [] })) return undefined;
  const text = EXTERNAL.includes(key)
    ? t`the CNI plugin is installed separately and is not in the input: \`cni flannel\` with VXLAN is used`
    : t`plugin ${key} is not modeled yet: \`cni flannel\` with VXLAN is used`;
  note(reading, place, text);
  return defaultPlugin(place);
}

interface Chosen {
  readonly key: string;
  readonly name: string;
  readonly isSix: boolean;
}

function kopsSettings(object: KubeObject, { key, name, isSix }: Chosen): readonly Draft[] {
  const path: Path = ["spec", "networking", key];
  const place: Evidence<unknown> = { value: undefined, object, path };
  if (name === "flannel")
    return [shown(place, "backend", { type: textAt(object.value, ...path, "backend") ?? "vxlan" })];
  if (name !== "calico") return [];
  // Between subnets only, unless ipipMode, vxlanMode, or the older crossSubnet states something else (pkg/model/components/calico.go).
  const mode = textOf(object, ...path, "encapsulationMode");
  const stated = mode?.value ?? (isSix ? "none" : "ipip");
  const keyword = stated === "vxlan" || stated === "ipip" ? stated : undefined;
  const scope = textAt(object.value, ...path, keyword === "vxlan" ? "vxlanMode" : "ipipMode");
  const isAlways =
    scope === "Always" || (scope === undefined && flagOf(object, ...path, "crossSubnet")?.value === false);
  const value = isAlways ? "always" : "cross-subnet";
  const pool = [
    ...(keyword === undefined || scope === "Never" ? [] : setting(keyword, { ...(mode ?? place), value })),
    ...(isSix ? [] : setting("nat-outgoing", { ...place, value: true })),
  ];
  return [
    shown(place, "pool", { name: `default-ipv${isSix ? 6 : 4}-ippool` }, pool.length > 0 ? pool : undefined),
    ...setting("mtu", textOf(object, ...path, "mtu")),
  ];
}
