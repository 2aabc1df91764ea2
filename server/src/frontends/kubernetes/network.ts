/**
 * The CNI plugin, its mode, and the ranges of a cluster, inferred from the objects of a dump. Each inferred value is a
 * declaration at the field that shows it; a value without evidence is a default and is listed in the notes.
 */

import { parse as parseYaml } from "yaml";
import { formatPrefix, type Prefix, parsePrefix, prefixCovers, prefixOf } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import { t } from "../../text/l10n.ts";
import { at, isRecord, type Json, listAt, type Path, textAt } from "./json.ts";
import { annotationsOf, drafted, type KubeObject } from "./object.ts";

/** A value with the field that shows it. */
export interface Evidence<T> {
  readonly value: T;
  readonly object: KubeObject;
  readonly path: Path;
}

export interface Objects {
  readonly all: readonly KubeObject[];
  readonly nodes: readonly KubeObject[];
  readonly pods: readonly KubeObject[];
}

/* ------------------------------------------------------------------ finding evidence */

export function configMap(objects: Objects, name: string, key: string): Evidence<string> | undefined {
  for (const object of objects.all) {
    if (object.kind !== "ConfigMap" || object.name !== name) continue;
    const text = textAt(object.value, "data", key);
    if (text !== undefined) return { value: text, object, path: ["data", key] };
  }
  return undefined;
}

/** A document inside of a string; undefined if it is not valid YAML or JSON. */
export function parsed(evidence: Evidence<string> | undefined): Evidence<Json> | undefined {
  if (!evidence) return undefined;
  try {
    const value: unknown = parseYaml(evidence.value, { maxAliasCount: 100 });
    return isRecord(value) ? { ...evidence, value } : undefined;
  } catch {
    return undefined;
  }
}

/** The value of a flag in the command or the arguments of a container: `--cluster-cidr=10.244.0.0/16`. */
export function flagOf(objects: Objects, container: string, flag: string): Evidence<string> | undefined {
  for (const object of objects.all) {
    if (object.kind !== "Pod" && object.kind !== "DaemonSet" && object.kind !== "Deployment") continue;
    const spec: Path = object.kind === "Pod" ? ["spec"] : ["spec", "template", "spec"];
    for (const [index, one] of listAt(object.value, ...spec, "containers").entries()) {
      if (textAt(one, "name") !== container) continue;
      for (const field of ["command", "args"]) {
        for (const [place, word] of listAt(one, field).entries()) {
          if (typeof word !== "string" || !word.startsWith(`--${flag}=`)) continue;
          const path = [...spec, "containers", index, field, place];
          return { value: word.slice(flag.length + 3), object, path };
        }
      }
    }
  }
  return undefined;
}

function daemonSet(objects: Objects, isMeant: (name: string) => boolean): KubeObject | undefined {
  return objects.all.find(({ kind, name }) => kind === "DaemonSet" && isMeant(name));
}

function environment(object: KubeObject, name: string): Evidence<string> | undefined {
  for (const [c, container] of listAt(object.value, "spec", "template", "spec", "containers").entries()) {
    for (const [e, entry] of listAt(container, "env").entries()) {
      const value = textAt(entry, "value");
      const path = ["spec", "template", "spec", "containers", c, "env", e, "value"];
      if (textAt(entry, "name") === name && value !== undefined) return { value, object, path };
    }
  }
  return undefined;
}

function prefixesIn(text: string): readonly Prefix[] {
  return text.split(/[\s,]+/).flatMap((one) => parsePrefix(one)?.prefix ?? []);
}

function ranges(evidence: Evidence<string> | undefined): readonly Evidence<Prefix>[] {
  return evidence ? prefixesIn(evidence.value).map((value) => ({ ...evidence, value })) : [];
}

export function field(evidence: Evidence<Json> | undefined, ...path: Path): Evidence<string> | undefined {
  const value = evidence && textAt(evidence.value, ...path);
  return evidence && value !== undefined ? { ...evidence, value } : undefined;
}

/* ------------------------------------------------------------------ ranges */

/** The ranges of the first source that states one; sources in the order of trust. */
function firstOf(...sources: readonly (() => readonly Evidence<Prefix>[])[]): readonly Evidence<Prefix>[] {
  for (const source of sources) {
    const found = source();
    if (found.length > 0) return found;
  }
  return [];
}

export interface Ranges {
  readonly pods: readonly Evidence<Prefix>[];
  readonly services: readonly Evidence<Prefix>[];
}

