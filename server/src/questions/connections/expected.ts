/** Whether a file declares that a connection is blocked. */
import { parseIp } from "../../addressing/ip.ts";
import type { Endpoint, Expectation, Topology } from "../../topology/model.ts";
import type { Connection } from "./connections.ts";
import type { Sender } from "./ends.ts";

/** An `expect … blocked` from such a sender to the destination. For pods, any pod of the cluster is sufficient. */
export function isExpectedBlocked(topology: Topology, one: Connection): boolean {
  return topology.expectations.some(
    (expectation) =>
      expectation.want.kind === "blocked" &&
      (expectation.port === undefined || expectation.port === one.port) &&
      isSender(topology, expectation, one.from) &&
      isTarget(topology, expectation, one),
  );
}

function isSender(topology: Topology, { from }: Expectation, { kind, cluster, netns }: Sender): boolean {
  const named = topology.resolve(from, "sender");
  if (!named.ok) return false;
  const { endpoint } = named;
  if (kind === "pod")
    return (endpoint.kind === "pod" || endpoint.kind === "container") && endpoint.cluster.name === cluster?.name;
  if (kind === "node") return endpoint.kind === "node" && endpoint.node.cluster === cluster?.name;
  return machineOf(endpoint) === netns;
}

function isTarget(topology: Topology, { to }: Expectation, { to: target, ip }: Connection): boolean {
  if (parseIp(to) !== undefined) return parseIp(to) === ip || target.kind === "outside";
  const named = topology.resolve(to);
  if (!named.ok) return false;
  switch (target.kind) {
    case "service":
      return named.endpoint.path === target.served.service.path;
    case "forwarded":
      return named.endpoint.path === target.forwarded.router.path;
    case "outside":
      return machineOf(named.endpoint) === target.host.path;
    case "host":
    case "pod":
      return machineOf(named.endpoint) === target.at.netns;
    case "node":
    case "own-node":
      // The nodes of a cluster are alike.
      return named.endpoint.kind === "node" && named.endpoint.node.cluster === target.at.cluster?.name;
  }
}

function machineOf(endpoint: Endpoint): string {
  switch (endpoint.kind) {
    case "daemon":
      return endpoint.station.path;
    case "container":
      return endpoint.pod.path;
    case "pod":
    case "node":
    case "router":
    case "host":
    case "service":
    case "segment":
    case "address":
      return endpoint.path;
  }
}
