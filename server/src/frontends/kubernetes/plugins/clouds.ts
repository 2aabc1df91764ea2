/** The plugins of clouds: Amazon VPC CNI, Azure CNI, GKE, and kubenet with a cloud's routes. */
import { formatPrefix, parseIp, prefixOf } from "../../../addressing/ip.ts";
import type { Draft } from "../../../declared/build.ts";
import { specFor } from "../../../declared/schema/index.ts";
import { list } from "../../../text/format.ts";
import { t } from "../../../text/l10n.ts";
import {
  configMap,
  type Dump,
  type Evidence,
  mapped,
  parsed,
  setting,
  shown,
  textOf,
  textsIn,
  unless,
} from "../evidence.ts";
import { note, type Reading } from "../inference.ts";
import { internalIps, type KubeObject, labelsOf, podCidrTexts } from "../object.ts";
import { type Program, variable } from "../programs.ts";
import type { Plugin } from "./plugin.ts";

const INSTANCE = "node.kubernetes.io/instance-type";

function labelOf(node: KubeObject, key: string): Evidence<string> | undefined {
  const value = labelsOf(node).get(key);
  return value === undefined ? undefined : { value, object: node, path: ["metadata", "labels", key] };
}

/** The first node with a label. */
function labeled({ nodes }: Dump, key: string): Evidence<string> | undefined {
  for (const node of nodes) {
    const found = labelOf(node, key);
    if (found) return found;
  }
  return undefined;
}

