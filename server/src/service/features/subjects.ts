/** Maps a symbol of the text to the topology objects that it represents. */

import type { Decl } from "../../declared/decl.ts";
import type {
  Cluster,
  ExternalHost,
  Ingress,
  Listener,
  Node,
  Pod,
  ProcessSpec,
  Router,
  SecurityGroup,
  Segment,
  Service,
  Topology,
  Workload,
} from "../../topology/model.ts";
import type { Policy } from "../../topology/policy.ts";
import type { NamedSymbol } from "./symbol.ts";

export type Subject =
  | { readonly kind: "segment"; readonly segment: Segment }
  | { readonly kind: "router"; readonly router: Router }
  | { readonly kind: "host"; readonly host: ExternalHost }
  | { readonly kind: "cluster"; readonly cluster: Cluster }
  /** Several nodes for a pool. */
  | { readonly kind: "nodes"; readonly cluster: Cluster; readonly nodes: readonly Node[] }
  | { readonly kind: "workload"; readonly cluster: Cluster; readonly workload: Workload }
  | { readonly kind: "policy"; readonly cluster: Cluster; readonly policy: Policy }
  | { readonly kind: "service"; readonly cluster: Cluster; readonly service: Service }
  | { readonly kind: "ingress"; readonly cluster: Cluster; readonly ingress: Ingress }
  /** With its attached routes. */
  | { readonly kind: "gateway"; readonly cluster: Cluster; readonly routes: readonly Ingress[] }
  | { readonly kind: "security-group"; readonly group: SecurityGroup };

export function subjectOf(topology: Topology, symbol: NamedSymbol): Subject | undefined {
  const { handle } = symbol.source.decl;
  const own = (thing: { readonly source: { readonly decl: Decl } }): boolean => thing.source.decl.handle === handle;
  switch (symbol.kind) {
    case "segment": {
      const segment = topology.segments.get(symbol.name);
      return segment && { kind: "segment", segment };
    }
    case "router": {
      const router = topology.routers.find(own);
      return router && { kind: "router", router };
    }
    case "host": {
      const host = topology.hosts.find(own);
      return host && { kind: "host", host };
    }
    case "cluster": {
      const cluster = topology.clusters.find(own);
      return cluster && { kind: "cluster", cluster };
    }
    case "node":
      for (const cluster of topology.clusters) {
        const nodes = cluster.nodes.filter(own);
        if (nodes.length > 0) return { kind: "nodes", cluster, nodes };
      }
      return undefined;
    case "pod":
    case "workload":
      for (const cluster of topology.clusters) {
        const workload = cluster.workloads.find(own);
        if (workload) return { kind: "workload", cluster, workload };
      }
      return undefined;
    case "service":
      for (const cluster of topology.clusters) {
        const service = cluster.services.all.find(own);
        if (service) return { kind: "service", cluster, service };
      }
      return undefined;
    case "container":
    case "daemon":
      return symbol.parent && subjectOf(topology, symbol.parent);
    case "policy":
      for (const cluster of topology.clusters) {
        const policy = cluster.policies.find(own);
        if (policy) return { kind: "policy", cluster, policy };
      }
      return undefined;
    case "ingress":
      for (const cluster of topology.clusters) {
        const ingress = cluster.ingresses?.find(own);
        if (ingress) return { kind: "ingress", cluster, ingress };
      }
      return undefined;
    case "gateway": {
      const name = symbol.parent?.parent?.name;
      const cluster = topology.clusters.find((one) => one.name === name);
      const lines = new Set(symbol.decl.children.map((child) => child.handle));
      // The `servedBy` source of an attached route is the `served-by` line of the gateway.
      const isOwn = ({ kind, servedBy }: Ingress): boolean =>
        kind === "route" && servedBy !== undefined && lines.has(servedBy.source.decl.handle);
      return cluster && { kind: "gateway", cluster, routes: cluster.ingresses?.filter(isOwn) ?? [] };
    }
    case "security-group": {
      const group = [...topology.securityGroups.values()].find(own);
      return group && { kind: "security-group", group };
    }
    case "namespace":
      return undefined;
  }
}

export interface Listening {
  readonly process: string;
  readonly listener: Listener;
}

/** The listeners of a symbol; for a container or daemon, only the listeners of that process. */
export function listenersOf(topology: Topology, symbol: NamedSymbol): readonly Listening[] {
  const subject = subjectOf(topology, symbol);
  const own = symbol.kind === "container" || symbol.kind === "daemon" ? symbol.name : undefined;
  return processesOf(subject)
    .filter(({ name }) => own === undefined || name === own)
    .flatMap(({ name, listeners }) => listeners.map((listener) => ({ process: name, listener })));
}

function processesOf(subject: Subject | undefined): readonly ProcessSpec[] {
  switch (subject?.kind) {
    case "router":
      return subject.router.processes;
    case "host":
      return subject.host.processes;
    case "nodes":
      return subject.nodes[0]?.processes ?? [];
    case "workload":
      return subject.workload.containers;
    case "segment":
    case "cluster":
    case "policy":
    case "service":
    case "ingress":
    case "gateway":
    case "security-group":
    case undefined:
      return [];
  }
}

/** The pod of a workload that a use refers to, such as `api-0` of deployment `api`; undefined if it refers to the workload. */
export function podNamed(cluster: Cluster, workload: Workload, use: string | undefined): Pod | undefined {
  const last = use?.split(":")[0]?.split("/").at(-1);
  if (last === undefined || last === workload.name) return undefined;
  const pod = cluster.pods.podByName(workload.namespace, last);
  return pod?.workload === workload ? pod : undefined;
}
