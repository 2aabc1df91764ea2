/** flannel: its DaemonSet and ConfigMap, Canal, and k3s and RKE2, which run it in their server process. */

import type { Draft } from "../../../declared/build.ts";
import type { Json } from "../../../text/json.ts";
import { t } from "../../../text/l10n.ts";
import { entryOf } from "../../../text/table.ts";
import {
  annotationOf,
  flagIn as booleanIn,
  configMap,
  type Evidence,
  lookedUp,
  mapped,
  parsed,
  rangesIn,
  setting,
  shown,
  textIn,
  unless,
} from "../evidence.ts";
import { agreed, note, type Reading } from "../inference.ts";
import { internalIps, type KubeObject } from "../object.ts";
import { flag, flagsIn, hasVariable, type Program, programOf, variable, wordsOf } from "../programs.ts";
import { distributionOf } from "./distribution.ts";
import type { Plugin } from "./plugin.ts";

const PREFIX = "flannel.alpha.coreos.com";

/** Backend.Type as the schema writes it (pkg/backend). k3s calls WireGuard `wireguard-native`. */
const BACKENDS: Readonly<Record<string, string>> = {
  vxlan: "vxlan",
  "host-gw": "host-gw",
  udp: "udp",
  ipip: "ipip",
  wireguard: "wireguard",
  "wireguard-native": "wireguard",
  ipsec: "ipsec",
};

/** flanneld fails to start with a shorter key; the real one is never copied. */
const PLACEHOLDER = "0".repeat(96);

export function flannelProgram(reading: Reading): Program | undefined {
  return programOf(
    reading.dump,
    (name) => name.startsWith("kube-flannel") || name === "canal" || name === "rke2-canal",
  );
}

/** The first node that flannel has annotated. */
export function flannelNode({ dump }: Reading): Evidence<string> | undefined {
  for (const node of dump.nodes) {
    const found = annotationOf(node, `${PREFIX}/backend-type`);
    if (found) return found;
  }
  return undefined;
}

export function flannelConfig({ dump }: Reading): Evidence<string> | undefined {
  return configMap(dump, ["kube-flannel-cfg", "canal-config", "rke2-canal-config", "flannel-config"], "net-conf.json");
}

/** `place`: what shows flannel. */
export function flannelPlugin(reading: Reading, program: Program | undefined, place: Evidence<unknown>): Plugin {
  const conf = parsed(flannelConfig(reading));
  const annotated = flannelNode(reading);
  const server = distributionOf(reading.dump);
  const isCanal = program?.name.endsWith("canal") === true;
  const network = textIn(conf, "Network");
  const network6 = textIn(conf, "IPv6Network");
  const isInServer = program === undefined && conf === undefined;
  const settings = [
    ...managerDrafts(program, conf),
    backendDraft(reading, {
      annotated,
      conf,
      place,
      flagged: isInServer ? server?.flag("flannel-backend") : undefined,
    }),
    ...flagDrafts(reading, program, conf),
    ...(isInServer ? setting("iface", server?.flag("flannel-iface")) : []),
  ];
  const isDisabled = server?.flag("disable-network-policy")?.value === "true";
  const firewall = programOf(reading.dump, (name) => name === "kube-router");
  const hasFirewall = firewall !== undefined && flag(firewall, "run-firewall")?.value !== "false";
  return {
    name: "flannel",
    shown: place,
    settings,
    engine: isCanal
      ? { ...place, value: "calico" }
      : isInServer && !isDisabled
        ? { ...place, value: "kube-router" }
        : hasFirewall
          ? { value: "kube-router", object: firewall.object, path: ["metadata", "name"] }
          : undefined,
    ranges: rangesIn(network, network6),
    networkKeyword: "network",
    ofNode: (node) => nodeDrafts(annotated, node),
  };
}

/** Without `--kube-subnet-mgr`, flanneld leases subnets from etcd; only then SubnetLen, SubnetMin, and SubnetMax apply. */
function managerDrafts(program: Program | undefined, conf: Evidence<Json> | undefined): readonly Draft[] {
  const words = wordsOf(program);
  if (!program || words.length === 0 || flagsIn(words, "kube-subnet-mgr").length > 0) return [];
  const place = { object: program.object, path: program.spec, value: "etcd" };
  return [
    ...setting("subnet-manager", place),
    ...setting(
      "subnet-len",
      mapped(textIn(conf, "SubnetLen"), (length) => `/${length}`),
    ),
    ...setting("subnet-min", textIn(conf, "SubnetMin")),
    ...setting("subnet-max", textIn(conf, "SubnetMax")),
  ];
}

interface BackendSources {
  readonly annotated: Evidence<string> | undefined;
  readonly conf: Evidence<Json> | undefined;
  /** Of k3s. */
  readonly flagged: Evidence<string> | undefined;
  readonly place: Evidence<unknown>;
}

