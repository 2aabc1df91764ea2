/** What a cluster's plugin asks of the network below it, as far as the checks have to know. */
import type { Source } from "../language/tree.ts";
import type { Cluster } from "../topology/model.ts";
import { settingsOf, sourceOf, statement, wordIn } from "./settings.ts";

/** Pods stand on the segment themselves, or have no network between nodes at all. */
const ASIDE: ReadonlySet<string> = new Set(["none", "docker", "macvlan", "ipvlan"]);

/** Do routes and tunnels to pods of a family lead to addresses of that family? In flannel's wireguard one device may carry both (Mode). */
export function needsNodesOfItsFamily({ cni }: Cluster): boolean {
  if (ASIDE.has(cni.plugin)) return false;
  const backend = statement(settingsOf(cni, undefined), "backend");
  const mode = wordIn(backend && statement([backend], "mode"));
  return wordIn(backend) !== "wireguard" || mode === undefined || mode === "separate";
}

/** The block in which `mtu` stands: flannel's backend has it, and means the outer packet; others mean the pods'. */
export function mtuSetting({ cni }: Cluster): { readonly block: Source; readonly isOuter: boolean } {
  const backend = cni.plugin === "flannel" ? statement(settingsOf(cni, undefined), "backend") : undefined;
  return { block: backend ? sourceOf(backend) : cni.source, isOuter: cni.plugin === "flannel" };
}

/** Plugins of which some data plane does kube-proxy's work: Calico's eBPF, GKE's Dataplane V2, Azure CNI powered by Cilium. */
const PROXIES: ReadonlySet<string> = new Set(["calico", "gke", "azure", "none"]);

export function mayDoServices({ cni }: Cluster): boolean {
  return PROXIES.has(cni.plugin);
}
