/** Settings of the cluster that are neither ranges nor of the plugin: kubelet, kube-apiserver, DNS, load balancers. */
import { isLinkLocal, parseIp } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import { specFor } from "../../declared/schema/index.ts";
import type { Json } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import type { Installer } from "../config/installer.ts";
import {
  configMap,
  type Evidence,
  mapped,
  parsed,
  resources,
  shown,
  textIn,
  textOf,
  textsIn,
  unless,
} from "./evidence.ts";
import { agreed, note, type Reading } from "./inference.ts";
import type { KubeObject } from "./object.ts";
import { cloudOf } from "./plugins/clouds.ts";
import { distributionOf } from "./plugins/distribution.ts";
import type { Plugin } from "./plugins/plugin.ts";
import { controlPlane, flag, programOf, variable } from "./programs.ts";
import { extraArgument, kubeadmConfig } from "./ranges.ts";

export interface SettingSources {
  readonly reading: Reading;
  readonly installers: readonly Installer[];
  readonly plugin: Plugin;
  /** The router of the nodes' network, if it is known. */
  readonly gateway: string | undefined;
}

export function settingDrafts({ reading, installers, plugin, gateway }: SettingSources): readonly Draft[] {
  checkDns(reading, installers);
  return [
    ...versionDrafts(reading, installers),
    ...maxPodsDrafts(reading, installers, plugin),
    ...nodePortDrafts(reading, installers),
    ...domainDrafts(reading, installers),
    ...balancerDrafts(reading, gateway),
  ];
}

/**
 * Of the oldest node, whose kube-proxy is the oldest one. Only a release whose kube-proxy differs from the newest one; all older ones are
 * the oldest of the schema.
 */
function versionDrafts(reading: Reading, installers: readonly Installer[]): readonly Draft[] {
  const nodes = reading.dump.nodes.flatMap((node) => minorOf(nodeRelease(node)) ?? []);
  const [oldest] = [...nodes].sort((a, b) => a.value - b.value);
  const stated = textIn(kubeadmConfig(reading), "kubernetesVersion") ?? installers.find((one) => one.version)?.version;
  const type = specFor("cluster", "version")?.args[0];
  const releases =
    type && "type" in type && type.type.kind === "enum" ? type.type.values.map(({ value }) => value) : [];
  const minors = releases.map((release) => Number(release.slice("1.".length)));
  const found = oldest ?? minorOf(stated);
  if (!found || found.value >= Math.max(...minors)) return [];
  return [shown(found, "version", { release: `1.${Math.max(found.value, Math.min(...minors))}` })];
}

function nodeRelease(node: KubeObject): Evidence<string> | undefined {
  return textOf(node, "status", "nodeInfo", "kubeProxyVersion") ?? textOf(node, "status", "nodeInfo", "kubeletVersion");
}

function minorOf(release: Evidence<string> | undefined): Evidence<number> | undefined {
  const minor = mapped(release, (text) => /^v?1\.(\d+)/.exec(text)?.[1]);
  return mapped(minor, Number);
}

/** kubeadm's ConfigMap; before Kubernetes 1.24 its name has the release. */
function kubeletConfig({ dump }: Reading): Evidence<Json> | undefined {
  const names = dump.ofKind("ConfigMap").flatMap(({ name }) => (name.startsWith("kubelet-config") ? name : []));
  return parsed(configMap(dump, names, "kubelet"));
}

/** Plugins of clouds set kubelet's limit; without it, knet derives it from the plugin. */
const LIMITING: ReadonlySet<string> = new Set(["aws-vpc", "azure", "gke"]);

/** The capacity of the nodes, then kubelet's configuration. */
function maxPodsDrafts(reading: Reading, installers: readonly Installer[], { name }: Plugin): readonly Draft[] {
  const { nodes } = reading.dump;
  const capacities = nodes.flatMap(
    (node) => textOf(node, "status", "allocatable", "pods") ?? textOf(node, "status", "capacity", "pods") ?? [],
  );
  const [first] = capacities;
  const isCommon = first !== undefined && capacities.every(({ value }) => value === first.value);
  const largest = [...capacities].sort((a, b) => Number(b.value) - Number(a.value))[0];
  if (largest && !isCommon)
    note(reading, largest, t`the nodes have different numbers of pods: \`max-pods ${largest.value}\` is used for all`);
  const stated =
    largest ??
    textIn(kubeletConfig(reading), "maxPods") ??
    distributionOf(reading.dump)?.flagOf("kubelet", "max-pods") ??
    installers.find((one) => one.maxPods)?.maxPods;
  const found = LIMITING.has(name) ? stated : unless(stated, "110");
  return found ? [shown(found, "max-pods", { value: found.value })] : [];
}

function nodePortDrafts(reading: Reading, installers: readonly Installer[]): readonly Draft[] {
  const { dump } = reading;
  const [network] = resources(dump, "Network", "config.openshift.io");
  const found = agreed(reading, t`node port range`, [
    flag(controlPlane(dump, "kube-apiserver"), "service-node-port-range"),
    extraArgument(kubeadmConfig(reading), "apiServer", "service-node-port-range"),
    textOf(network, "spec", "serviceNodePortRange"),
    distributionOf(dump)?.flag("service-node-port-range"),
    ...installers.map((one) => one.nodePorts),
  ]);
  const own = unless(found, "30000-32767", "");
  return own ? [shown(own, "node-port-range", { ports: own.value })] : [];
}

