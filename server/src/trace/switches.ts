/** Network namespaces of a topology as switches of the Network Graph. */
import { hostPrefix, type Prefix } from "../addressing/ip.ts";
import type { Netns, Network } from "../dataplane/model.ts";
import { printSwitch, switchRows } from "../dataplane/switch.ts";
import type { Topology } from "../topology/model.ts";

/** The table of one switch as text. */
export function switchText(topology: Topology, network: Network, netns: Netns): string {
  return printSwitch(netns, switchRows(network, netns, knownPrefixes(topology)));
}

/** Machine addresses, node pod CIDRs, and configured pod addresses: destinations that can differ even if they share a route. */
function* knownPrefixes({ segments, clusters, attachedTo }: Topology): Iterable<Prefix> {
  for (const segment of segments.keys()) {
    for (const { addresses } of attachedTo(segment)) for (const { ip } of addresses) yield hostPrefix(ip);
  }
  for (const { nodes, workloads } of clusters) {
    for (const { podCidrs } of nodes) for (const { prefix } of podCidrs) yield prefix;
    for (const { addresses } of workloads) for (const { ip } of addresses) yield hostPrefix(ip);
  }
}