export function rangesOf(objects: Objects): Ranges {
  const kubeadm = parsed(configMap(objects, "kubeadm-config", "ClusterConfiguration"));
  return {
    pods: firstOf(
      () => poolRanges(objects),
      () => ranges(flagOf(objects, "kube-controller-manager", "cluster-cidr")),
      () => ranges(field(kubeadm, "networking", "podSubnet")),
      () => ranges(field(parsed(configMap(objects, "kube-proxy", "config.conf")), "clusterCIDR")),
      () => ranges(field(netConf(objects), "Network")),
      () => ranges(settingOf(objects, "kindnet", "POD_SUBNET")),
      () => ranges(settingOf(objects, "weave-net", "IPALLOC_RANGE")),
      () => nodeRanges(objects),
    ),
    services: firstOf(
      () => serviceCidrs(objects),
      () => ranges(flagOf(objects, "kube-apiserver", "service-cluster-ip-range")),
      () => ranges(field(kubeadm, "networking", "serviceSubnet")),
    ),
  };
}

function serviceCidrs({ all }: Objects): readonly Evidence<Prefix>[] {
  return all.flatMap((object) =>
    object.kind !== "ServiceCIDR"
      ? []
      : listAt(object.value, "spec", "cidrs").flatMap((one, index) =>
          ranges(typeof one === "string" ? { value: one, object, path: ["spec", "cidrs", index] } : undefined),
        ),
  );
}

function poolRanges(objects: Objects): readonly Evidence<Prefix>[] {
  return ipPools(objects).flatMap((object) => {
    const text = textAt(object.value, "spec", "cidr");
    return ranges(text === undefined ? undefined : { value: text, object, path: ["spec", "cidr"] });
  });
}

/** An environment variable of a DaemonSet. */
function settingOf(objects: Objects, name: string, variable: string): Evidence<string> | undefined {
  const set = daemonSet(objects, (one) => one === name);
  return set && environment(set, variable);
}

/** The smallest of the usual range sizes that contains the podCIDRs of all nodes, by address family. */
function nodeRanges({ nodes }: Objects): readonly Evidence<Prefix>[] {
  const stated = nodes.flatMap((object) =>
    podCidrs(object).map((value) => ({ value, object, path: ["spec", "podCIDR"] })),
  );
  return (["number", "bigint"] as const).flatMap((kind): readonly Evidence<Prefix>[] => {
    const own = stated.filter(({ value }) => typeof value.ip === kind);
    const [first] = own;
    if (!first) return [];
    for (const len of kind === "number" ? [16, 12, 8, 4, 0] : [56, 48, 32, 16, 0]) {
      if (len > first.value.len) continue;
      const around = prefixOf(first.value.ip, len);
      if (own.every(({ value }) => prefixCovers(around, value))) return [{ ...first, value: around }];
    }
    return [];
  });
}

export function podCidrs({ value }: KubeObject): readonly Prefix[] {
  const all = listAt(value, "spec", "podCIDRs").flatMap((one) => (typeof one === "string" ? prefixesIn(one) : []));
  const first = textAt(value, "spec", "podCIDR");
  return all.length > 0 ? all : first === undefined ? [] : prefixesIn(first);
}

/* ------------------------------------------------------------------ the plugin */

export interface Plugin {
  readonly draft: Draft;
  /** The policy engine of a plugin without one. */
  readonly engine: string | undefined;
  /** The plugin ignores podCIDR: pod addresses are from the blocks of its pools. */
  readonly hasBlocks: boolean;
  readonly notes: readonly string[];
}

const FLANNEL = "flannel.alpha.coreos.com/backend-type";

/** The plugin that runs on the nodes; undefined without evidence. */
export function pluginOf(objects: Objects): Plugin | undefined {
  const isFlannel = (name: string): boolean => name.startsWith("kube-flannel") || name === "canal";
  const flannel = daemonSet(objects, isFlannel) ?? configMap(objects, "kube-flannel-cfg", "net-conf.json")?.object;
  const annotated = objects.nodes.find((node) => annotationsOf(node).has(FLANNEL));
  if (flannel ?? annotated) return flannelPlugin(objects, (flannel ?? annotated)!, annotated);
  const calico = daemonSet(objects, (name) => name === "calico-node") ?? installation(objects) ?? ipPools(objects)[0];
  if (calico) return calicoPlugin(objects, calico);
  for (const [name, keyword] of SIMPLE) {
    const set = daemonSet(objects, (one) => one === name);
    if (set) return simplePlugin(set, keyword);
  }
  for (const [name, product] of UNMODELED) {
    const set = daemonSet(objects, (one) => one === name);
    if (set) {
      const note = t`${product} (DaemonSet ${name}) is not modeled yet: \`cni flannel\` with VXLAN is used`;
      return { ...defaultPlugin(set), notes: [note] };
    }
  }
  return undefined;
}

