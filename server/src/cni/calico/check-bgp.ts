/** Meshes that are too large, BGPPeers that Calico rejects, and nodes that learn no routes to each other's blocks. */

import type { Origin } from "../../declared/origin.ts";
import { t } from "../../text/l10n.ts";
import { refOf, type Speaker, titleOf } from "../bgp/model.ts";
import type { Bgp, Missing } from "../bgp/solve.ts";
import { familyOf } from "../host.ts";
import { CODES, type NetworkProblem, type NetworkProblemData, problem } from "../problems.ts";
import { type CalicoCluster, programmer } from "./cluster.ts";
import type { Peer, Pool } from "./settings.ts";

/** Recommended by the project and by vendors. */
const MESH_UP_TO = 100;

export function checkBgp(calico: CalicoCluster): readonly NetworkProblem[] {
  return [...meshSize(calico), ...calico.settings.peers.flatMap(checkPeer), ...missingRoutes(calico)];
}

function meshSize({ settings, members, context }: CalicoCluster): NetworkProblem[] {
  if (!settings.mesh || settings.backend !== "bird") return [];
  const nodes = members.filter(({ own }) => own.clusterId === undefined).length;
  if (nodes <= MESH_UP_TO) return [];
  const source = settings.sources.get("node-to-node-mesh") ?? settings.source;
  const data = { cluster: context.cluster.name, nodes, sessions: (nodes * (nodes - 1)) / 2, each: nodes - 1 };
  return [problem(CODES.calicoMeshSize, source, data)];
}

/** libcalico-go/lib/validator: mutually exclusive fields of a BGPPeer. */
function checkPeer({ name, node, nodeSelector, peerIp, peerSelector, as, source }: Peer): NetworkProblem[] {
  const conflicts: Omit<NetworkProblemData["KN156"], "peer">[] = [];
  if (node !== undefined && nodeSelector !== undefined)
    conflicts.push({ conflict: "two-nodes", fields: ["node", "node-selector"] });
  if (peerIp !== undefined && peerSelector !== undefined)
    conflicts.push({ conflict: "two-peers", fields: ["peer-ip", "peer-selector"] });
  if (peerIp === undefined && peerSelector === undefined)
    conflicts.push({ conflict: "no-peer", fields: ["peer-ip", "peer-selector"] });
  if (as !== undefined && peerSelector !== undefined)
    conflicts.push({ conflict: "as-number", fields: ["as-number", "peer-selector"] });
  return conflicts.map((one) => problem(CODES.calicoPeer, source, { peer: name, ...one }));
}

/* ---------------------------------------------------------- missing routes */

function missingRoutes(calico: CalicoCluster): NetworkProblem[] {
  const { settings, members } = calico;
  if (members.length < 2) return [];
  const birds = settings.pools.filter((pool) => needsBgp(calico, pool) && holders(calico, pool) > 0);
  const [first] = birds;
  if (!first) return [];
  if (settings.backend !== "bird") {
    const source = settings.sources.get("backend") ?? settings.source;
    return [notProgrammed(calico, source, "no-bgp", first)];
  }
  const silent = birds.find(({ disableBgpExport }) => disableBgpExport);
  if (silent) {
    const source = silent.sources.get("disable-bgp-export") ?? silent.source;
    return [notProgrammed(calico, source, "not-exported", silent)];
  }
  const paths = new Set(members.map(({ node }) => node.path));
  const inBirds = (pool: Pool | undefined): boolean => pool !== undefined && birds.includes(pool);
  const isMine = ({ station, originates }: Speaker): boolean =>
    paths.has(station.path) && originates.some(({ prefix }) => inBirds(calico.poolOf(prefix)));
  const families = [...new Set(birds.map(({ cidr }) => familyOf(cidr.ip)))];
  const missing = families.flatMap((family) => [...calico.context.bgp().missing(family, isMine)]);
  return [...loops(calico, missing), ...unlearned(calico, missing)];
}

function needsBgp({ settings }: CalicoCluster, pool: Pool): boolean {
  return programmer({ ...settings, backend: "bird" }, pool) === "bird";
}

