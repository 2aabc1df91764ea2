/** Requirements of a cluster's plugin for the underlying network, as far as the checks need them. */
import type { Origin } from "../declared/origin.ts";
import { statement, wordIn } from "../declared/settings.ts";
import type { Cluster } from "../topology/model.ts";
import { settingsOf } from "./settings.ts";

/** Pods are directly on the segment, or have no network between nodes. */
const ASIDE: ReadonlySet<string> = new Set(["none", "docker", "macvlan", "ipvlan"]);

/**
 * Whether routes and tunnels to pods of a family use node addresses of the same family. In flannel's wireguard, one
 * device can carry both (Mode).
 */
export function needsNodesOfItsFamily({ cni }: Cluster): boolean {
  if (ASIDE.has(cni.plugin)) return false;
  const backend = statement(settingsOf(cni, undefined), "backend");
  const mode = wordIn(backend && statement([backend], "mode"));
  return wordIn(backend) !== "wireguard" || mode === undefined || mode === "separate";
}

/**
 * The block that contains `mtu`: flannel's backend block, where it is the outer packet's MTU, or the `cni` block, where
 * it is the pods' MTU.
 */
export function mtuSetting({ cni }: Cluster): { readonly block: Origin; readonly isOuter: boolean } {
  const backend = cni.plugin === "flannel" ? statement(settingsOf(cni, undefined), "backend") : undefined;
  return { block: backend ?? cni.source, isOuter: cni.plugin === "flannel" };
}

/**
 * Plugins with a data plane that replaces kube-proxy: Calico's eBPF, GKE's Dataplane V2, Azure CNI powered by Cilium.
 */
const PROXIES: ReadonlySet<string> = new Set(["calico", "gke", "azure", "none"]);

export function mayDoServices({ cni }: Cluster): boolean {
  return PROXIES.has(cni.plugin);
}
