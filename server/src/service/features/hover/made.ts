/** The kernel state that a statement creates. */

import { plural } from "../../../text/format.ts";
import { t } from "../../../text/l10n.ts";
import type { Analysis } from "../../analysis.ts";
import { defaultRoutes, madeBy, madeText, pluginText } from "../kernel.ts";
import { code, paragraphs } from "../markdown.ts";
import type { Place, Pointed } from "../place.ts";
import { clusterAround, stationsAround } from "../stations.ts";
import { edgeText } from "./edge.ts";
import { rulesText } from "./names.ts";

/** For a statement of a machine, its devices and routes; for a plugin statement, the plugin's state on one node. */
export function made(analysis: Analysis, place: Place, { decl }: Pointed): string {
  const keyword = decl.spec?.keyword;
  const { topology, network } = analysis;
  const { handle } = decl;
  const edge = keyword === undefined ? "" : edgeText(analysis, place, keyword, handle);
  if (edge !== "") return edge;
  const rules = keyword === undefined ? "" : rulesText(analysis, place, keyword);
  if (rules !== "") return rules;
  if (keyword === "cni" || keyword === "backend") {
    const cluster = clusterAround(topology, place);
    const own = stationsAround(topology, place)[0];
    const node =
      (own?.kind === "node" ? own : undefined) ??
      cluster?.nodes.find((one) => one.cni === undefined) ??
      cluster?.nodes[0];
    const netns = node && network.netns(node.path);
    if (!node || !netns) return "";
    const text = pluginText(netns);
    return text === "" ? "" : paragraphs(t`On node ${code(node.name)}:`, text);
  }
  if (keyword !== "attach" && keyword !== "route" && keyword !== "docker-bridge") return "";
  const stations = stationsAround(topology, place);
  const station = stations[0] ?? clusterAround(topology, place)?.nodes[0];
  const netns = station && network.netns(station.path);
  if (!station || !netns) return "";
  const iface =
    keyword === "attach" ? station.interfaces.find(({ source }) => source.decl.handle === handle) : undefined;
  const own = madeBy(netns, new Set([handle]));
  // The origin of a default route is the segment that provides the gateway.
  const defaults = iface ? defaultRoutes(netns, iface.device).filter((route) => !own.routes.includes(route)) : [];
  const text = madeText({ devices: own.devices, routes: [...own.routes, ...defaults] });
  if (text === "") return keyword === "route" ? t`The kernel rejects this route; it is ignored.` : "";
  const title =
    stations.length > 1
      ? t`In the kernel of ${code(station.path)} and on ${plural(stations.length - 1, "more node")}:`
      : t`In the kernel of ${code(station.path)}:`;
  return paragraphs(title, text);
}
