/** One workload as written, before its node is bound. */

import type { Ip } from "../addressing/ip.ts";
import { all, nameOf, one, oneOf, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { type Origin, sourceOf } from "../declared/origin.ts";
import { memo } from "../memo/memo.ts";
import type { Owner, ProcessSpec, Workload } from "./model.ts";
import type { TopologyProblem } from "./problems.ts";
import { noLabels, nothing, type ProcessesRead, processesOf, readLabels, readProcesses, trimmed } from "./station.ts";

export interface WorkloadParts {
  readonly file: string;
  readonly kind: Workload["kind"];
  readonly name: string;
  readonly nameSource: Origin;
  /** 0 for a DaemonSet, which has one pod per node. */
  readonly replicas: number;
  readonly on: { readonly text: string; readonly source: Origin } | undefined;
  readonly hostNetwork: boolean;
  readonly notReady: boolean;
  readonly owner: Owner | undefined;
  readonly containers: readonly ProcessSpec[];
  readonly labels: ReadonlyMap<string, string>;
  readonly addresses: readonly { readonly ip: Ip; readonly source: Origin }[];
  readonly source: Origin;
  readonly problems: readonly TopologyProblem[];
}

/** Undefined if the name or the number is unreadable. */
export function readWorkload(file: string, decl: Decl, kind: Workload["kind"]): WorkloadParts | undefined {
  const name = nameOf(decl);
  const nameRead = one(decl, "name");
  const replicas = kind === "pod" ? 1 : kind === "daemonset" ? 0 : oneOf(decl, "replicas", "number")?.value;
  if (name === undefined || nameRead === undefined || replicas === undefined) return undefined;
  const on = one(decl, "on");
  const source = sourceOf(file, decl);
  let hostNetwork = false;
  let notReady = false;
  let owner: Owner | undefined;
  let containers: ProcessesRead | undefined;
  let labels: Map<string, string> | undefined;
  let addresses: { ip: Ip; source: Origin }[] | undefined;
  for (const statement of decl.children) {
    switch (statement.spec?.keyword) {
      case "host-network":
        hostNetwork = true;
        break;
      case "not-ready":
        notReady = true;
        break;
      case "owner":
        owner ??= readOwner(statement);
        break;
      case "container":
      case "listen":
        containers = readProcesses(file, statement, statement.spec.keyword, containers, { kind, name });
        break;
      case "labels":
        labels = readLabels(statement, labels);
        break;
      case "address":
        if (addresses !== undefined) break;
        addresses = [];
        for (const read of all(statement, "addresses")) {
          if (read.value.kind !== "address") continue;
          addresses.push({ ip: read.value.ip, source: sourceOfRead(file, statement, read) });
        }
        break;
      default:
        break;
    }
  }
  return {
    file,
    kind,
    name,
    nameSource: sourceOfRead(file, decl, nameRead),
    replicas,
    on: on?.value.kind === "ref" ? { text: on.value.text, source: sourceOfRead(file, decl, on) } : undefined,
    hostNetwork,
    notReady,
    owner,
    containers: processesOf(containers, name, source),
    labels: labels ?? noLabels,
    addresses: addresses ?? nothing,
    source,
    problems: trimmed(containers?.problems ?? nothing),
  };
}

function readOwner(decl: Decl): Owner | undefined {
  const kind = oneOf(decl, "kind", "word")?.text;
  const name = oneOf(decl, "workload", "name")?.text;
  if (name === undefined || (kind !== "deployment" && kind !== "statefulset" && kind !== "daemonset")) return undefined;
  return { kind, name };
}

/** Uses of the nodes themselves by pods of a workload. */
export interface NodeUses {
  readonly hostNetwork: boolean;
  readonly hostPorts: boolean;
}

/** Computed once for all workloads of a cluster: most have neither, so a node's pods need not be checked. */
export const usesOfNodes = memo(
  (workloads: readonly Workload[]): NodeUses => ({
    hostNetwork: workloads.some(({ hostNetwork }) => hostNetwork),
    hostPorts: workloads.some(({ containers }) =>
      containers.some(({ listeners }) => listeners.some(({ hostPort }) => hostPort !== undefined)),
    ),
  }),
);

/** A pod on each node that is not in the file. */
export function imaginedDaemonset(source: Origin, name: string): WorkloadParts {
  return {
    file: source.file,
    kind: "daemonset",
    name,
    nameSource: source,
    replicas: 0,
    on: undefined,
    hostNetwork: false,
    notReady: false,
    owner: undefined,
    containers: nothing,
    labels: noLabels,
    addresses: nothing,
    source,
    problems: nothing,
  };
}
