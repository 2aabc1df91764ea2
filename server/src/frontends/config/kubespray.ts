/**
 * kubespray's group_vars and its inventory (v2.31; roles/kubespray_defaults, roles/network_plugin/calico_defaults).
 * Values that are Jinja templates are not known.
 */

import type { Draft } from "../../declared/build.ts";
import { at, isRecord, type JsonRecord, type Path, recordAt, textAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { entryOf } from "../../text/table.ts";
import { type Evidence, flagOf, mapped, rangesIn, setting, shown, textOf, unless } from "../kubernetes/evidence.ts";
import { note, type Reading } from "../kubernetes/inference.ts";
import type { KubeObject } from "../kubernetes/object.ts";
import type { Plugin } from "../kubernetes/plugins/plugin.ts";
import type { Installer } from "./installer.ts";
import { type Machine, machinesOf } from "./machines.ts";
import { INVENTORY, KUBESPRAY } from "./shape.ts";

/** A variable of any of the files. */
type Variables = (name: string) => Evidence<string> | undefined;

export function kubesprayInstallers(reading: Reading): readonly Installer[] {
  const files = reading.dump.ofKind(KUBESPRAY);
  const [inventory] = reading.dump.ofKind(INVENTORY);
  const object = files[0] ?? inventory;
  if (!object) return [];
  const own: Variables = (name) => {
    for (const file of files) {
      const found = textOf(file, name) ?? mapped(flagOf(file, name), String);
      if (found && !found.value.includes("{{") && !found.value.includes("{%")) return found;
    }
    return undefined;
  };
  const isDual = own("ipv6_stack")?.value === "true" || own("enable_dual_stack_networks")?.value === "true";
  const six = (name: string): Evidence<string> | undefined => (isDual ? own(name) : undefined);
  return [
    {
      name: "kubespray",
      object,
      version: own("kube_version"),
      pods: rangesIn(own("kube_pods_subnet"), six("kube_pods_subnet_ipv6")),
      services: rangesIn(own("kube_service_addresses"), six("kube_service_addresses_ipv6")),
      defaults: { pods: "10.233.64.0/18", services: "10.233.0.0/18" },
      perNode: own("kube_network_node_prefix"),
      domain: own("dns_domain") ?? own("cluster_name"),
      nodePorts: own("kube_apiserver_node_port_range"),
      maxPods: own("kubelet_max_pods"),
      proxyMode: own("kube_proxy_mode") ?? { value: "ipvs", object, path: [] },
      proxySettings: setting("strict-arp", unless(own("kube_proxy_strict_arp"), "false")),
      plugin: pluginOf(reading, own, object),
      machines:
        inventory && reading.dump.nodes.length === 0
          ? machinesOf(inventory, hostsOf(inventory), "198.18.0.0/24")
          : undefined,
    },
  ];
}

function pluginOf(reading: Reading, own: Variables, object: KubeObject): Plugin | undefined {
  const stated = own("kube_network_plugin");
  const place = stated ?? { value: undefined, object, path: [] };
  switch (stated?.value ?? "calico") {
    case "calico":
      return { name: "calico", shown: place, settings: calicoDrafts(own, place), ranges: [] };
    case "flannel": {
      const backend = own("flannel_backend_type");
      const iface = setting("iface", own("flannel_interface"));
      const type = { type: backend?.value ?? "vxlan" };
      return {
        name: "flannel",
        shown: place,
        settings: [shown(backend ?? place, "backend", type), ...iface],
        ranges: [],
      };
    }
    case "weave":
      return { name: "weave", shown: place, settings: [], ranges: [], ownRanges: true };
    case "cloud":
      return { name: "kubenet", shown: place, settings: [], ranges: [] };
    default:
      if (stated) note(reading, stated, t`plugin ${stated.value} is not modeled yet`);
      return undefined;
  }
}

const MODES: Readonly<Record<string, string>> = { Always: "always", CrossSubnet: "cross-subnet", Never: "never" };

function calicoDrafts(own: Variables, place: Evidence<unknown>): readonly Draft[] {
  const mode = (keyword: string, name: string, usual: string): readonly Draft[] => {
    const stated = own(name);
    const value = entryOf(MODES, stated?.value ?? usual);
    return value === undefined || value === "never" ? [] : setting(keyword, { ...(stated ?? place), value });
  };
  const nat = own("nat_outgoing");
  const size = unless(own("calico_pool_blocksize"), "26");
  const backend = own("calico_network_backend") ?? { ...place, value: "vxlan" };
  const mesh = own("peer_with_router");
  return [
    shown(place, "pool", { name: "default-pool" }, [
      ...mode("ipip", "calico_ipip_mode", "Never"),
      ...mode("vxlan", "calico_vxlan_mode", "Always"),
      ...setting(
        "block-size",
        mapped(size, (value) => `/${value}`),
      ),
      ...setting("nat-outgoing", { ...(nat ?? place), value: nat?.value !== "false" }),
    ]),
    ...setting("backend", unless(backend, "bird")),
    ...setting("as-number", unless(own("global_as_num"), "64512")),
    ...(mesh?.value === "true" ? setting("node-to-node-mesh", { ...mesh, value: false }) : []),
    ...setting("mtu", own("calico_mtu")),
  ];
}

/* ------------------------------------------------------------------ the inventory */

/** Hosts of the groups of the cluster; without groups, all. `ip` is the address of the cluster's network. */
function hostsOf(object: KubeObject): readonly Machine[] {
  const hosts = recordAt(object.value, "all", "hosts");
  const members = new Set<string>();
  for (const group of ["kube_control_plane", "kube-master", "kube_node", "kube-node"]) {
    const inside = groupOf(object.value, group);
    if (inside) for (const name of Object.keys(recordAt(inside, "hosts"))) members.add(name);
  }
  return Object.keys(hosts).flatMap((name): readonly Machine[] => {
    if (members.size > 0 && !members.has(name)) return [];
    const path: Path = ["all", "hosts", name];
    const address = ["ip", "access_ip", "ansible_host"].flatMap((key) => textAt(object.value, ...path, key) ?? [])[0];
    return [{ name, address: address?.includes("{") ? undefined : address, path }];
  });
}

function groupOf(value: JsonRecord, name: string): JsonRecord | undefined {
  const top = at(value, "all", "children");
  if (!isRecord(top)) return undefined;
  const own = top[name];
  if (isRecord(own)) return own;
  const nested = at(top, "k8s_cluster", "children", name);
  return isRecord(nested) ? nested : undefined;
}
