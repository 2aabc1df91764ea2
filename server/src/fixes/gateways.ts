/** Fixes that add a default gateway to segments without one. */

import { formatIp } from "../addressing/ip.ts";
import { hasChild } from "../declared/navigate.ts";
import { nextFreeAddress } from "../questions/free.ts";
import { plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import type { Node, Segment, Topology } from "../topology/model.ts";
import { appendEdit, type Fix } from "./fix.ts";

/** Maximum number of segments that a single fix changes. */
const MOST_EDITS = 10;

export function gatewayFixes(topology: Topology, nodes: readonly (Node | undefined)[]): readonly Fix[] {
  const names = new Set(nodes.flatMap((node) => node?.interfaces[0]?.segment ?? []));
  const edits = [...names].flatMap((name) => {
    const segment = topology.segments.get(name);
    if (!segment || hasChild(segment.source, "gateway")) return [];
    const gateway = gatewayFor(topology, segment);
    return gateway === undefined ? [] : [{ name, gateway, edit: appendEdit(segment.source, `gateway ${gateway}`) }];
  });
  const [first] = edits;
  if (!first || edits.length < names.size || edits.length > MOST_EDITS) return [];
  const title =
    edits.length === 1
      ? t`Add \`gateway ${first.gateway}\` to segment \`${first.name}\``
      : t`Add a gateway to ${plural(edits.length, "segment")}`;
  return [{ title, edits: edits.map(({ edit }) => edit) }];
}

/** The attached router, or the first free address. */
export function gatewayFor(topology: Topology, segment: Segment): string | undefined {
  const router = topology.attachedTo(segment.name).find(({ station }) => station.kind === "router");
  if (router) return router.station.path;
  const [cidr] = segment.cidrs;
  const free = cidr && nextFreeAddress(topology, segment, cidr.ip);
  return free === undefined ? undefined : formatIp(free);
}
