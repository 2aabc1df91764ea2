/** kops, eksctl, and Cluster API: objects with a name that describe a cluster. */

import { formatPrefix, type Prefix, prefixCovers } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import { t } from "../../text/l10n.ts";
import { entryOf } from "../../text/table.ts";
import {
  type Evidence,
  flagOf,
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
import { isRecord, listAt, type Path, recordAt, textAt } from "../kubernetes/json.ts";
import { drafted, type KubeObject } from "../kubernetes/object.ts";
import type { Plugin } from "../kubernetes/plugins/plugin.ts";
import type { Installer, Machines } from "./installer.ts";

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

/* ------------------------------------------------------------------ kops */

/** Keys of `networking`: v1alpha2, and their names in v1alpha3. */
const KOPS_PLUGINS: Readonly<Record<string, string>> = {
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

/** Defaults: 100.64.0.0/10 is divided into services and pods (kops, docs/networking.md). */
export function kopsInstallers(reading: Reading): readonly Installer[] {
  return resources(reading.dump, "Cluster", "kops.k8s.io").map((object) => {
    const own = (field: string): Evidence<string> | undefined =>
      textOf(object, "spec", "networking", field) ?? textOf(object, "spec", field);
    const isOld = listAt(object.value, "spec", "subnets").length > 0;
    const subnets: Path = isOld ? ["spec", "subnets"] : ["spec", "networking", "subnets"];
    return {
      name: "kops",
      object,
      version: textOf(object, "spec", "kubernetesVersion"),
      pods: rangesIn(own("podCIDR")),
      services: rangesIn(own("serviceClusterIPRange")),
      defaults: { pods: "100.96.0.0/11", services: "100.64.0.0/13" },
      domain: textOf(object, "spec", "clusterDNSDomain"),
      maxPods: textOf(object, "spec", "kubelet", "maxPods"),
      proxyMode: textOf(object, "spec", "kubeProxy", "proxyMode"),
      plugin: kopsPlugin(reading, object),
      machines: subnetMachines(
        object,
        listAt(object.value, ...subnets).map((one, index) => ({
          name: textAt(one, "name") ?? textAt(one, "zone") ?? `subnet-${index + 1}`,
          cidr: textAt(one, "cidr") ?? "",
          path: [...subnets, index],
        })),
        textAt(object.value, "spec", "cloudProvider"),
      ),
    };
  });
}

function kopsPlugin(reading: Reading, object: KubeObject): Plugin | undefined {
  const keys = Object.entries(recordAt(object.value, "spec", "networking")).filter(([, value]) => isRecord(value));
  for (const [key] of keys) {
    const name = entryOf(KOPS_PLUGINS, key);
    const place: Evidence<unknown> = { value: undefined, object, path: ["spec", "networking", key] };
    if (name === undefined) {
      note(reading, place, t`plugin ${key} is not modeled yet`);
      continue;
    }
    return {
      name,
      shown: place,
      settings: kopsSettings(object, key, name),
      ...(key === "canal" ? { engine: { ...place, value: "calico" } } : {}),
      ranges: [],
      ...(name === "aws-vpc" || name === "weave" ? { ownRanges: true } : {}),
    };
  }
  return undefined;
}

function kopsSettings(object: KubeObject, key: string, name: string): readonly Draft[] {
  const path: Path = ["spec", "networking", key];
  const place: Evidence<unknown> = { value: undefined, object, path };
  if (name === "flannel")
    return [shown(place, "backend", { type: textAt(object.value, ...path, "backend") ?? "vxlan" })];
  if (name !== "calico") return [];
  // kops' template: IPIP between subnets unless `encapsulationMode: vxlan` (networking.projectcalico.org).
  const mode = textOf(object, ...path, "encapsulationMode");
  const keyword = mode?.value === "vxlan" ? "vxlan" : mode?.value === "none" ? undefined : "ipip";
  const isCross =
    flagOf(object, ...path, "crossSubnet")?.value === true ||
    textAt(object.value, ...path, keyword === "vxlan" ? "vxlanMode" : "ipipMode") === "CrossSubnet";
  const value = isCross ? "cross-subnet" : "always";
  const pool = [
    ...(keyword === undefined ? [] : setting(keyword, { ...(mode ?? place), value })),
    ...setting("nat-outgoing", { ...place, value: true }),
  ];
  return [
    shown(place, "pool", { name: "default-ipv4-ippool" }, pool),
    ...setting("mtu", textOf(object, ...path, "mtu")),
  ];
}

/* ------------------------------------------------------------------ eksctl */

/** The service range is 10.100.0.0/16, or 172.20.0.0/16 if the VPC is in 10.0.0.0/8 (EKS, KubernetesNetworkConfig). */
export function eksctlInstallers(reading: Reading): readonly Installer[] {
  return resources(reading.dump, "ClusterConfig", "eksctl.io").map((object) => {
    const vpc = textOf(object, "vpc", "cidr") ?? { value: "192.168.0.0/16", object, path: [] };
    const ten = rangesIn({ ...vpc, value: "10.0.0.0/8" })[0];
    const [own] = rangesIn(vpc);
    const isTen = ten !== undefined && own !== undefined && prefixCovers(ten.value, own.value);
    return {
      name: "eksctl",
      object,
      version: textOf(object, "metadata", "version"),
      pods: [],
      services: rangesIn(textOf(object, "kubernetesNetworkConfig", "serviceIPv4CIDR")),
      defaults: { services: isTen ? "172.20.0.0/16" : "10.100.0.0/16" },
      plugin: eksPlugin(object),
      machines: subnetMachines(object, eksSubnets(object, own?.value), "aws"),
    };
  });
}

function eksPlugin(object: KubeObject): Plugin {
  const index = listAt(object.value, "addons").findIndex((one) => textAt(one, "name") === "vpc-cni");
  const stated = index < 0 ? undefined : textOf(object, "addons", index, "configurationValues");
  const env = (name: string): Evidence<string> | undefined => textIn(parsed(stated), "env", name);
  const place: Evidence<unknown> = { value: undefined, object, path: index < 0 ? [] : ["addons", index] };
  const six = unless(textOf(object, "kubernetesNetworkConfig", "ipFamily"), "IPv4");
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
function eksSubnets(object: KubeObject, vpc: Prefix | undefined): readonly Subnet[] {
  const stated = ["private", "public"].flatMap((kind) =>
    Object.entries(recordAt(object.value, "vpc", "subnets", kind)).flatMap(([zone, value]): readonly Subnet[] => {
      const cidr = textAt(value, "cidr");
      return cidr === undefined ? [] : [{ name: `${kind}-${zone}`, cidr, path: ["vpc", "subnets", kind, zone] }];
    }),
  );
  return stated.length > 0 || !vpc ? stated : [{ name: "nodes", cidr: formatPrefix(vpc), path: ["vpc", "cidr"] }];
}

/* ------------------------------------------------------------------ subnets */

interface Subnet {
  readonly name: string;
  readonly cidr: string;
  readonly path: Path;
}

const PROVIDERS: Readonly<Record<string, string>> = { aws: "aws", azure: "azure", gce: "gcp" };

/** One node in each subnet: the file has no list of nodes. */
function subnetMachines(
  object: KubeObject,
  subnets: readonly Subnet[],
  provider: string | undefined,
): Machines | undefined {
  if (subnets.length === 0) return undefined;
  const cloud = entryOf(PROVIDERS, provider ?? "");
  const own = (draft: Omit<Draft, "handle" | "file">, path: Path): Draft => drafted(object, path, draft);
  return {
    network: [
      ...subnets.map(({ name, cidr, path }) =>
        own(
          {
            keyword: "segment",
            args: { name },
            children: [
              own({ keyword: "cidr", args: { prefixes: [cidr] } }, [...path, "cidr"]),
              ...(cloud === undefined ? [] : [own({ keyword: "cloud", args: { provider: cloud } }, path)]),
            ],
          },
          path,
        ),
      ),
      own(
        {
          keyword: "router",
          args: { name: "gateway" },
          children: subnets.map(({ name, path }) => own({ keyword: "attach", args: { segment: name } }, path)),
        },
        [],
      ),
    ],
    nodes: subnets.map(({ name, path }, index) =>
      own(
        {
          keyword: "node",
          args: { name: `node-${index + 1}` },
          children: [own({ keyword: "attach", args: { segment: name } }, path)],
        },
        path,
      ),
    ),
  };
}
