/** Talos' machine configuration, and its documents KubeNetworkConfig and KubeFlannelCNIConfig. */
import type { Draft } from "../../declared/build.ts";
import { at } from "../../text/json.ts";
import {
  type Evidence,
  flagOf,
  lookedUp,
  rangesIn,
  setting,
  shown,
  textOf,
  textsOf,
  unless,
} from "../kubernetes/evidence.ts";
import type { Reading } from "../kubernetes/inference.ts";
import type { KubeObject } from "../kubernetes/object.ts";
import type { Plugin } from "../kubernetes/plugins/plugin.ts";
import type { Installer } from "./installer.ts";
import { TALOS } from "./shape.ts";

export function talosInstallers({ dump }: Reading): readonly Installer[] {
  // Workers repeat the cluster's part; a patch can have it alone.
  const objects = dump.ofKind(TALOS);
  const [network] = dump.ofKind("KubeNetworkConfig");
  const object = objects.find(({ value }) => at(value, "cluster", "network") !== undefined) ?? objects[0] ?? network;
  if (!object) return [];
  const listed = (name: string): readonly Evidence<string>[] => {
    const own = textsOf(object, "cluster", "network", name);
    return own.length > 0 ? own : textsOf(network, name);
  };
  const off = flagOf(object, "cluster", "proxy", "disabled");
  return [
    {
      name: "Talos",
      object,
      pods: rangesIn(...listed("podSubnets")),
      services: rangesIn(...listed("serviceSubnets")),
      defaults: { pods: "10.244.0.0/16", services: "10.96.0.0/12" },
      perNode: textOf(network, "nodeCIDRMaskSizeIPv4"),
      domain: textOf(object, "cluster", "network", "dnsDomain") ?? textOf(network, "dnsDomain"),
      maxPods: textOf(object, "machine", "kubelet", "extraConfig", "maxPods"),
      proxyMode: off?.value === true ? { ...off, value: "none" } : textOf(object, "cluster", "proxy", "mode"),
      plugin: pluginOf(object, dump.ofKind("KubeFlannelCNIConfig")[0]),
    },
  ];
}

/** flannel with VXLAN unless another plugin is named. */
function pluginOf(object: KubeObject, flannel: KubeObject | undefined): Plugin | undefined {
  const name = textOf(object, "cluster", "network", "cni", "name");
  if (name && name.value !== "flannel") return undefined;
  const place: Evidence<unknown> = name ?? { value: undefined, object, path: [] };
  const type = lookedUp(textOf(flannel, "backendType"), {
    vxlan: "vxlan",
    "host-gw": "host-gw",
    wireguard: "wireguard",
  });
  const settings: readonly Draft[] =
    type === undefined || type.value === "vxlan"
      ? [
          ...setting("port", unless(textOf(flannel, "backendPort"), "0")),
          ...setting("mtu", unless(textOf(flannel, "backendMTU"), "0")),
        ]
      : [];
  const isEnforcing = at(object.value, "cluster", "network", "cni", "flannel", "kubeNetworkPoliciesEnabled") === true;
  return {
    name: "flannel",
    shown: place,
    settings: [
      shown(type ?? place, "backend", { type: type?.value ?? "vxlan" }, settings.length > 0 ? settings : undefined),
      ...ifaceDrafts(object),
    ],
    engine: isEnforcing ? { ...place, value: "kindnet" } : undefined,
    ranges: [],
  };
}

/** `flannel.extraArgs: [--iface=eth1]` */
function ifaceDrafts(object: KubeObject): readonly Draft[] {
  const args = textsOf(object, "cluster", "network", "cni", "flannel", "extraArgs");
  const found = args.find(({ value }) => value.startsWith("--iface="));
  return setting("iface", found && { ...found, value: found.value.slice("--iface=".length) });
}
