/** Failing queries of findings: what the proof of a fix sends again. */

import { type Family, family, type Ip } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import type { Network } from "../dataplane/model.ts";
import type { Decl } from "../declared/decl.ts";
import type { Cluster, Service, Topology } from "../topology/model.ts";
import { stationAt } from "../topology/stations.ts";
import { aimAt, journeysTo, type Target } from "../trace/aim.ts";
import { endpointOf } from "../trace/endpoints.ts";
import { type Probe, partThatFailed } from "./probes.ts";
import type { View } from "./view.ts";

const CLIENT_PORT = 40_000;
/** Maximum number of hosts, and of services, whose connections are replayed. */
const MOST = 8;

/** A packet by the paths of its endpoints, which remain valid after an edit. */
export interface FailingQuery {
  /** A machine, or a pod with its own network namespace. */
  readonly from: string;
  readonly to:
    | { readonly kind: "netns" | "service"; readonly path: string }
    | { readonly kind: "address"; readonly ip: Ip };
  readonly proto: "tcp" | "udp" | "sctp" | "icmp";
  readonly port: number | undefined;
  readonly family: 4 | 6;
}

/** The probe as a query; none if knet added one of its pods, which an edited file does not have. */
export function queriesOf({ from, to, journey }: Probe): readonly FailingQuery[] {
  const sent = journey.steps[0]?.packet.body;
  if (from.imagined || to.imagined || !sent) return [];
  const isConnection = sent.kind === "tcp" || sent.kind === "udp";
  return [
    {
      from: from.netns,
      to: { kind: "netns", path: to.netns },
      proto: isConnection ? sent.kind : "icmp",
      port: isConnection ? sent.dport : undefined,
      family: family(to.ip),
    },
  ];
}

/** Connections of hosts to services of the cluster that this statement drops. */
export function lostToServices(context: View, cluster: Cluster, at: Decl): readonly FailingQuery[] {
  const { topology, open } = context;
  const exposed = cluster.services.all.filter(isExposed).slice(0, MOST);
  const hosts = topology.hosts.filter(({ edge }) => !edge?.answersAny).slice(0, MOST);
  if (exposed.length === 0) return [];
  const queries = hosts.flatMap(({ path, interfaces }) => {
    const [own] = interfaces.flatMap(({ addresses }) => addresses);
    return exposed.flatMap((service): FailingQuery[] => {
      const port = service.ports.find(({ proto }) => proto !== "sctp");
      if (!own || !port || port.proto === "sctp") return [];
      return [
        {
          from: path,
          to: { kind: "service", path: service.path },
          proto: port.proto,
          port: port.port,
          family: family(own.ip),
        },
      ];
    });
  });
  return queries.filter((query) =>
    journeysOf({ topology, network: open }, query)?.some(
      (journey) => partThatFailed(journey)?.reason?.origin?.decl.handle === at.handle,
    ),
  );
}

function isExposed({ ports, externalIps, loadBalancerIps }: Service): boolean {
  return externalIps.length > 0 || loadBalancerIps.length > 0 || ports.some(({ nodePort }) => nodePort !== undefined);
}

/** Whether the query succeeds on every path; true if its names do not exist (any more). */
export function isAnsweredIn(world: World, query: FailingQuery): boolean {
  return journeysOf(world, query)?.every((journey) => partThatFailed(journey) === undefined) ?? true;
}

interface World {
  readonly topology: Topology;
  readonly network: Network;
}

function journeysOf({ topology, network }: World, query: FailingQuery): readonly Journey[] | undefined {
  const { from, proto, port } = query;
  if (!network.netns(from)) return undefined;
  const targets = targetsOf(topology, query);
  return targets.length === 0
    ? undefined
    : journeysTo(network, { from, src: undefined, proto, sport: CLIENT_PORT, dport: port ?? 0, df: false }, targets);
}

function targetsOf(topology: Topology, query: FailingQuery): readonly Target[] {
  const { to, family: of } = query;
  switch (to.kind) {
    case "address":
      return [{ ip: to.ip, port: undefined, weight: 1 }];
    case "service":
      return serviceTargets(topology, query, to.path);
    case "netns":
      return netnsTargets(topology, to.path, of);
  }
}

function serviceTargets(topology: Topology, { from, port, family: of }: FailingQuery, path: string): readonly Target[] {
  const sender = endpointOf(topology, from);
  const aim = sender.ok ? aimAt(topology, path, sender.endpoint, port, of) : sender;
  return aim.ok ? aim.targets : [];
}

/** Not by name: a pod and a service can have the same path. */
function netnsTargets(topology: Topology, path: string, of: Family): readonly Target[] {
  const station = stationAt(topology, path);
  const [cluster, namespace = "", name = ""] = path.split("/");
  const pods = topology.clusters.find((one) => one.name === cluster)?.pods;
  const addresses = station
    ? station.interfaces.flatMap((one) => one.addresses.map(({ ip }) => ip))
    : (pods?.podByName(namespace, name)?.addresses ?? []);
  return addresses
    .filter((ip) => family(ip) === of)
    .map((ip) => ({ ip, port: undefined, weight: 1 }))
    .slice(0, 1);
}
