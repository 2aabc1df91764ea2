/** config.yaml of k3s and RKE2: the flags of the server (pkg/cli/cmds/server.go), as keys; lists are repeated flags. */

import type { Draft } from "../../declared/build.ts";
import { t } from "../../text/l10n.ts";
import { type Evidence, flagOf, lookedUp, rangesIn, setting, shown, textOf, textsOf } from "../kubernetes/evidence.ts";
import { note, type Reading } from "../kubernetes/inference.ts";
import type { KubeObject } from "../kubernetes/object.ts";
import type { Plugin } from "../kubernetes/plugins/plugin.ts";
import type { Installer } from "./installer.ts";
import { K3S } from "./shape.ts";

export function k3sInstallers(reading: Reading): readonly Installer[] {
  return reading.dump.ofKind(K3S).map((object) => {
    const own = (key: string): Evidence<string> | undefined => textOf(object, key) ?? textsOf(object, key)[0];
    const isRke2 = own("cni") !== undefined || object.file.includes("rke2");
    const off = flagOf(object, "disable-kube-proxy");
    return {
      name: isRke2 ? "rke2" : "k3s",
      object,
      pods: rangesIn(...listed(object, "cluster-cidr")),
      services: rangesIn(...listed(object, "service-cidr")),
      defaults: { pods: "10.42.0.0/16", services: "10.43.0.0/16" },
      domain: own("cluster-domain"),
      dns: own("cluster-dns"),
      nodePorts: own("service-node-port-range"),
      maxPods: argumentOf(object, "kubelet", "max-pods"),
      perNode: argumentOf(object, "kube-controller-manager", "node-cidr-mask-size"),
      proxyMode: off?.value === true ? { ...off, value: "none" } : argumentOf(object, "kube-proxy", "proxy-mode"),
      plugin: isRke2 ? rke2Plugin(reading, object) : flannelOf(reading, object),
    };
  });
}

function listed(object: KubeObject, key: string): readonly Evidence<string>[] {
  return textsOf(object, key);
}

/** `kubelet-arg: [max-pods=200]` */
function argumentOf(object: KubeObject, program: string, name: string): Evidence<string> | undefined {
  for (const one of textsOf(object, `${program}-arg`)) {
    const text = one.value.replace(/^--/, "");
    if (text.startsWith(`${name}=`)) return { ...one, value: text.slice(name.length + 1) };
  }
  return undefined;
}

const BACKENDS: Readonly<Record<string, string>> = {
  vxlan: "vxlan",
  "host-gw": "host-gw",
  "wireguard-native": "wireguard",
  wireguard: "wireguard",
  ipsec: "ipsec",
};

/** flannel and kube-router's policy engine run inside of the server; vxlan by default. */
function flannelOf(reading: Reading, object: KubeObject): Plugin | undefined {
  const stated = textOf(object, "flannel-backend");
  if (stated?.value === "none") return undefined;
  const backend = lookedUp(stated, BACKENDS);
  if (stated && !backend) note(reading, stated, t`flannel backend ${stated.value} is not modeled: \`vxlan\` is used`);
  const place: Evidence<unknown> = { value: undefined, object, path: [] };
  const isOff = flagOf(object, "disable-network-policy")?.value === true;
  return {
    name: "flannel",
    shown: stated ?? place,
    settings: [
      shown(backend ?? place, "backend", { type: backend?.value ?? "vxlan" }),
      ...setting("iface", textOf(object, "flannel-iface")),
    ],
    engine: isOff ? undefined : { ...place, value: "kube-router" },
    ranges: [],
  };
}

/** Canal by default (pkg/cli/cmds/server.go). */
function rke2Plugin(reading: Reading, object: KubeObject): Plugin | undefined {
  const [stated] = textsOf(object, "cni").filter(({ value }) => value !== "multus");
  const place: Evidence<unknown> = stated ?? { value: undefined, object, path: [] };
  const backend: readonly Draft[] = [shown(place, "backend", { type: "vxlan" })];
  switch (stated?.value ?? "canal") {
    case "canal":
      return { name: "flannel", shown: place, settings: backend, engine: { ...place, value: "calico" }, ranges: [] };
    case "flannel":
      return { name: "flannel", shown: place, settings: backend, ranges: [] };
    case "calico":
      return { name: "calico", shown: place, settings: calicoOfRke2(place), ranges: [] };
    default:
      if (stated && stated.value !== "none") note(reading, stated, t`plugin ${stated.value} is not modeled yet`);
      return undefined;
  }
}

/** The chart rke2-calico: VXLAN without BGP. */
function calicoOfRke2(place: Evidence<unknown>): readonly Draft[] {
  const pool = [
    ...setting("vxlan", { ...place, value: "always" }),
    ...setting("nat-outgoing", { ...place, value: true }),
  ];
  return [
    shown(place, "pool", { name: "default-ipv4-ippool" }, pool),
    ...setting("backend", { ...place, value: "vxlan" }),
  ];
}
