/** Settings of a cluster that its nodes and its installer show: the release, max-pods, the DNS domain, and the node port range. */
import type { Draft } from "../../declared/build.ts";
import { at, type Json, listAt, type Path, recordAt, textAt } from "./json.ts";
import { configMap, type Evidence, field, flagOf, type Objects, parsed } from "./network.ts";
import { drafted } from "./object.ts";

/** Values that are knet's defaults are omitted. `plugin`: clouds have other defaults of max-pods. */
export function clusterSettings(objects: Objects, plugin: string): readonly Draft[] {
  const kubeadm = parsed(configMap(objects, "kubeadm-config", "ClusterConfiguration"));
  return [
    ...release(objects),
    ...maxPods(objects, CLOUDS.has(plugin) ? "" : MOST_PODS),
    ...setting("dns-domain", "domain", domain(objects, kubeadm), "cluster.local"),
    ...setting("node-port-range", "ports", nodePorts(objects, kubeadm), "30000-32767"),
  ];
}

function setting(
  keyword: string,
  argument: string,
  evidence: Evidence<string> | undefined,
  usual: string,
): readonly Draft[] {
  if (evidence === undefined || evidence.value === usual || evidence.value === "") return [];
  const { object, path, value } = evidence;
  return [drafted(object, path, { keyword, args: { [argument]: value } }, { [argument]: path })];
}

/** The releases of `version` in the schema. */
const OLDEST_MINOR = 33;
const NEWEST_MINOR = 37;

/** kubelet's release on the oldest node; kube-proxy has the same or an older one. */
function release({ nodes }: Objects): readonly Draft[] {
  const path: Path = ["status", "nodeInfo", "kubeletVersion"];
  const found = nodes.flatMap((object) => {
    const minor = /^v1\.(\d+)/.exec(textAt(object.value, ...path) ?? "")?.[1];
    return minor === undefined ? [] : [{ object, minor: Number(minor) }];
  });
  const oldest = found.reduce<(typeof found)[number] | undefined>(
    (least, one) => (least === undefined || one.minor < least.minor ? one : least),
    undefined,
  );
  if (oldest === undefined || oldest.minor >= NEWEST_MINOR) return [];
  const value = `1.${Math.max(oldest.minor, OLDEST_MINOR)}`;
  return [drafted(oldest.object, path, { keyword: "version", args: { release: value } }, { release: path })];
}

/** The default of kubelet. */
const MOST_PODS = "110";
const CLOUDS: ReadonlySet<string> = new Set(["aws-vpc", "azure", "gke"]);

/** The limit of all nodes, if they have the same one. */
function maxPods({ nodes }: Objects, usual: string): readonly Draft[] {
  const [first] = nodes;
  const paths: readonly Path[] = [
    ["status", "allocatable", "pods"],
    ["status", "capacity", "pods"],
  ];
  const path = paths.find((one) => first !== undefined && textAt(first.value, ...one) !== undefined);
  const values = new Set(path ? nodes.map(({ value }) => textAt(value, ...path)) : []);
  const [only] = values;
  if (!first || !path || values.size !== 1 || only === undefined || !/^[1-9]\d*$/.test(only)) return [];
  return setting("max-pods", "value", { value: only, object: first, path }, usual);
}

function domain(objects: Objects, kubeadm: Evidence<Json> | undefined): Evidence<string> | undefined {
  return (
    field(kubeadm, "networking", "dnsDomain") ??
    field(parsed(configMap(objects, "kubelet-config", "kubelet")), "clusterDomain")
  );
}

function nodePorts(objects: Objects, kubeadm: Evidence<Json> | undefined): Evidence<string> | undefined {
  const flag = "service-node-port-range";
  const value = extraArgument(kubeadm?.value, flag);
  return (
    flagOf(objects, "kube-apiserver", flag) ?? (kubeadm && value !== undefined ? { ...kubeadm, value } : undefined)
  );
}

/** A map up to v1beta3, a list of names and values in v1beta4. */
function extraArgument(kubeadm: Json | undefined, flag: string): string | undefined {
  const path: Path = ["apiServer", "extraArgs"];
  const listed = listAt(kubeadm, ...path).find((one) => textAt(one, "name") === flag);
  return listed === undefined ? textAt(recordAt(kubeadm, ...path), flag) : textAt(at(listed, "value"));
}
