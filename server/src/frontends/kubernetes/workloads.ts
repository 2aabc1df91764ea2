/** Pods and their controllers. */
import type { Draft } from "../../declared/build.ts";
import { at, type Json, listAt, numberAt, type Path, recordAt, textAt, textsAt } from "./json.ts";
import { drafted, type KubeObject, labelsOf } from "./object.ts";
import { labelTerms } from "./selector.ts";

export interface PodFacts {
  /** The names of the declared nodes: a pod on any other node is placed by knet. */
  readonly nodes: ReadonlySet<string>;
}

/** Whether the pod waits for a node: it has no address, and services ignore it. */
export function isUnscheduled(pod: KubeObject): boolean {
  return textAt(pod.value, "status", "phase") === "Pending" && textAt(pod.value, "spec", "nodeName") === undefined;
}

/** Succeeded and Failed pods keep `podIP` in their status but have released it (isPodTerminal). */
export function isEnded(pod: KubeObject): boolean {
  const phase = textAt(pod.value, "status", "phase");
  return phase === "Succeeded" || phase === "Failed";
}

/** The controller of a pod; a pod belongs to at most one. */
export function ownerOf(object: KubeObject): { readonly kind: string; readonly name: string } | undefined {
  for (const owner of listAt(object.value, "metadata", "ownerReferences")) {
    const kind = textAt(owner, "kind");
    const name = textAt(owner, "name");
    if (at(owner, "controller") === true && kind !== undefined && name !== undefined) return { kind, name };
  }
  return undefined;
}

export function podDraft(object: KubeObject, { nodes }: PodFacts): Draft {
  const { value } = object;
  const node = textAt(value, "spec", "nodeName");
  const isHost = at(value, "spec", "hostNetwork") === true;
  const ips = podIps(value);
  return drafted(
    object,
    [],
    {
      keyword: "pod",
      args: { name: object.name, on: node !== undefined && nodes.has(node) ? node : undefined },
      children: [
        ...labelDrafts(object, ["metadata", "labels"], labelsOf(object)),
        ...(isHost ? [drafted(object, ["spec", "hostNetwork"], { keyword: "host-network" })] : []),
        ...(isHost || ips.length === 0
          ? []
          : [drafted(object, ["status", "podIP"], { keyword: "address", args: { addresses: ips } })]),
        ...(isUnready(value) ? [drafted(object, ["status", "conditions"], { keyword: "not-ready" })] : []),
        ...containerDrafts(object, ["spec"], isHost),
      ],
    },
    { name: ["metadata", "name"], on: ["spec", "nodeName"] },
  );
}

export function podIps(pod: Json): readonly string[] {
  const all = listAt(pod, "status", "podIPs").flatMap((one) => textAt(one, "ip") ?? []);
  const first = textAt(pod, "status", "podIP");
  return all.length > 0 ? all : first === undefined || first === "" ? [] : [first];
}

function isUnready(pod: Json): boolean {
  return listAt(pod, "status", "conditions").some(
    (one) => textAt(one, "type") === "Ready" && textAt(one, "status") === "False",
  );
}

function labelDrafts(object: KubeObject, path: Path, labels: ReadonlyMap<string, string>): readonly Draft[] {
  return labels.size === 0
    ? []
    : [drafted(object, path, { keyword: "labels", args: { labels: labelTerms(labels) } }, { labels: path })];
}

/** Init containers with `restartPolicy: Always` are sidecars: they run as long as the pod. */
function containerDrafts(object: KubeObject, spec: Path, isHost: boolean): readonly Draft[] {
  const sidecars = listAt(object.value, ...spec, "initContainers").flatMap((one, index) =>
    textAt(one, "restartPolicy") === "Always" ? [{ one, path: [...spec, "initContainers", index] }] : [],
  );
  const main = listAt(object.value, ...spec, "containers").map((one, index) => ({
    one,
    path: [...spec, "containers", index],
  }));
  return [...sidecars, ...main].flatMap(({ one, path }): readonly Draft[] => {
    const listens = listAt(one, "ports").flatMap((port, index) =>
      listenDraft(object, port, [...path, "ports", index], isHost),
    );
    const name = textAt(one, "name");
    if (name === undefined || listens.length === 0) return [];
    return [
      drafted(object, path, { keyword: "container", args: { name }, children: listens }, { name: [...path, "name"] }),
    ];
  });
}

