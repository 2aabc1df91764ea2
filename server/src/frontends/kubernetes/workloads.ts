/** Pods and their controllers. */
import type { Draft } from "../../declared/build.ts";
import { at, type Json, listAt, numberAt, type Path, recordAt, textAt, textsAt } from "../../text/json.ts";
import { type AccountLabels, accountOf } from "./accounts.ts";
import { drafted, type KubeObject, labelsOf } from "./object.ts";
import { labelTerms } from "./selector.ts";

/** What other objects show about a pod, or about a template of pods. */
export interface PodFacts {
  /** The names of the declared nodes: a pod on any other node is placed by knet. */
  readonly nodes: ReadonlySet<string>;
  /** The ports that other objects show of pods with these labels. */
  /** Ready pods that no list of endpoints has, although services select them. */
  readonly ignored: ReadonlySet<KubeObject>;
  readonly portsOf: (namespace: string | undefined, labels: ReadonlyMap<string, string>) => readonly ShownPort[];
  readonly accountLabels: AccountLabels;
}

/** A port that a pod listens on, with the field that shows it. */
export interface ShownPort {
  readonly number: number;
  readonly protocol: string;
  readonly object: KubeObject;
  readonly path: Path;
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

/** `owner`: the workload that created the pod. */
export function podDraft(
  object: KubeObject,
  { nodes, ignored, portsOf, accountLabels }: PodFacts,
  owner: Owner | undefined,
): Draft {
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
        ...(owner
          ? [
              drafted(object, ["metadata", "ownerReferences"], {
                keyword: "owner",
                args: { kind: keywordOf(owner.kind), workload: owner.name },
              }),
            ]
          : []),
        ...labelDrafts(
          object,
          ["metadata", "labels"],
          [...labelsOf(object), ...accountLabels(object.namespace, accountOf(object, ["spec"]))],
        ),
        ...(isHost ? [drafted(object, ["spec", "hostNetwork"], { keyword: "host-network" })] : []),
        ...(isHost || ips.length === 0
          ? []
          : [drafted(object, ["status", "podIP"], { keyword: "address", args: { addresses: ips } })]),
        ...(isUnready(value) || ignored.has(object)
          ? [drafted(object, ["status", "conditions"], { keyword: "not-ready" })]
          : []),
        ...containerDrafts(object, ["spec"], isHost),
        ...undeclaredPorts(object, ["spec"], portsOf(object.namespace, labelsOf(object))),
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

/**
 * Whether services ignore the pod: it is terminating, its kubelet does not answer (`Unknown`), or it has a node and no address yet
 * (staging/src/k8s.io/endpointslice/utils.go, `ShouldPodBeInEndpoints`).
 */
export function isUnready(pod: Json): boolean {
  const waits =
    textAt(pod, "status", "phase") === "Pending" &&
    textAt(pod, "spec", "nodeName") !== undefined &&
    podIps(pod).length === 0;
  const isReady = (status: string | undefined): boolean => status !== "False" && status !== "Unknown";
  return (
    waits ||
    isTerminating(pod) ||
    listAt(pod, "status", "conditions").some(
      (one) => textAt(one, "type") === "Ready" && !isReady(textAt(one, "status")),
    )
  );
}

export function isTerminating(pod: Json): boolean {
  return textAt(pod, "metadata", "deletionTimestamp") !== undefined;
}

function labelDrafts(object: KubeObject, path: Path, all: readonly (readonly [string, string])[]): readonly Draft[] {
  const labels = new Map(all);
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
  return [...sidecars, ...main].flatMap(({ one, path }, index): readonly Draft[] => {
    const listens = listAt(one, "ports").flatMap((port, at) =>
      listenDraft(object, port, [...path, "ports", at], isHost),
    );
    if (listens.length === 0) return [];
    // kube-apiserver rejects a container without a name; its ports are still shown.
    const name = textAt(one, "name") ?? `container-${index + 1}`;
    return [
      drafted(object, path, { keyword: "container", args: { name }, children: listens }, { name: [...path, "name"] }),
    ];
  });
}

/**
 * `containerPort` is informational (core/v1 Container.ports): a pod without any listens on the ports of its services and
 * endpoints, and every pod on the ports of its probes.
 */
function undeclaredPorts(object: KubeObject, spec: Path, shown: readonly ShownPort[]): readonly Draft[] {
  const containers = listAt(object.value, ...spec, "containers");
  const declared = new Set(
    containers.flatMap((one) =>
      listAt(one, "ports").map((port) => `${numberAt(port, "containerPort")}/${protocolOf(port)}`),
    ),
  );
  const probed = containers.flatMap((one, index) => probedPorts(object, one, [...spec, "containers", index]));
  const found = new Map<string, ShownPort>();
  for (const port of declared.size === 0 ? [...shown, ...probed] : probed) {
    const key = `${port.number}/${port.protocol}`;
    if (!declared.has(key) && !found.has(key)) found.set(key, port);
  }
  return [...found].map(([key, { object: source, path }]) =>
    drafted(source, path, { keyword: "listen", args: { ports: [key] } }),
  );
}

const PROBES = ["startupProbe", "readinessProbe", "livenessProbe"];

/** A port name refers to a declared port. */
function probedPorts(object: KubeObject, container: Json, path: Path): readonly ShownPort[] {
  return PROBES.flatMap((probe) =>
    ["httpGet", "tcpSocket", "grpc"].flatMap((kind): readonly ShownPort[] => {
      const number = numberAt(container, probe, kind, "port");
      return number === undefined ? [] : [{ number, protocol: "tcp", object, path: [...path, probe, kind, "port"] }];
    }),
  );
}

function protocolOf(port: Json): string {
  return (textAt(port, "protocol") ?? "TCP").toLowerCase();
}

/** With `hostNetwork`, the port is the node's: `hostPort` repeats it (defaultHostNetworkPorts). */
function listenDraft(object: KubeObject, port: Json, path: Path, isHost: boolean): readonly Draft[] {
  const number = numberAt(port, "containerPort");
  if (number === undefined) return [];
  const protocol = protocolOf(port);
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
export function workloadDraft(object: KubeObject, { nodes, portsOf, accountLabels }: Omit<PodFacts, "ignored">): Draft {
  const keyword = keywordOf(object.kind);
  const template: Path = object.kind === "CronJob" ? ["spec", "jobTemplate", "spec", "template"] : ["spec", "template"];
  const isHost = at(object.value, ...template, "spec", "hostNetwork") === true;
  const replicas = replicasOf(object);
  const labels = textsAt(object.value, ...template, "metadata", "labels");
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
          [...labels, ...accountLabels(object.namespace, accountOf(object, [...template, "spec"]))],
        ),
        ...(isHost ? [drafted(object, [...template, "spec", "hostNetwork"], { keyword: "host-network" })] : []),
        ...containerDrafts(object, [...template, "spec"], isHost),
        ...undeclaredPorts(object, [...template, "spec"], portsOf(object.namespace, labels)),
      ],
    },
    { name: ["metadata", "name"], replicas: ["spec", "replicas"], on: on?.path },
  );
}

/** The number of pods that the templates declare, without those that depend on the number of nodes. */
export function podsOfTemplates(objects: readonly KubeObject[]): number {
  return objects
    .filter((object) => isController(object.kind) && keywordOf(object.kind) !== "daemonset")
    .reduce((sum, object) => sum + replicasOf(object), 0);
}

/** 1 by default; 0 is a valid number. A suspended job has no pods. */
function replicasOf({ kind, value }: KubeObject): number {
  if (kind === "Job" || kind === "CronJob") return at(value, "spec", "suspend") === true ? 0 : 1;
  return numberAt(value, "spec", "replicas") ?? 1;
}