/** The state of the nodes, then net-conf.json, then the flag of k3s. */
function backendDraft(reading: Reading, { annotated, conf, flagged, place }: BackendSources): Draft {
  const known = (found: Evidence<string> | undefined): Evidence<string> | undefined =>
    mapped(found, (value) => entryOf(BACKENDS, value.toLowerCase()));
  const sources = [annotated, textIn(conf, "Backend", "Type"), flagged];
  const stated = agreed(reading, t`flannel backend`, sources.map(known));
  const unknown = sources.find((one) => one && known(one) === undefined);
  if (!stated && unknown) note(reading, unknown, t`flannel backend ${unknown.value} is not modeled: \`vxlan\` is used`);
  const type = stated?.value ?? "vxlan";
  return shown(stated ?? unknown ?? conf ?? place, "backend", { type }, blockOf(backendDrafts(reading, conf, type)));
}

function blockOf(children: readonly Draft[]): readonly Draft[] | undefined {
  return children.length > 0 ? children : undefined;
}

/** The keys of net-conf.json's Backend (Documentation/backends.md); values that are the default are omitted. */
function backendDrafts(reading: Reading, conf: Evidence<Json> | undefined, type: string): readonly Draft[] {
  const text = (key: string, ...defaults: readonly string[]): Evidence<string> | undefined =>
    unless(textIn(conf, "Backend", key), ...defaults);
  const yes = (key: string): Evidence<boolean> | undefined => unless(booleanIn(conf, "Backend", key), false);
  switch (type) {
    case "vxlan":
      return [
        ...setting("vni", text("VNI", "1")),
        ...setting("port", text("Port", "0", "8472")),
        ...setting("gbp", yes("GBP")),
        ...setting("learning", yes("Learning")),
        ...setting("direct-routing", yes("DirectRouting")),
        ...setting("mtu", text("MTU", "0")),
      ];
    case "ipip":
      return setting("direct-routing", yes("DirectRouting"));
    case "udp":
      return setting("port", text("Port", "8285"));
    case "wireguard":
      return [
        ...setting("mode", text("Mode", "separate", "")),
        ...setting("listen-port", text("ListenPort", "51820")),
        ...setting("listen-port-v6", text("ListenPortV6", "51821")),
        ...setting("persistent-keepalive", text("PersistentKeepaliveInterval", "0")),
        ...setting("mtu", text("MTU", "0")),
      ];
    case "ipsec": {
      const key = text("PSK");
      if (key && key.value.length >= PLACEHOLDER.length)
        note(reading, key, t`the preshared key of the ipsec backend is replaced by a placeholder`);
      return [
        ...setting(
          "psk",
          mapped(key, (value) => (value.length >= PLACEHOLDER.length ? PLACEHOLDER : "0".repeat(value.length))),
        ),
        ...setting("udp-encap", yes("UDPEncap")),
        ...setting("esp-proposal", text("ESPProposal")),
      ];
    }
    default:
      return [];
  }
}

/** Flags of flanneld, or its variables with the prefix FLANNELD_ (Canal). */
function flagDrafts(
  reading: Reading,
  program: Program | undefined,
  conf: Evidence<Json> | undefined,
): readonly Draft[] {
  const { dump } = reading;
  const nftables = setting("nftables", unless(booleanIn(conf, "EnableNFTables"), false));
  if (!program) return nftables;
  const words = wordsOf(program);
  const found = (name: string): Evidence<string> | undefined =>
    flag(program, name) ?? variable(dump, program, `FLANNELD_${name.replaceAll("-", "_").toUpperCase()}`);
  const masquerade = found("ip-masq");
  const isShown = words.length > 0 || hasVariable(program, "FLANNELD_IP_MASQ");
  const place = { object: program.object, path: program.spec };
  const ifaces = flagsIn(words, "iface");
  const iface = unless(ifaces[0] ?? found("iface"), "");
  if (ifaces.length > 1 && iface)
    note(reading, iface, t`flannel has several \`--iface\` arguments: \`iface ${iface.value}\` is used`);
  for (const name of ["iface-regex", "iface-can-reach"]) {
    const unexpressed = unless(found(name), "");
    if (unexpressed && !iface)
      note(
        reading,
        unexpressed,
        t`flannel's \`--${name}\` cannot be expressed: the device of the default route is used`,
      );
  }
  const isMasquerading = masquerade !== undefined && masquerade.value !== "false";
  return [
    ...(isShown && !isMasquerading
      ? [shown(masquerade ?? { ...place, value: undefined }, "ip-masq", { value: "false" })]
      : []),
    ...setting("iptables-forward-rules", unless(found("iptables-forward-rules"), "true")),
    ...nftables,
    ...setting("iface", iface),
  ];
}

/** A node's backend if it is not the others', and its public address if it is not its InternalIP. */
function nodeDrafts(common: Evidence<string> | undefined, node: KubeObject): readonly Draft[] {
  const backend = lookedUp(annotationOf(node, `${PREFIX}/backend-type`), BACKENDS);
  const usual = mapped(common, (value) => entryOf(BACKENDS, value.toLowerCase()));
  const address = annotationOf(node, `${PREFIX}/public-ip-overwrite`) ?? annotationOf(node, `${PREFIX}/public-ip`);
  return [
    ...(backend && usual && backend.value !== usual.value ? [shown(backend, "backend", { type: backend.value })] : []),
    ...setting("public-ip", unless(address, ...internalIps(node))),
  ];
}
