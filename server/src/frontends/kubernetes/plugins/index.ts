/** The plugin that runs on the nodes. Several can be installed: the one whose DaemonSet runs pods is used. */
import type { Prefix } from "../../../addressing/ip.ts";
import { t } from "../../../text/l10n.ts";
import { configMap, type Evidence, rangesIn, shown, textsOf } from "../evidence.ts";
import { note, type Reading } from "../inference.ts";
import { type KubeObject, podCidrTexts } from "../object.ts";
import { gravelyAssumed } from "../problems.ts";
import { flag, type Program, programOf } from "../programs.ts";
import { calicoObject, calicoPlugin, calicoProgram } from "./calico.ts";
import { policyOnly } from "./calico-sources.ts";
import {
  aksNode,
  awsPlugin,
  azurePlugin,
  conditionOf,
  gkeNode,
  gkePlugin,
  kubenetPlugin,
  routeNode,
} from "./clouds.ts";
import { distributionOf } from "./distribution.ts";
import { flannelConfig, flannelNode, flannelPlugin, flannelProgram } from "./flannel.ts";
import type { Plugin } from "./plugin.ts";
import { kindnetPlugin, weavePlugin } from "./simple.ts";

/** Undefined without evidence. */
export function pluginOf(reading: Reading): Plugin | undefined {
  const engine = policyEngine(reading);
  const found = runningPlugin(reading) ?? unmodeledPlugin(reading) ?? stoppedPlugin(reading);
  if (!engine || found?.engine?.value === engine.value) return found;
  if (found) return { ...found, engine };
  note(
    reading,
    engine,
    t`Calico only enforces policies, and no other CNI plugin was found: \`cni flannel\` with VXLAN is used`,
  );
  return { ...defaultPlugin(engine), engine };
}

/** Calico in addition to a plugin that routes (manifests/calico-policy-only.yaml). */
function policyEngine(reading: Reading): Evidence<string> | undefined {
  const program = calicoProgram(reading);
  const backend = program && policyOnly(reading, program);
  return backend && { ...backend, value: "calico" };
}

/** By the programs that run. */
function runningPlugin(reading: Reading): Plugin | undefined {
  const { dump } = reading;
  const run = (name: string): Program | undefined => programOf(dump, (one) => one === name);
  const calico = calicoProgram(reading);
  const aws = run("aws-node");
  const engine = calico && { ...placeOf(calico), value: "calico" };
  if (aws) return awsPlugin(reading, aws, engine);
  const azure = run("azure-cns");
  if (azure) return azurePlugin(reading, placeOf(azure), engine);
  // Without nodes: netd sets up the routes of GKE's pods.
  const netd = run("netd");
  const gke = gkeNode(dump) ?? (netd && placeOf(netd));
  if (gke) return gkePlugin(reading, gke, engine);
  const flannel = flannelProgram(reading);
  if (flannel) {
    const plugin = flannelPlugin(reading, flannel, placeOf(flannel));
    return calico && !plugin.engine ? { ...plugin, engine } : plugin;
  }
  if (calico && !policyOnly(reading, calico)) return calicoPlugin(reading, calico, calico.object);
  const kindnet = run("kindnet");
  if (kindnet) return kindnetPlugin(reading, kindnet);
  const weave = run("weave-net");
  return weave && weavePlugin(reading, weave);
}

function placeOf({ object }: Program): Pick<Evidence<unknown>, "object" | "path"> & { readonly value: string } {
  return { object, path: ["metadata", "name"], value: object.name };
}

/** Without a running program: by the state of the nodes, custom resources, and ConfigMaps. */
function stoppedPlugin(reading: Reading): Plugin | undefined {
  const { dump } = reading;
  const isReported = (reason: string): boolean => conditionOf(dump.nodes, reason) !== undefined;
  const calico = policyEngine(reading) ? undefined : calicoObject(reading);
  if (calico && !isReported("FlannelIsUp")) return calicoPlugin(reading, undefined, calico);
  const server = distributionOf(dump);
  const isFlannelOff = server?.flag("flannel-backend")?.value === "none";
  const annotated = flannelNode(reading) ?? conditionOf(dump.nodes, "FlannelIsUp");
  const hasFlannel = annotated ?? flannelConfig(reading) ?? (server && !isFlannelOff ? server : undefined);
  if (hasFlannel) return flannelPlugin(reading, undefined, hasFlannel);
  const reported = conditionOf(dump.nodes, "CalicoIsUp");
  if (reported) return calicoPlugin(reading, undefined, reported.object);
  const routes = routeNode(dump);
  if (routes) return kubenetPlugin(reading, routes);
  const aks = aksNode(dump);
  return aks && azurePlugin(reading, aks, undefined);
}

const UNMODELED: readonly (readonly [string, string])[] = [
  ["cilium", "Cilium"],
  ["anetd", "Cilium"],
  ["antrea-agent", "Antrea"],
  ["ovnkube-node", "OVN-Kubernetes"],
  ["sdn", "OpenShift SDN"],
  ["kube-router", "kube-router"],
];

function unmodeledPlugin(reading: Reading): Plugin | undefined {
  const { dump } = reading;
  for (const [name, product] of UNMODELED) {
    const program = programOf(dump, (one) => one === name);
    if (!program || isFirewall(program)) continue;
    const place = placeOf(program);
    const text = t`${product} (DaemonSet ${name}) is not modeled yet: \`cni flannel\` with VXLAN is used`;
    reading.problems.push(gravelyAssumed(place.object, text, place.path));
    return { ...defaultPlugin(place), ...ciliumRanges(reading, name) };
  }
  return undefined;
}

/** kube-router as the policy engine of another plugin. */
function isFirewall(program: Program): boolean {
  return flag(program, "run-router")?.value === "false";
}

/** Cilium's operator assigns the nodes ranges from a pool and ignores their podCIDR. */
function ciliumRanges({ dump }: Reading, name: string): Partial<Plugin> {
  const nodes = new Map(dump.ofKind("CiliumNode").map((object) => [object.name, object]));
  const ipam = configMap(dump, ["cilium-config"], "ipam");
  if (name !== "cilium" || ipam?.value === "kubernetes") return {};
  const ranges = rangesIn(
    configMap(dump, ["cilium-config"], "cluster-pool-ipv4-cidr"),
    configMap(dump, ["cilium-config"], "cluster-pool-ipv6-cidr"),
  );
  return {
    ranges,
    podCidrs: (node) => rangesIn(...textsOf(nodes.get(node.name), "spec", "ipam", "podCIDRs")),
  };
}

/** A pod network that any cluster could have: flannel with VXLAN, and a policy engine. */
export function defaultPlugin(place: Evidence<unknown>): Plugin {
  return {
    name: "flannel",
    shown: place,
    settings: [shown(place, "backend", { type: "vxlan" })],
    // It enforces all policies of the Kubernetes API, including admin policies.
    engine: { ...place, value: "kindnet" },
    ranges: [],
  };
}

/** The ranges of a node's pods, with the field that shows each. */
export function nodeRangesOf(plugin: Plugin | undefined, node: KubeObject): readonly Evidence<Prefix>[] {
  const own = plugin?.podCidrs?.(node) ?? [];
  if (own.length > 0) return own;
  return podCidrTexts(node).flatMap(({ text, path }) => rangesIn({ value: text, object: node, path }));
}
