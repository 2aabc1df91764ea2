/** Hovers of pods and workloads: placement, isolation, and the devices on the path of a packet to them. */
import { formatIp } from "../../../addressing/ip.ts";
import { number, plural } from "../../../text/format.ts";
import { t } from "../../../text/l10n.ts";
import type { Cluster, Pod, Workload } from "../../../topology/model.ts";
import type { Trace } from "../../../trace/schema.ts";
import { ask } from "../../../trace/trace.ts";
import type { Analysis } from "../../analysis.ts";
import { bullets, code, paragraphs } from "../markdown.ts";
import { isolationText } from "../policies.ts";
import { podNamed } from "../subjects.ts";
import { listeningText } from "./stations.ts";

const MOST_PODS = 5;

export function workloadText(
  analysis: Analysis,
  cluster: Cluster,
  workload: Workload,
  use: string | undefined,
): string {
  const named = podNamed(cluster, workload, use);
  if (workload.replicas === 1 || named) {
    const pod = named ?? cluster.pods.podAt(workload, 0);
    return podText(analysis, cluster, pod);
  }
  const shown = [...Array(Math.min(workload.replicas, MOST_PODS)).keys()].map((ordinal) =>
    cluster.pods.podAt(workload, ordinal),
  );
  const first = shown[0];
  return paragraphs(
    titleOf(cluster, workload),
    bullets([
      ...shown.map(({ name, addresses, node }) => {
        const own = addresses.length === 0 ? t`no address` : addresses.map(formatIp).join(", ");
        return node ? t`${code(name)} ${own} on ${code(node.name)}` : `${code(name)} ${own}`;
      }),
      workload.replicas > shown.length ? t`and ${number(workload.replicas - shown.length)} more` : undefined,
    ]),
    listeningText(workload.containers),
    first && isolationText(cluster, first),
    first && reachText(analysis, cluster, first),
  );
}

function titleOf(cluster: Cluster, { kind, namespace, name, replicas, hostNetwork }: Workload): string {
  const path = code(`${cluster.name}/${namespace}/${name}`);
  const pods = plural(replicas, "pod");
  return hostNetwork ? t`**${kind}** ${path} · ${pods} (host network)` : `**${kind}** ${path} · ${pods}`;
}

function podText(analysis: Analysis, cluster: Cluster, pod: Pod): string {
  const { workload, node } = pod;
  const addresses = pod.addresses.length === 0 ? t`no address` : pod.addresses.map(formatIp).join(", ");
  return paragraphs(
    `**pod** ${code(pod.path)} · ${addresses}`,
    bullets([
      node === undefined
        ? t`runs on no node`
        : workload.hostNetwork
          ? t`on node ${code(node.path)} (host network)`
          : t`on node ${code(node.path)}`,
      ...workload.containers.map(({ name }) => t`container ${code(name)}`),
    ]),
    listeningText(workload.containers),
    isolationText(cluster, pod),
    reachText(analysis, cluster, pod),
  );
}

/** The devices on the path of a packet to the pod, from the same node and from a different node. */
function reachText(analysis: Analysis, cluster: Cluster, pod: Pod): string {
  const { node } = pod;
  const to = pod.addresses[0];
  if (!node || to === undefined || pod.workload.hostNetwork) return "";
  const other = cluster.nodes.find((one) => one !== node);
  const peer =
    other &&
    [...firstOf(cluster.pods.podsOn(other), 20)].find((one) => !one.workload.hostNetwork && one.addresses.length > 0);
  return bullets([
    chainText(analysis, t`From its own node`, node.path, to),
    other && !peer ? chainText(analysis, t`From node ${code(other.name)}`, other.path, to) : undefined,
    peer
      ? chainText(analysis, t`From pod ${code(peer.name)} on ${code(peer.node?.name ?? "")}`, peer.path, to)
      : undefined,
  ]);
}

function* firstOf<T>(all: Iterable<T>, most: number): Generator<T> {
  let count = 0;
  for (const one of all) {
    if (count++ >= most) return;
    yield one;
  }
}

function chainText(analysis: Analysis, title: string, from: string, to: Pod["addresses"][number]): string {
  const answer = ask(
    { topology: analysis.topology, network: analysis.network, locate: () => undefined },
    { from, to: formatIp(to), proto: "icmp" },
  );
  if (!answer.ok) return "";
  const { trace } = answer;
  const chain = chainOf(trace) || t`direct`;
  if (trace.verdict !== "delivered")
    return `${title}: ${chain}; **${trace.verdict}**: ${trace.paths[0]?.reason?.message ?? ""}`;
  return trace.answered ? `${title}: ${chain}` : t`${title}: ${chain}; no reply`;
}

/** "web `eth0` → n1 `cni0` `flannel.1` `eth0` → n2 `eth0` …": the devices of the first path, grouped by machine. */
function chainOf(trace: Trace): string {
  const stations: { readonly netns: string; readonly devices: string[] }[] = [];
  for (const { netns, device, direction } of trace.paths[0]?.hops ?? []) {
    if (direction === null || device === "lo") continue;
    const last = stations.at(-1);
    if (last?.netns !== netns) stations.push({ netns, devices: [device] });
    else if (last.devices.at(-1) !== device) last.devices.push(device);
  }
  return stations
    .map(({ netns, devices }) => `${netns.split("/").at(-1) ?? netns} ${devices.map(code).join(" ")}`)
    .join(" → ");
}