function holders(calico: CalicoCluster, pool: Pool): number {
  let count = 0;
  for (const _ of calico.held(familyOf(pool.cidr.ip), (one) => one === pool)) if (++count > 1) break;
  return count;
}

function pairsOf(nodes: number): number {
  return nodes * (nodes - 1);
}

/** No node programs routes to the pool. */
function notProgrammed(
  { context, members }: CalicoCluster,
  source: Origin,
  cause: "not-exported" | "no-bgp",
  pool: Pool,
): NetworkProblem {
  const data = { cluster: context.cluster.name, cause, pool: pool.name, pairs: pairsOf(members.length) };
  return problem(CODES.bgpRoutesMissing, source, data);
}

/** The values and related locations of missing routes; the last argument is the example. */
function missed({ context }: CalicoCluster, missing: readonly Missing[], { speaker, origin }: Missing) {
  return {
    data: { cluster: context.cluster.name, pairs: sum(missing), node: refOf(speaker), peer: refOf(origin) },
    related: [
      { source: speaker.source, message: t`${titleOf(speaker)} is missing the routes` },
      { source: origin.source, message: t`${titleOf(origin)} owns the blocks` },
    ],
  };
}

function loops({ context }: CalicoCluster, missing: readonly Missing[]): NetworkProblem[] {
  const looped = missing.filter(({ refused, speaker, origin }) => {
    return refused?.kind === "loop" && !learnsDefault(context.bgp(), speaker, origin);
  });
  const [first] = looped;
  if (first?.refused?.kind !== "loop") return [];
  const [via] = first.refused.from.members;
  if (!via) return [];
  const data = {
    cluster: context.cluster.name,
    node: refOf(first.speaker),
    peer: refOf(first.origin),
    pairs: sum(looped),
    as: first.refused.as,
    via: refOf(via),
  };
  return [
    problem(CODES.bgpLoop, via.source, data, [
      { source: first.speaker.source, message: t`${titleOf(first.speaker)} is in AS ${first.refused.as}` },
      { source: first.origin.source, message: t`${titleOf(first.origin)} is in the same AS and advertises its blocks` },
    ]),
  ];
}

/**
 * Whether the speaker learns a default route from its peers, which replaces the rejected routes on purpose: one AS number for
 * all racks, and leaf switches that advertise only a default route ("Downward Default" in Calico's guide to IP fabrics).
 */
function learnsDefault(bgp: Bgp, { station }: Speaker, origin: Speaker): boolean {
  const group = bgp.groupOf(station.path);
  if (group === undefined) return false;
  return origin.originates.every(({ prefix }) => {
    const family = familyOf(prefix.ip);
    return bgp.learned(group, family).get({ ip: family === 4 ? 0 : 0n, len: 0 })[0] !== undefined;
  });
}

function unlearned(calico: CalicoCluster, missing: readonly Missing[]): NetworkProblem[] {
  const { settings } = calico;
  const kept = missing.filter(({ refused }) => refused?.kind === "not-reflected");
  const silent = missing.filter(({ refused }) => refused === undefined || refused.kind === "filtered");
  const problems: NetworkProblem[] = [];
  const [reflected] = kept;
  const [via] = reflected?.refused?.from.members ?? [];
  if (reflected && via) {
    const { data, related } = missed(calico, kept, reflected);
    const cause = { cause: "not-reflected", via: refOf(via) } as const;
    problems.push(problem(CODES.bgpRoutesMissing, via.source, { ...data, ...cause }, related));
  }
  const [lonely] = silent;
  if (lonely) {
    const cause = !settings.mesh && settings.peers.length === 0 ? "mesh-off" : "no-session";
    const source = settings.sources.get("node-to-node-mesh") ?? settings.sources.get("peer") ?? settings.source;
    const { data, related } = missed(calico, silent, lonely);
    problems.push(problem(CODES.bgpRoutesMissing, source, { ...data, cause }, related));
  }
  return problems;
}

function sum(missing: readonly Missing[]): number {
  return missing.reduce((total, { pairs }) => total + pairs, 0);
}