/** With `hostNetwork`, the port is the node's: `hostPort` repeats it (defaultHostNetworkPorts). */
function listenDraft(object: KubeObject, port: Json, path: Path, isHost: boolean): readonly Draft[] {
  const number = numberAt(port, "containerPort");
  if (number === undefined) return [];
  const protocol = (textAt(port, "protocol") ?? "TCP").toLowerCase();
  const hostPort = isHost ? undefined : numberAt(port, "hostPort");
  const name = textAt(port, "name");
  return [
    drafted(
      object,
      path,
      {
        keyword: "listen",
        args: {
          ports: [`${number}/${protocol}`],
          as: name,
          "host-port": hostPort === undefined || hostPort === 0 ? undefined : String(hostPort),
        },
      },
      { ports: [...path, "containerPort"], as: [...path, "name"], "host-port": [...path, "hostPort"] },
    ),
  ];
}

/* ------------------------------------------------------------------ controllers */

const KEYWORDS: Readonly<Record<string, "deployment" | "statefulset" | "daemonset">> = {
  Deployment: "deployment",
  ReplicaSet: "deployment",
  ReplicationController: "deployment",
  StatefulSet: "statefulset",
  DaemonSet: "daemonset",
  Job: "deployment",
  CronJob: "deployment",
};

export function isController(kind: string): boolean {
  return Object.hasOwn(KEYWORDS, kind);
}

/** The workload that a pod belongs to: the Deployment of a ReplicaSet, the CronJob of a Job. */
export interface Owner {
  readonly kind: string;
  readonly name: string;
}

/** `owners`: the owners of the ReplicaSets and Jobs, by kind, namespace, and name. */
export function workloadOf(pod: KubeObject, owners: ReadonlyMap<string, Owner>): Owner | undefined {
  const owner = ownerOf(pod);
  if (owner === undefined || !isController(owner.kind)) return undefined;
  const above = owners.get(`${owner.kind} ${pod.namespace ?? "default"}/${owner.name}`);
  if (above) return above;
  // A Deployment's name is the ReplicaSet's without the hash of the template (pkg/controller/deployment/sync.go).
  const hash = labelsOf(pod).get("pod-template-hash");
  return owner.kind === "ReplicaSet" && hash !== undefined && owner.name.endsWith(`-${hash}`)
    ? { kind: "Deployment", name: owner.name.slice(0, -hash.length - 1) }
    : owner;
}

/** Whether the object is from a running cluster, whose dump also has its pods. */
export function isObserved({ value }: KubeObject): boolean {
  return Object.keys(recordAt(value, "status")).length > 0;
}

export function keywordOf(kind: string): "deployment" | "statefulset" | "daemonset" {
  return KEYWORDS[kind] ?? "deployment";
}

/** The node that a template pins its pods to, with `nodeName` or a selector of its name. */
function nodeOf(object: KubeObject, template: Path): { readonly name: string; readonly path: Path } | undefined {
  for (const path of [
    [...template, "spec", "nodeName"],
    [...template, "spec", "nodeSelector", "kubernetes.io/hostname"],
  ]) {
    const name = textAt(object.value, ...path);
    if (name !== undefined && name !== "") return { name, path };
  }
  return undefined;
}

/** The pod template of a controller, with the number of its pods. */
export function workloadDraft(object: KubeObject, { nodes }: PodFacts): Draft {
  const keyword = keywordOf(object.kind);
  const template: Path = object.kind === "CronJob" ? ["spec", "jobTemplate", "spec", "template"] : ["spec", "template"];
  const isHost = at(object.value, ...template, "spec", "hostNetwork") === true;
  const replicas = replicasOf(object);
  const on = keyword === "daemonset" ? undefined : nodeOf(object, template);
  return drafted(
    object,
    [],
    {
      keyword,
      args: {
        name: object.name,
        replicas: keyword === "daemonset" ? undefined : String(replicas),
        on: on && nodes.has(on.name) ? on.name : undefined,
      },
      children: [
        ...labelDrafts(
          object,
          [...template, "metadata", "labels"],
          textsAt(object.value, ...template, "metadata", "labels"),
        ),
        ...(isHost ? [drafted(object, [...template, "spec", "hostNetwork"], { keyword: "host-network" })] : []),
        ...containerDrafts(object, [...template, "spec"], isHost),
      ],
    },
    { name: ["metadata", "name"], replicas: ["spec", "replicas"], on: on?.path },
  );
}

/** 1 by default; 0 is a valid number. A suspended job has no pods. */
function replicasOf({ kind, value }: KubeObject): number {
  if (kind === "Job" || kind === "CronJob") return at(value, "spec", "suspend") === true ? 0 : 1;
  return numberAt(value, "spec", "replicas") ?? 1;
}
