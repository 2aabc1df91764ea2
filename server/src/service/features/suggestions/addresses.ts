/** Suggested addresses: next free addresses, gateways, next hops. */

import { formatIp, formatPrefix, nthAddress, parsePrefix } from "../../../addressing/ip.ts";
import { all, one } from "../../../declared/access.ts";
import type { Decl } from "../../../declared/decl.ts";
import { argOf } from "../../../frontends/knet/handle.ts";
import type { Arg } from "../../../frontends/knet/tree.ts";
import { t } from "../../../text/l10n.ts";
import type { Topology } from "../../../topology/model.ts";
import { blocksAround, freePrefixes, isFree, nextForService, nextInSegment, nextOnNode, usedRanges } from "../free.ts";
import type { Place } from "../place.ts";
import { clusterAround, handlesAround, serviceAround, stationsAround } from "../stations.ts";
import { type Given, type Suggestion, suggestion, unique } from "./suggestion.ts";

export function addresses(given: Given, typed: Arg | undefined): readonly Suggestion[] {
  const { analysis, place, decl, spec } = given;
  const { topology } = analysis;
  const keyword = decl.spec?.keyword;
  if (keyword === "attach") return attachAddresses(topology, decl, typed);
  if (keyword === "docker-bridge") return dockerBridges(topology, decl);
  if (keyword === "gateway") return gatewayAddresses(place, topology);
  if (keyword === "address" && spec.name === "addresses") return podAddresses(topology, place);
  if (spec.after === "via") return nextHops(topology, place);
  if (keyword === "cluster-ip") return serviceAddresses(topology, place);
  if (keyword === "peer-ip") return routerAddresses(topology);
  if (keyword === "public-ip" || keyword === "iface") {
    return stationsAround(topology, place).flatMap((station) =>
      station.interfaces.flatMap((iface) =>
        iface.addresses.map(({ ip }) => suggestion(formatIp(ip), "address", t`${iface.device} of ${station.path}`)),
      ),
    );
  }
  return [];
}

/** Addresses of the families that the interface does not have yet. */
function attachAddresses(topology: Topology, decl: Decl, typed: Arg | undefined): readonly Suggestion[] {
  const name = one(decl, "segment")?.value;
  const segment = name?.kind === "ref" ? topology.segments.get(name.path.at(-1) ?? "") : undefined;
  if (!segment) return [];
  const others = all(decl, "addresses").filter((read) => argOf(decl, read) !== typed);
  const families = new Set(others.map(({ value }) => (value.kind === "interface-address" ? typeof value.ip : "")));
  return segment.cidrs
    .filter(({ ip }) => !families.has(typeof ip))
    .flatMap((prefix) =>
      nextInSegment(topology, segment, prefix, decl.handle).map((ip, index) =>
        suggestion(
          formatIp(ip),
          "address",
          index === 0 ? t`next free in ${formatPrefix(prefix)}` : t`free in ${formatPrefix(prefix)}`,
        ),
      ),
    );
}

function dockerBridges(topology: Topology, decl: Decl): readonly Suggestion[] {
  const used = usedRanges(topology, decl.handle);
  const usual = parsePrefix("172.17.0.0/16")?.prefix;
  const blocks = blocksAround(usual, 4);
  const all = [...(usual && isFree(usual, used) ? [usual] : []), ...freePrefixes(blocks, 16, used)];
  return unique(
    all.map((prefix) => {
      const ip = nthAddress(prefix, 1) ?? prefix.ip;
      return suggestion(`${formatIp(ip)}/${prefix.len}`, "address", prefix === usual ? t`Docker default` : t`free`);
    }),
  );
}

function gatewayAddresses(place: Place, topology: Topology): readonly Suggestion[] {
  const segment = place.decls
    .map((decl) => (decl.spec?.defines === "segment" ? one(decl, "name")?.text : undefined))
    .find((name) => name !== undefined);
  const cidrs = topology.segments.get(segment ?? "")?.cidrs ?? [];
  return cidrs.flatMap((prefix) => {
    const ip = nthAddress(prefix, 1);
    return ip === undefined
      ? []
      : [suggestion(formatIp(ip), "address", t`first host address of ${formatPrefix(prefix)}`)];
  });
}

function podAddresses(topology: Topology, place: Place): readonly Suggestion[] {
  const handles = handlesAround(place);
  for (const cluster of topology.clusters) {
    const workload = cluster.workloads.find(({ source }) => handles.has(source.decl.handle));
    if (!workload) continue;
    const node = workload.on ?? cluster.pods.podAt(workload, 0).node;
    if (!node) return [];
    return nextOnNode(cluster, node).map((ip) => suggestion(formatIp(ip), "address", t`next free on ${node.name}`));
  }
  return [];
}

function serviceAddresses(topology: Topology, place: Place): readonly Suggestion[] {
  const cluster = clusterAround(topology, place);
  if (!cluster) return [];
  const free = nextForService(cluster, serviceAround(cluster, place));
  return free.map((ip) => suggestion(formatIp(ip), "address", t`next free ClusterIP of cluster ${cluster.name}`));
}

/** Addresses of routers, which are the BGP peers of nodes. */
function routerAddresses({ routers }: Topology): readonly Suggestion[] {
  return unique(
    routers.flatMap(({ path, interfaces }) =>
      interfaces.flatMap(({ addresses: own, segment }) =>
        own.map(({ ip }) => suggestion(formatIp(ip), "address", t`router ${path} on ${segment}`)),
      ),
    ),
  );
}

const MOST_HOPS = 100;

/** The addresses on the segments of this machine; routers first. */
function nextHops(topology: Topology, place: Place): readonly Suggestion[] {
  const rank = { router: 0, host: 1, node: 2 } as const;
  const own = stationsAround(topology, place);
  const paths = new Set(own.map(({ path }) => path));
  const found = own.slice(0, 1).flatMap((station) =>
    station.interfaces.flatMap(({ segment }) =>
      topology
        .attachedTo(segment)
        .filter((iface) => !paths.has(iface.station.path))
        .slice(0, MOST_HOPS * 10),
    ),
  );
  return unique(
    found
      .sort((a, b) => rank[a.station.kind] - rank[b.station.kind])
      .slice(0, MOST_HOPS)
      .flatMap((iface) =>
        iface.addresses.map(({ ip }) =>
          suggestion(formatIp(ip), "address", t`${iface.station.kind} ${iface.station.path} on ${iface.segment}`),
        ),
      ),
  );
}
