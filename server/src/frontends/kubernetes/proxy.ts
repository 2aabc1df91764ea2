/** kube-proxy: its ConfigMap, its arguments, and the server process of k3s. */
import { formatPrefix, type Prefix, prefixEquals } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import type { Json } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import type { Installer } from "../config/installer.ts";
import {
  configMap,
  type Evidence,
  flagIn,
  lookedUp,
  mapped,
  parsed,
  prefixesIn,
  setting,
  shown,
  textIn,
  textsIn,
  unless,
} from "./evidence.ts";
import { agreed, type Reading } from "./inference.ts";
import { distributionOf } from "./plugins/distribution.ts";
import { controlPlane, flag, type Program, programOf } from "./programs.ts";

/** kubeadm's ConfigMap, and EKS's; a document of kubeadm's own file. */
export function proxyConfig({ dump }: Reading): Evidence<Json> | undefined {
  const [object] = dump.ofKind("KubeProxyConfiguration");
  return (
    parsed(configMap(dump, ["kube-proxy"], "config.conf") ?? configMap(dump, ["kube-proxy-config"], "config")) ??
    (object && { value: object.value, object, path: [] })
  );
}

function proxyProgram({ dump }: Reading): Program | undefined {
  return programOf(dump, (name) => name === "kube-proxy") ?? controlPlane(dump, "kube-proxy");
}

/** With `--config`, the file applies and kube-proxy ignores most flags. */
export function proxyFlag(reading: Reading, name: string): Evidence<string> | undefined {
  return unless(flag(proxyProgram(reading), name) ?? distributionOf(reading.dump)?.flagOf("kube-proxy", name), "");
}

const MODES: Readonly<Record<string, string>> = { iptables: "iptables", ipvs: "ipvs", nftables: "nftables" };

/** The statement `kube-proxy`; undefined without evidence. An empty mode is iptables on Linux. */
export function proxyDraft(
  reading: Reading,
  pods: readonly Prefix[],
  installers: readonly Installer[],
): Draft | undefined {
  const conf = proxyConfig(reading);
  const off = distributionOf(reading.dump)?.flag("disable-kube-proxy");
  if (off?.value === "true") return shown(off, "kube-proxy", { mode: "none" });
  const stated = agreed(reading, t`kube-proxy mode`, [
    lookedUp(lowered(textIn(conf, "mode")), MODES),
    lookedUp(lowered(proxyFlag(reading, "proxy-mode")), MODES),
    ...installers.map((one) => one.proxyMode),
  ]);
  const mode = stated?.value ?? "iptables";
  const children = [...settingDrafts(reading, mode, pods), ...installers.flatMap((one) => one.proxySettings ?? [])];
  const place = stated ?? conf ?? installers.find((one) => one.proxySettings)?.proxyMode;
  const [first] = children;
  if (!stated && !first) return undefined;
  const origin = place ?? proxyFlag(reading, "cluster-cidr");
  return origin && shown(origin, "kube-proxy", { mode }, first ? children : undefined);
}

function lowered(evidence: Evidence<string> | undefined): Evidence<string> | undefined {
  return mapped(evidence, (value) => value.toLowerCase());
}

/** KubeProxyConfiguration v1alpha1. */
function settingDrafts(reading: Reading, mode: string, pods: readonly Prefix[]): readonly Draft[] {
  const conf = proxyConfig(reading);
  const own = mode === "nftables" ? "nftables" : "iptables";
  const yes = (usual: boolean, name: string, ...path: readonly string[]): Evidence<string> | undefined =>
    unless(mapped(flagIn(conf, ...path), String) ?? proxyFlag(reading, name), String(usual));
  return [
    ...clusterDrafts(reading, conf, pods),
    ...localDrafts(reading, conf),
    ...setting("masquerade-all", yes(false, "masquerade-all", own, "masqueradeAll")),
    ...masqueradeBit(reading, conf, own),
    ...setting("localhost-node-ports", yes(true, "iptables-localhost-nodeports", "iptables", "localhostNodePorts")),
    ...addressDrafts(reading, conf),
    ...(mode === "ipvs"
      ? [
          ...schedulerDrafts(
            unless(textIn(conf, "ipvs", "scheduler") ?? proxyFlag(reading, "ipvs-scheduler"), "", "rr"),
          ),
          ...setting("strict-arp", yes(false, "ipvs-strict-arp", "ipvs", "strictARP")),
        ]
      : []),
  ];
}

/** Only if it is not the pod CIDR, which is the default. */
function clusterDrafts(reading: Reading, conf: Evidence<Json> | undefined, pods: readonly Prefix[]): readonly Draft[] {
  const found = unless(textIn(conf, "clusterCIDR"), "") ?? proxyFlag(reading, "cluster-cidr");
  const prefixes = found ? prefixesIn(found.value) : [];
  if (!found || prefixes.length === 0 || prefixes.every((one) => pods.some((pod) => prefixEquals(pod, one)))) return [];
  return [shown(found, "cluster-cidr", { prefixes: prefixes.map(formatPrefix) })];
}

const LOCAL: Readonly<Record<string, string>> = {
  NodeCIDR: "node-cidr",
  BridgeInterface: "bridge-interface",
  InterfaceNamePrefix: "interface-name-prefix",
};

function localDrafts(reading: Reading, conf: Evidence<Json> | undefined): readonly Draft[] {
  const mode = lookedUp(textIn(conf, "detectLocalMode") ?? proxyFlag(reading, "detect-local-mode"), LOCAL);
  const device =
    mode?.value === "bridge-interface"
      ? (textIn(conf, "detectLocal", "bridgeInterface") ?? proxyFlag(reading, "pod-bridge-interface"))
      : mode?.value === "interface-name-prefix"
        ? (textIn(conf, "detectLocal", "interfaceNamePrefix") ?? proxyFlag(reading, "pod-interface-name-prefix"))
        : undefined;
  return mode ? [shown(mode, "detect-local", { mode: mode.value, interface: unless(device, "")?.value })] : [];
}

function masqueradeBit(reading: Reading, conf: Evidence<Json> | undefined, own: string): readonly Draft[] {
  const bit = unless(textIn(conf, own, "masqueradeBit") ?? proxyFlag(reading, "iptables-masquerade-bit"), "14");
  return bit ? [shown(bit, "masquerade-bit", { bit: bit.value })] : [];
}

function addressDrafts(reading: Reading, conf: Evidence<Json> | undefined): readonly Draft[] {
  const listed = textsIn(conf, "nodePortAddresses");
  const flagged = proxyFlag(reading, "nodeport-addresses");
  const values = listed.length > 0 ? listed.map(({ value }) => value) : (flagged?.value.split(",") ?? []);
  const place = listed[0] ?? flagged;
  if (!place || values.length === 0) return [];
  return [shown(place, "node-port-addresses", values.includes("primary") ? { primary: true } : { prefixes: values })];
}

function schedulerDrafts(scheduler: Evidence<string> | undefined): readonly Draft[] {
  return scheduler ? [shown(scheduler, "scheduler", { scheduler: scheduler.value })] : [];
}
