/** Meshes that are too large, BGPPeers that Calico rejects, and nodes that learn no routes to each other's blocks. */

import { t } from "../../text/l10n.ts";
import type { TopologyProblem } from "../../topology/problems.ts";
import { nameOf, type Speaker, titleOf } from "../bgp/model.ts";
import type { Missing } from "../bgp/solve.ts";
import { familyOf } from "../host.ts";
import { CODES, problem } from "../problems.ts";
import { type CalicoCluster, programmer } from "./cluster.ts";
import type { Peer, Pool } from "./settings.ts";

/** Recommended by the project and by vendors. */
const MESH_UP_TO = 100;

export function checkBgp(calico: CalicoCluster): readonly TopologyProblem[] {
  return [...meshSize(calico), ...calico.settings.peers.flatMap(checkPeer), ...missingRoutes(calico)];
}

function meshSize({ settings, members, context }: CalicoCluster): TopologyProblem[] {
  if (!settings.mesh || settings.backend !== "bird") return [];
  const nodes = members.filter(({ own }) => own.clusterId === undefined).length;
  if (nodes <= MESH_UP_TO) return [];
  const source = settings.sources.get("node-to-node-mesh") ?? settings.source;
  const data = { cluster: context.cluster.name, nodes, sessions: (nodes * (nodes - 1)) / 2, each: nodes - 1 };
  return [problem(CODES.calicoMeshSize, source, data)];
}

/** libcalico-go/lib/validator: mutually exclusive fields of a BGPPeer. */
function checkPeer({ name, node, nodeSelector, peerIp, peerSelector, as, source }: Peer): TopologyProblem[] {
  const what: string[] = [];
  if (node !== undefined && nodeSelector !== undefined)
    what.push(t`\`node\` and \`node-selector\` are mutually exclusive`);
  if (peerIp !== undefined && peerSelector !== undefined)
    what.push(t`\`peer-ip\` and \`peer-selector\` are mutually exclusive`);
  if (peerIp === undefined && peerSelector === undefined) what.push(t`\`peer-ip\` or \`peer-selector\` is required`);
  if (as !== undefined && peerSelector !== undefined)
    what.push(t`\`as-number\` is not allowed with \`peer-selector\`, which uses the nodes' own AS numbers`);
  return what.map((one) => problem(CODES.calicoPeer, source, { peer: name, what: one }));
}

/* ---------------------------------------------------------- missing routes */

type Cause = "mesh-off" | "no-session" | "not-reflected" | "not-exported" | "no-bgp";

function missingRoutes(calico: CalicoCluster): TopologyProblem[] {
  const { settings, members } = calico;
  if (members.length < 2) return [];
  const birds = settings.pools.filter((pool) => needsBgp(calico, pool) && holders(calico, pool) > 0);
  const [first] = birds;
  if (!first) return [];
  if (settings.backend !== "bird") {
    const source = settings.sources.get("backend") ?? settings.source;
    return [routesMissing(calico, { source, cause: "no-bgp", via: first.name, pairs: pairsOf(members.length) })];
  }
  const silent = birds.find(({ disableBgpExport }) => disableBgpExport);
  if (silent) {
    const source = silent.sources.get("disable-bgp-export") ?? silent.source;
    return [routesMissing(calico, { source, cause: "not-exported", via: silent.name, pairs: pairsOf(members.length) })];
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

/** Node pairs without routes to each other's blocks. */
interface RouteGap {
  readonly source: TopologyProblem["source"];
  readonly cause: Cause;
  /** The pool or the speaker that causes it; empty without a cause. */
  readonly via: string;
  readonly pairs: number;
  readonly example?: Missing;
}

function routesMissing({ context }: CalicoCluster, gap: RouteGap): TopologyProblem {
  const { source, cause, via, pairs, example } = gap;
  const data = {
    cluster: context.cluster.name,
    cause,
    via,
    pairs,
    node: example ? nameOf(example.speaker) : "",
    peer: example ? nameOf(example.origin) : "",
  };
  const related = example
    ? [
        { source: example.speaker.source, message: t`${titleOf(example.speaker)} is missing the routes` },
        { source: example.origin.source, message: t`${titleOf(example.origin)} owns the blocks` },
      ]
    : [];
  return problem(CODES.bgpRoutesMissing, source, data, related);
}

function loops({ context }: CalicoCluster, missing: readonly Missing[]): TopologyProblem[] {
  const looped = missing.filter(({ refused }) => refused?.kind === "loop");
  const [first] = looped;
  if (first?.refused?.kind !== "loop") return [];
  const [via] = first.refused.from.members;
  if (!via) return [];
  const data = {
    cluster: context.cluster.name,
    node: nameOf(first.speaker),
    peer: nameOf(first.origin),
    pairs: sum(looped),
    as: first.refused.as,
    via: nameOf(via),
  };
  return [
    problem(CODES.bgpLoop, via.source, data, [
      { source: first.speaker.source, message: t`${titleOf(first.speaker)} is in AS ${first.refused.as}` },
      { source: first.origin.source, message: t`${titleOf(first.origin)} is in the same AS and advertises its blocks` },
    ]),
  ];
}

function unlearned(calico: CalicoCluster, missing: readonly Missing[]): TopologyProblem[] {
  const { settings } = calico;
  const kept = missing.filter(({ refused }) => refused?.kind === "not-reflected");
  const silent = missing.filter(({ refused }) => refused === undefined || refused.kind === "filtered");
  const problems: TopologyProblem[] = [];
  const [reflected] = kept;
  const [via] = reflected?.refused?.from.members ?? [];
  if (reflected && via) {
    const gap = { source: via.source, via: nameOf(via), pairs: sum(kept), example: reflected };
    problems.push(routesMissing(calico, { ...gap, cause: "not-reflected" }));
  }
  const [lonely] = silent;
  if (lonely) {
    const off = !settings.mesh && settings.peers.length === 0;
    const source = settings.sources.get("node-to-node-mesh") ?? settings.sources.get("peer") ?? settings.source;
    const cause = off ? "mesh-off" : "no-session";
    problems.push(routesMissing(calico, { source, cause, via: "", pairs: sum(silent), example: lonely }));
  }
  return problems;
}

function sum(missing: readonly Missing[]): number {
  return missing.reduce((total, { pairs }) => total + pairs, 0);
}
