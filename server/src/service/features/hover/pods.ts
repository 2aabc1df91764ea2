/** Pods and workloads, as a hover tells of them: where they run, what isolates them, by which devices a packet comes. */
import { formatIp } from "../../../addressing/ip.ts";
import { number, plural } from "../../../text/words.ts";
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
    `**${workload.kind}** ${code(`${cluster.name}/${workload.namespace}/${workload.name}`)} · ${plural(workload.replicas, "pod")}${workload.hostNetwork ? " in the nodes' network namespaces" : ""}`,
    bullets([
      ...shown.map(
        (pod) =>
          `${code(pod.name)} ${pod.addresses.map(formatIp).join(", ") || "without address"}${pod.node ? ` on ${code(pod.node.name)}` : ""}`,
      ),
      workload.replicas > shown.length ? `and ${number(workload.replicas - shown.length)} more` : undefined,
    ]),
    listeningText(workload.containers),
    first && isolationText(cluster, first),
    first && reachText(analysis, cluster, first),
  );
}

function podText(analysis: Analysis, cluster: Cluster, pod: Pod): string {
  const { workload, node } = pod;
  const own = workload.hostNetwork ? "in the node's network namespace" : "";
  const addresses = pod.addresses.length === 0 ? "without address" : pod.addresses.map(formatIp).join(", ");
  return paragraphs(
    `**pod** ${code(pod.path)} · ${addresses}`,
    bullets([
      node ? `on node ${code(node.path)} ${own}`.trimEnd() : "runs on no node",
      ...workload.containers.map(({ name }) => `container ${code(name)}`),
    ]),
    listeningText(workload.containers),
    isolationText(cluster, pod),
    reachText(analysis, cluster, pod),
  );
}

/** By which devices a packet from the same node and from another one comes to the pod. */
function reachText(analysis: Analysis, cluster: Cluster, pod: Pod): string {
  const { node } = pod;
  const to = pod.addresses[0];
  if (!node || to === undefined || pod.workload.hostNetwork) return "";
  const other = cluster.nodes.find((one) => one !== node);
  const neighbour =
    other &&
    [...firstOf(cluster.pods.podsOn(other), 20)].find((one) => !one.workload.hostNetwork && one.addresses.length > 0);
  return bullets([
    chainText(analysis, "From its node", node.path, to),
    other && !neighbour ? chainText(analysis, `From node ${code(other.name)}`, other.path, to) : undefined,
    neighbour
      ? chainText(
          analysis,
          `From pod ${code(neighbour.name)} on ${code(neighbour.node?.name ?? "")}`,
          neighbour.path,
          to,
        )
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

function chainText(analysis: Analysis, who: string, from: string, to: Pod["addresses"][number]): string {
  const answer = ask(
    { topology: analysis.topology, network: analysis.network, locate: () => undefined },
    { from, to: formatIp(to), proto: "icmp" },
  );
  if (!answer.ok) return "";
  const { trace } = answer;
  const chain = chainOf(trace);
  const end =
    trace.verdict === "delivered"
      ? trace.answered
        ? ""
        : "; no reply comes back"
      : `; **${trace.verdict}**: ${trace.paths[0]?.reason?.message ?? ""}`;
  return `${who}: ${chain === "" ? "directly" : chain}${end}`;
}

/** "web `eth0` → n1 `cni0` `flannel.1` `eth0` → n2 `eth0` …": the devices of the first path, by who has them. */
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