const SIMPLE: readonly (readonly [string, string])[] = [
  ["kindnet", "kindnet"],
  ["weave-net", "weave"],
  ["aws-node", "aws-vpc"],
  ["azure-cns", "azure"],
  ["netd", "gke"],
];
const UNMODELED: readonly (readonly [string, string])[] = [
  ["cilium", "Cilium"],
  ["antrea-agent", "Antrea"],
  ["ovnkube-node", "OVN-Kubernetes"],
  ["kube-router", "kube-router"],
];

function simplePlugin(object: KubeObject, plugin: string): Plugin {
  const draft = drafted(object, ["metadata", "name"], { keyword: "cni", args: { plugin } });
  return { draft, engine: undefined, hasBlocks: plugin === "weave", notes: [] };
}

/** A pod network that any cluster could have: flannel with VXLAN, and a policy engine. */
export function defaultPlugin(object: KubeObject): Plugin {
  const path: Path = ["metadata", "name"];
  const backend = drafted(object, path, { keyword: "backend", args: { type: "vxlan" } });
  const draft = drafted(object, path, { keyword: "cni", args: { plugin: "flannel" }, children: [backend] });
  return { draft, engine: "kube-router", hasBlocks: false, notes: [] };
}

function netConf(objects: Objects): Evidence<Json> | undefined {
  return parsed(
    configMap(objects, "kube-flannel-cfg", "net-conf.json") ?? configMap(objects, "canal-config", "net-conf.json"),
  );
}

/** k3s runs flannel without a DaemonSet: only the annotations of its nodes show it, and its own policy engine. */
function flannelPlugin(objects: Objects, shown: KubeObject, annotated: KubeObject | undefined): Plugin {
  const conf = netConf(objects);
  const source = conf ?? { value: {}, object: annotated ?? shown, path: ["metadata", "annotations"] };
  const networks = ["Network", "IPv6Network"].flatMap((key) => textAt(conf?.value, key) ?? []);
  const stated = (
    textAt(conf?.value, "Backend", "Type") ??
    (annotated && annotationsOf(annotated).get(FLANNEL)) ??
    "vxlan"
  ).toLowerCase();
  const backend = stated === "extension" || stated === "wireguard-native" ? "wireguard" : stated;
  const setting = (keyword: string, value: string | undefined): readonly Draft[] =>
    value === undefined ? [] : [drafted(source.object, source.path, { keyword, args: { value } })];
  const children =
    backend === "vxlan"
      ? [
          ...setting("vni", textAt(conf?.value, "Backend", "VNI")),
          ...setting("port", textAt(conf?.value, "Backend", "Port")),
          ...(at(conf?.value, "Backend", "DirectRouting") === true ? setting("direct-routing", "true") : []),
        ]
      : [];
  const isCanal = shown.name === "canal";
  const isK3s =
    annotated !== undefined && daemonSet(objects, (name) => name.startsWith("kube-flannel")) === undefined && !isCanal;
  const draft = drafted(shown, ["metadata", "name"], {
    keyword: "cni",
    args: { plugin: "flannel" },
    children: [
      ...(networks.length === 0
        ? []
        : [drafted(source.object, source.path, { keyword: "network", args: { value: networks } })]),
      drafted(source.object, source.path, {
        keyword: "backend",
        args: { type: backend },
        ...(children.length > 0 ? { children } : {}),
      }),
    ],
  });
  const hasEngine = isK3s || daemonSet(objects, (name) => name === "kube-router") !== undefined;
  return { draft, engine: isCanal ? "calico" : hasEngine ? "kube-router" : undefined, hasBlocks: false, notes: [] };
}

/* ------------------------------------------------------------------ Calico */

export function ipPools(objects: Objects): readonly KubeObject[] {
  return objects.all.filter(({ kind, apiVersion }) => kind === "IPPool" && apiVersion.includes("projectcalico.org"));
}

function installation(objects: Objects): KubeObject | undefined {
  return objects.all.find(
    ({ kind, apiVersion }) => kind === "Installation" && apiVersion.startsWith("operator.tigera.io"),
  );
}

const MODES: Readonly<Record<string, string>> = { Always: "always", CrossSubnet: "cross-subnet", Never: "never" };

/** Encapsulations of the operator's pools; the default of its type is IPIP. */
const ENCAPSULATIONS: Readonly<Record<string, readonly [string, string]>> = {
  IPIP: ["ipip", "always"],
  IPIPCrossSubnet: ["ipip", "cross-subnet"],
  VXLAN: ["vxlan", "always"],
  VXLANCrossSubnet: ["vxlan", "cross-subnet"],
};

function calicoPlugin(objects: Objects, shown: KubeObject): Plugin {
  const pools = ipPools(objects).map(poolDraft);
  const operator = pools.length > 0 ? undefined : installation(objects);
  const children = [
    ...backendDraft(objects),
    ...(pools.length > 0 ? pools : operator ? operatorPools(operator) : manifestPool(shown)),
  ];
  const draft = drafted(shown, ["metadata", "name"], { keyword: "cni", args: { plugin: "calico" }, children });
  return { draft, engine: undefined, hasBlocks: true, notes: [] };
}