/** kubelet's search list decides; CoreDNS serves the domain of its Corefile. */
function domainDrafts(reading: Reading, installers: readonly Installer[]): readonly Draft[] {
  const { dump } = reading;
  const corefile = configMap(dump, ["coredns"], "Corefile");
  const served = mapped(corefile, servedDomain);
  const trimmed = (one: Evidence<string> | undefined): Evidence<string> | undefined =>
    mapped(one, (value) => value.replace(/\.$/, ""));
  const found = agreed(reading, t`cluster domain`, [
    trimmed(textIn(kubeletConfig(reading), "clusterDomain")),
    trimmed(served),
    trimmed(textIn(kubeadmConfig(reading), "networking", "dnsDomain")),
    trimmed(distributionOf(dump)?.flag("cluster-domain")),
    ...installers.map((one) => trimmed(one.domain)),
  ]);
  const own = unless(found, "cluster.local", "");
  return own ? [shown(own, "dns-domain", { domain: own.value })] : [];
}

/** The first zone of the plugin `kubernetes` that is not for reverse lookups. */
function servedDomain(corefile: string): string | undefined {
  const zones = /^[^\S\n]*kubernetes[^\S\n]+([^{\n]*)/m.exec(corefile)?.[1] ?? "";
  return zones.split(/\s+/).find((zone) => zone !== "" && !/(?:^|\.)arpa\.?$/i.test(zone));
}

const DNS_SERVICES = ["kube-dns", "rke2-coredns-rke2-coredns", "coredns"];

/** The address in the pods' resolv.conf is the ClusterIP of the DNS service, or a link-local address of node-local-dns. */
function checkDns(reading: Reading, installers: readonly Installer[]): void {
  const { dump } = reading;
  const service = DNS_SERVICES.flatMap((name) =>
    dump.ofKind("Service").filter((one) => one.name === name && one.namespace === "kube-system"),
  )[0];
  const [configured] = textsIn(kubeletConfig(reading), "clusterDNS");
  const claims = [configured, distributionOf(dump)?.flag("cluster-dns"), ...installers.map((one) => one.dns)];
  agreed(reading, t`DNS address`, [
    unless(textOf(service, "spec", "clusterIP"), "None", ""),
    ...claims.map((one) => (one && isNodeLocal(one.value) ? undefined : one)),
  ]);
}

function isNodeLocal(text: string): boolean {
  const ip = parseIp(text);
  return ip === undefined || isLinkLocal(ip);
}

/* ------------------------------------------------------------------ load balancers */

/** MetalLB, kube-vip, and the load balancers of clouds. `gateway`: the router of the nodes' network, if it is known. */
function balancerDrafts(reading: Reading, gateway: string | undefined): readonly Draft[] {
  const { dump } = reading;
  const draft = (place: Evidence<unknown>, kind: string): readonly Draft[] => [
    shown(place, "load-balancer", { kind, ...(kind === "l2" || gateway === undefined ? {} : { by: gateway }) }),
  ];
  const [l2] = resources(dump, "L2Advertisement", "metallb.io");
  const [bgp] = resources(dump, "BGPAdvertisement", "metallb.io");
  const pools = resources(dump, "IPAddressPool", "metallb.io");
  const [advertised, kind] = l2 ? [l2, "l2"] : bgp ? [bgp, "bgp"] : [];
  if (l2 && bgp)
    note(
      reading,
      { object: bgp, path: [] },
      t`MetalLB announces addresses over ARP and over BGP: only \`load-balancer l2\` is used`,
    );
  if (advertised && kind) return draft({ value: undefined, object: advertised, path: ["metadata", "name"] }, kind);
  const [pool] = pools;
  if (pool)
    note(
      reading,
      { object: pool, path: ["metadata", "name"] },
      t`MetalLB has address pools but no L2Advertisement or BGPAdvertisement: addresses are not announced`,
    );
  const old = parsed(configMap(dump, ["config"], "config"));
  const protocol = textIn(old, "address-pools", 0, "protocol");
  if (protocol?.value === "layer2") return draft(protocol, "l2");
  if (protocol?.value === "bgp") return draft(protocol, "bgp");
  const vip = programOf(dump, (name) => name.startsWith("kube-vip"));
  const arp = variable(dump, vip, "vip_arp");
  if (arp?.value === "true") return draft(arp, "l2");
  const peer = variable(dump, vip, "bgp_enable");
  if (peer?.value === "true") return draft(peer, "bgp");
  const cloud = cloudOf(dump);
  const hasAddress = dump
    .ofKind("Service")
    .some((service) => textOf(service, "status", "loadBalancer", "ingress", 0, "ip") !== undefined);
  return cloud && hasAddress && ["gce", "azure"].includes(cloud.value) ? draft(cloud, "pass-through") : [];
}
