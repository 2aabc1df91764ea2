/** The files of installers among the objects of a source. */

import type { Reading } from "../kubernetes/inference.ts";
import { groupOf, type KubeObject } from "../kubernetes/object.ts";
import { capiInstallers, eksctlInstallers } from "./clouds.ts";
import type { Installer } from "./installer.ts";
import { k3sInstallers } from "./k3s.ts";
import { kindInstallers } from "./kind.ts";
import { kopsInstallers } from "./kops.ts";
import { kubeadmInstallers } from "./kubeadm.ts";
import { kubesprayInstallers } from "./kubespray.ts";
import { INVENTORY, K3S, KUBESPRAY, TALOS } from "./shape.ts";
import { talosInstallers } from "./talos.ts";

export function installersOf(reading: Reading): readonly Installer[] {
  return [
    kubeadmInstallers,
    kindInstallers,
    k3sInstallers,
    kubesprayInstallers,
    kopsInstallers,
    eksctlInstallers,
    capiInstallers,
    talosInstallers,
  ].flatMap((read) => read(reading));
}

const KINDS: ReadonlySet<string> = new Set([
  K3S,
  KUBESPRAY,
  INVENTORY,
  TALOS,
  "ClusterConfiguration",
  "InitConfiguration",
  "JoinConfiguration",
  "KubeProxyConfiguration",
  "KubeletConfiguration",
  "KubeNetworkConfig",
  "KubeFlannelCNIConfig",
]);

const GROUPS = ["kind.x-k8s.io", "kops.k8s.io", "eksctl.io", "cluster.x-k8s.io"];

/** Whether the object is of an installer's file. */
export function isInstaller(object: KubeObject): boolean {
  return KINDS.has(object.kind) || GROUPS.includes(groupOf(object));
}