/** BIRD is the default. */
function backendDraft(objects: Objects): readonly Draft[] {
  const found = configMap(objects, "calico-config", "calico_backend");
  return found?.value === "vxlan" || found?.value === "none"
    ? [drafted(found.object, found.path, { keyword: "backend", args: { value: found.value } })]
    : [];
}

function poolDraft(object: KubeObject): Draft {
  const spec = at(object.value, "spec");
  const mode = (keyword: string, name: string): readonly Draft[] => {
    const value = MODES[textAt(spec, name) ?? "Never"];
    return value === undefined || value === "never"
      ? []
      : [drafted(object, ["spec", name], { keyword, args: { value } })];
  };
  const set = (keyword: string, name: string, value: string | undefined): readonly Draft[] =>
    value === undefined ? [] : [drafted(object, ["spec", name], { keyword, args: { value } })];
  return drafted(
    object,
    [],
    {
      keyword: "pool",
      args: { name: object.name, cidr: textAt(spec, "cidr") ?? "" },
      children: [
        ...mode("ipip", "ipipMode"),
        ...mode("vxlan", "vxlanMode"),
        ...(textAt(spec, "blockSize") === undefined
          ? []
          : set("block-size", "blockSize", `/${textAt(spec, "blockSize")}`)),
        ...set("nat-outgoing", "natOutgoing", String(at(spec, "natOutgoing") === true)),
        ...(at(spec, "disabled") === true ? set("disabled", "disabled", "true") : []),
        ...(at(spec, "disableBGPExport") === true ? set("disable-bgp-export", "disableBGPExport", "true") : []),
      ],
    },
    { name: ["metadata", "name"], cidr: ["spec", "cidr"] },
  );
}

function operatorPools(object: KubeObject): readonly Draft[] {
  const base: Path = ["spec", "calicoNetwork", "ipPools"];
  return listAt(object.value, ...base).map((pool, index) => {
    const path = [...base, index];
    const way = ENCAPSULATIONS[textAt(pool, "encapsulation") ?? "IPIP"];
    return drafted(
      object,
      path,
      {
        keyword: "pool",
        args: {
          name: textAt(pool, "name") ?? (index === 0 ? "default-ipv4-ippool" : `pool-${index}`),
          cidr: textAt(pool, "cidr") ?? "",
        },
        children: [
          ...(way ? [drafted(object, [...path, "encapsulation"], { keyword: way[0], args: { value: way[1] } })] : []),
          drafted(object, [...path, "natOutgoing"], {
            keyword: "nat-outgoing",
            args: { value: String(textAt(pool, "natOutgoing") !== "Disabled") },
          }),
        ],
      },
      { cidr: [...path, "cidr"] },
    );
  });
}

/** The pool that calico-node creates at its first start (calico.yaml: IPIP Always). */
function manifestPool(shown: KubeObject): readonly Draft[] {
  const cidr = environment(shown, "CALICO_IPV4POOL_CIDR");
  if (!cidr) return [];
  const mode = (keyword: string, name: string): readonly Draft[] => {
    const found = environment(shown, name);
    const value = found && MODES[found.value];
    return found && value !== undefined && value !== "never"
      ? [drafted(found.object, found.path, { keyword, args: { value } })]
      : [];
  };
  return [
    drafted(cidr.object, cidr.path, {
      keyword: "pool",
      args: { name: "default-ipv4-ippool", cidr: cidr.value },
      children: [
        ...mode("ipip", "CALICO_IPV4POOL_IPIP"),
        ...mode("vxlan", "CALICO_IPV4POOL_VXLAN"),
        drafted(cidr.object, cidr.path, { keyword: "nat-outgoing", args: { value: "true" } }),
      ],
    }),
  ];
}

/* ------------------------------------------------------------------ kube-proxy */

/** The mode of kube-proxy's configuration; an empty mode is iptables on Linux. */
export function proxyDraft(objects: Objects): Draft | undefined {
  const text = configMap(objects, "kube-proxy", "config.conf");
  const mode = field(parsed(text), "mode");
  const value = mode?.value.toLowerCase() ?? "";
  return mode && ["iptables", "ipvs", "nftables"].includes(value)
    ? drafted(mode.object, mode.path, { keyword: "kube-proxy", args: { mode: value } })
    : undefined;
}

export function rangeDraft(
  keyword: "pods" | "services",
  { value, object, path }: Evidence<Prefix>,
  perNode?: number,
): Draft {
  return drafted(
    object,
    path,
    {
      keyword,
      args: { prefix: formatPrefix(value), ...(perNode === undefined ? {} : { "per-node": `/${perNode}` }) },
    },
    { prefix: path },
  );
}
