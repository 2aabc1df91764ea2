/**
 * The network of a cluster, inferred from the objects of a dump: the CNI plugin, its settings, the ranges, and
 * kube-proxy. Each value is a declaration at the field that shows it; a value without evidence is a default and a note.
 */
import { formatPrefix, type Prefix, prefixCovers, prefixEquals } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import { installersOf } from "../config/index.ts";
import type { Machines } from "../config/installer.ts";
import { globalPolicies, namespacedPolicies } from "./calico-policies.ts";
import { settingDrafts } from "./cluster-settings.ts";
import { dumpOf, type Evidence, type Objects, shown } from "./evidence.ts";
import { note, type Reading } from "./inference.ts";
import { ingressDrafts } from "./ingress.ts";
import type { KubeObject } from "./object.ts";
import { defaultPlugin, nodeRangesOf, pluginOf } from "./plugins/index.ts";
import type { Plugin } from "./plugins/plugin.ts";
import { proxyDraft } from "./proxy.ts";
import { podRanges, serviceRanges } from "./ranges.ts";

export type { Objects } from "./evidence.ts";

export interface Network {
  /** Statements of the cluster. */
  readonly statements: readonly Draft[];
  /** Statements of a node. */
  ofNode(node: KubeObject): readonly Draft[];
  /** Statements of the namespace of an object. */
  ofObject(object: KubeObject): readonly Draft[];
  /** The nodes that an installer's file lists. */
  readonly machines: Machines | undefined;
  readonly problems: readonly FileProblem[];
}

export interface NetworkOptions {
  /** Where values without evidence are located. */
  readonly origin: KubeObject;
  /** The keywords that a `.knet` file states around the objects, which take precedence. */
  readonly stated: ReadonlySet<string>;
  /** The router of the nodes' network, if it is assumed. */
  readonly gateway: string | undefined;
}

export function networkOf(objects: Objects, { origin, stated, gateway }: NetworkOptions): Network {
  const reading: Reading = { dump: dumpOf(objects), problems: [] };
  const installers = installersOf(reading);
  const hasPlugin = !stated.has("cni");
  const found = hasPlugin ? (pluginOf(reading) ?? installers.find(({ plugin }) => plugin)?.plugin) : undefined;
  const place = { value: undefined, object: origin, path: [] };
  if (hasPlugin && !found)
    note(reading, place, t`no CNI plugin was found: \`cni flannel\` with VXLAN is used, and a policy engine`);
  const plugin = found ?? defaultPlugin(place);
  const sources = { reading, plugin, installers, origin, stated };
  const pods = podRanges(sources);
  const services = stated.has("services") ? [] : serviceRanges(sources);
  const proxy = proxyDraft(reading, pods.prefixes, installers);
  const { engine } = plugin;
  const policies = namespacedPolicies(reading);
  const routes = ingressDrafts(reading);
  return {
    statements: [
      ...pods.drafts,
      ...services,
      ...settingDrafts({ reading, installers, plugin, gateway }),
      ...(hasPlugin ? [cniDraft(plugin, pods.prefixes)] : []),
      ...(engine && hasPlugin ? [shown(engine, "network-policy", { engine: engine.value })] : []),
      ...(proxy ? [proxy] : []),
      ...globalPolicies(reading),
    ],
    ofNode: (node) => nodeDrafts(plugin, node),
    ofObject: (object) => policies.get(object) ?? routes.get(object) ?? [],
    machines: installers.find(({ machines }) => machines)?.machines,
    problems: reading.problems,
  };
}

function cniDraft(plugin: Plugin, pods: readonly Prefix[]): Draft {
  const settings = [...networkDrafts(plugin, pods), ...plugin.settings];
  return shown(plugin.shown, "cni", { plugin: plugin.name }, settings.length > 0 ? settings : undefined);
}

/** The plugin's own statement of the pod network, unless it is the cluster's; a contradiction is KN804. */
function networkDrafts({ networkKeyword, ranges }: Plugin, pods: readonly Prefix[]): readonly Draft[] {
  const [first] = ranges;
  if (networkKeyword === undefined || !first) return [];
  const isSame =
    ranges.length === pods.length && ranges.every(({ value }) => pods.some((one) => prefixEquals(one, value)));
  const contains = (pod: Prefix): boolean => ranges.some(({ value }) => prefixCovers(value, pod));
  const isOutside = pods.some((pod) => ranges.some(({ value }) => typeof value.ip === typeof pod.ip) && !contains(pod));
  if (isSame || isOutside) return [];
  return [shown(first, networkKeyword, { value: ranges.map(({ value }) => formatPrefix(value)) })];
}

function nodeDrafts(plugin: Plugin, node: KubeObject): readonly Draft[] {
  const ranges = plugin.ownRanges ? [] : nodeRangesOf(plugin, node);
  const settings = plugin.ofNode?.(node) ?? [];
  const [range] = ranges;
  const [first] = settings;
  return [
    ...(range ? [podCidrDraft(range, ranges)] : []),
    ...(first
      ? [
          shown(
            { value: undefined, object: node, path: ["metadata", "name"] },
            "cni",
            { plugin: plugin.name },
            settings,
          ),
        ]
      : []),
  ];
}

/** The items of the statement are the items of the list. */
function podCidrDraft({ object, path }: Evidence<Prefix>, ranges: readonly Evidence<Prefix>[]): Draft {
  const list = typeof path.at(-1) === "number" ? path.slice(0, -1) : path;
  const prefixes = ranges.map(({ value }) => formatPrefix(value));
  return shown({ value: undefined, object, path: list }, "pod-cidr", { prefixes });
}

/** Kinds that are read here. */
export const NETWORK_KINDS: readonly string[] = [
  "BGPAdvertisement",
  "BGPConfiguration",
  "BGPPeer",
  "BlockAffinity",
  "CiliumNode",
  "ConfigMap",
  "FelixConfiguration",
  "Gateway",
  "GatewayClass",
  "GlobalNetworkPolicy",
  "GlobalNetworkSet",
  "HTTPRoute",
  "IPAMBlock",
  "IPAMConfig",
  "IPAMConfiguration",
  "IPAddressPool",
  "IPPool",
  "Ingress",
  "IngressClass",
  "Installation",
  "L2Advertisement",
  "NetworkSet",
  "ReferenceGrant",
  "ServiceCIDR",
  "Tier",
];