/** The cloud of the nodes: "aws" in `aws:///eu-west-1a/i-0abc`. */
export function cloudOf({ nodes }: Dump): Evidence<string> | undefined {
  for (const node of nodes) {
    const found = mapped(textOf(node, "spec", "providerID"), (id) => /^([a-z]+):\/\//.exec(id)?.[1]);
    if (found) return found;
  }
  return undefined;
}

/** ip-masq-agent: destinations that are not masqueraded. AKS names its ConfigMap differently. */
function exceptions(dump: Dump): readonly Evidence<string>[] {
  const names = ["ip-masq-agent", "azure-ip-masq-agent-config", "azure-ip-masq-agent-config-reconciled"];
  const text = configMap(dump, names, "config") ?? configMap(dump, [...names].reverse(), "ip-masq-agent");
  return textsIn(parsed(text), "nonMasqueradeCIDRs");
}

function exceptionDrafts(dump: Dump): readonly Draft[] {
  const found = exceptions(dump);
  const [first] = found;
  return first ? [shown(first, "non-masquerade", { value: found.map(({ value }) => value) })] : [];
}

/* ------------------------------------------------------------------ AWS */

/** README of amazon-vpc-cni-k8s, section CNI Configuration Variables. */
export function awsPlugin(reading: Reading, program: Program, engine: Plugin["engine"]): Plugin {
  const { dump } = reading;
  const found = (name: string): Evidence<string> | undefined => variable(dump, program, name);
  const isTrue = (name: string): Evidence<string> | undefined => {
    const one = found(name);
    return one && ["true", "1", "t"].includes(one.value.toLowerCase()) ? { ...one, value: "true" } : undefined;
  };
  const custom = isTrue("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG");
  if (custom)
    note(reading, custom, t`custom networking (ENIConfig) is not modeled: pods have addresses of their node's subnet`);
  const enis = isTrue("ENABLE_POD_ENI");
  if (enis) note(reading, enis, t`security groups of pods (ENABLE_POD_ENI) are not modeled`);
  const excluded = found("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS");
  const prefixes = excluded?.value.split(",").flatMap((one) => (one.trim() === "" ? [] : one.trim())) ?? [];
  const ipv6 = isTrue("ENABLE_IPv6");
  const types = instances(dump);
  const [only] = types;
  return {
    name: "aws-vpc",
    shown: { value: undefined, object: program.object, path: ["metadata", "name"] },
    settings: [
      ...(types.length === 1 && only ? instanceDrafts(reading, only) : []),
      ...setting("prefix-delegation", isTrue("ENABLE_PREFIX_DELEGATION")),
      ...setting("ip-family", ipv6 && { ...ipv6, value: "ipv6" }),
      ...setting("external-snat", isTrue("AWS_VPC_K8S_CNI_EXTERNALSNAT")),
      ...assumedNetwork(reading, "vpc"),
      ...(excluded && prefixes.length > 0 ? [shown(excluded, "exclude-snat", { value: prefixes })] : []),
      ...setting("mtu", unless(found("POD_MTU") ?? found("AWS_VPC_ENI_MTU"), "9001", "")),
    ],
    engine,
    ranges: [],
    ownRanges: true,
    ofNode: (node) => {
      const own = types.length > 1 ? labelOf(node, INSTANCE) : undefined;
      return own ? instanceDrafts(reading, own) : [];
    },
  };
}

/** The VPC or VNet that no object shows: the /16 of each node's address, which is the largest CIDR of a VPC. */
function assumedNetwork(reading: Reading, keyword: string): readonly Draft[] {
  const { nodes } = reading.dump;
  const networks = nodes.flatMap((node) =>
    internalIps(node).flatMap((text) => {
      const ip = parseIp(text);
      return typeof ip === "number" ? [formatPrefix(prefixOf(ip, 16))] : [];
    }),
  );
  const [first] = nodes;
  const ranges = [...new Set(networks)];
  if (!first || ranges.length === 0) return [];
  const place = { value: undefined, object: first, path: ["status", "addresses"] };
  note(reading, place, t`no CIDR of the cloud's network was found: ${list(ranges)} of the nodes is used`);
  return [shown(place, keyword, { value: ranges })];
}

/** The first node of each instance type. */
function instances({ nodes }: Dump): readonly Evidence<string>[] {
  const byType = new Map<string, Evidence<string>>();
  for (const node of nodes) {
    const found = labelOf(node, INSTANCE);
    if (found && !byType.has(found.value)) byType.set(found.value, found);
  }
  return [...byType.values()];
}

/** Only the types whose limits the schema has. */
function instanceDrafts(reading: Reading, found: Evidence<string>): readonly Draft[] {
  const type = specFor("cni aws-vpc", "instance")?.args[0];
  const isKnown =
    type && "type" in type && type.type.kind === "enum" && type.type.values.some(({ value }) => value === found.value);
  if (isKnown) return setting("instance", found);
  note(
    reading,
    found,
    t`the limits of instance type ${found.value} are not known: \`enis\` and \`ips-per-eni\` of m5.large are used`,
  );
  return [];
}

/* ------------------------------------------------------------------ Azure */

export function azurePlugin(reading: Reading, shownBy: Evidence<unknown>, engine: Plugin["engine"]): Plugin {
  const { dump } = reading;
  const exempt = exceptionDrafts(dump);
  const type = labeled(dump, "kubernetes.azure.com/podnetwork-type");
  const node = dump.nodes.find((one) => podCidrTexts(one).length > 0);
  // Only with an overlay do nodes have a podCIDR.
  const isOverlay = type ? type.value === "overlay" : node !== undefined || dump.nodes.length === 0;
  return {
    name: "azure",
    shown: shownBy,
    settings: [
      ...(isOverlay ? [] : setting("mode", { ...(type ?? shownBy), value: "node-subnet" })),
      ...(exempt.length > 0 || isOverlay ? exempt : assumedNetwork(reading, "non-masquerade")),
    ],
    engine,
    ranges: [],
    ownRanges: !isOverlay,
  };
}

/** The label of a node of AKS. */
export function aksNode(dump: Dump): Evidence<string> | undefined {
  return labeled(dump, "kubernetes.azure.com/cluster");
}

/* ------------------------------------------------------------------ GKE and kubenet */

export function gkeNode(dump: Dump): Evidence<string> | undefined {
  return labeled(dump, "cloud.google.com/gke-nodepool");
}

export function gkePlugin({ dump }: Reading, place: Evidence<unknown>, engine: Plugin["engine"]): Plugin {
  return { name: "gke", shown: place, settings: exceptionDrafts(dump), engine, ranges: [] };
}

/** The route controller has set the condition of the nodes: each podCIDR is a route of the cloud. */
export function routeNode({ nodes }: Dump): Evidence<string> | undefined {
  return conditionOf(nodes, "RouteCreated");
}

/** A reason of the condition NetworkUnavailable, which the plugins set. */
export function conditionOf(nodes: readonly KubeObject[], reason: string): Evidence<string> | undefined {
  for (const node of nodes) {
    for (const index of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const found = textOf(node, "status", "conditions", index, "reason");
      if (found?.value === reason) return found;
    }
  }
  return undefined;
}

/** The schema has one prefix for kubenet: the widest exception. */
export function kubenetPlugin({ dump }: Reading, place: Evidence<unknown>): Plugin {
  const [widest] = [...exceptions(dump)].sort((a, b) => lengthOf(a.value) - lengthOf(b.value));
  return { name: "kubenet", shown: place, settings: setting("non-masquerade", widest), ranges: [] };
}

function lengthOf(prefix: string): number {
  return Number(prefix.split("/")[1] ?? 32);
}
