/** Calico's BGP: BGPConfiguration and BGPPeer. */
import type { Draft } from "../../../declared/build.ts";
import { t } from "../../../text/l10n.ts";
import { type Evidence, flagOf, lookedUp, resources, setting, shown, textOf, unless } from "../evidence.ts";
import { agreed, note, type Reading } from "../inference.ts";
import { drafted, type KubeObject } from "../object.ts";
import { imageOf, variable } from "../programs.ts";
import { labelsFor } from "./calico-labels.ts";
import type { CalicoPools } from "./calico-pools.ts";
import { backendOf, type CalicoSources } from "./calico-sources.ts";

export function bgpDrafts(sources: CalicoSources, pools: CalicoPools): readonly Draft[] {
  const { reading, program, bgp } = sources;
  const as = agreed(reading, t`AS number`, [variable(reading.dump, program, "AS"), textOf(bgp, "spec", "asNumber")]);
  const backend = backendOf(sources);
  return [
    ...setting("backend", unless(backend, "bird")),
    ...setting("as-number", unless(as, "64512", "")),
    ...setting("node-to-node-mesh", unless(flagOf(bgp, "spec", "nodeToNodeMeshEnabled"), true)),
    ...(pools.hasIpip && (backend === undefined || backend.value === "bird") ? routesDrafts(sources) : []),
  ];
}

/** The first release in which Felix programs the routes of IPIP pools (FelixConfiguration programClusterRoutes). */
const FELIX_ROUTES = [3, 33] as const;

function routesDrafts({ felix, program }: CalicoSources): readonly Draft[] {
  const stated = lookedUp(felix("programClusterRoutes", t`program of IPIP routes`), {
    Enabled: "felix",
    EnabledIPIPOnly: "felix",
    Disabled: "bird",
  });
  if (stated) return setting("program-routes", unless(stated, "felix"));
  const image = imageOf(program, "calico-node");
  const [, major, minor] = /:v?(\d+)\.(\d+)/.exec(image?.value ?? "") ?? [];
  if (!image || major === undefined || minor === undefined) return [];
  const isOlder =
    Number(major) < FELIX_ROUTES[0] || (Number(major) === FELIX_ROUTES[0] && Number(minor) < FELIX_ROUTES[1]);
  return isOlder ? setting("program-routes", { ...image, value: "bird" }) : [];
}

export function peerDrafts({ reading }: CalicoSources): readonly Draft[] {
  return resources(reading.dump, "BGPPeer", "projectcalico.org").flatMap((object) => peerDraft(reading, object) ?? []);
}

function peerDraft(reading: Reading, object: KubeObject): Draft | undefined {
  const field = (name: string): Evidence<string> | undefined => unless(textOf(object, "spec", name), "");
  const peerSelector = field("peerSelector");
  const peerIp = field("peerIP");
  const selected = peerSelector && labelsFor(peerSelector.value, reading.dump.nodes);
  if (peerSelector && (selected === undefined || selected.length === 0))
    return withoutLabels(reading, object, peerSelector);
  const nodeSelector = unless(field("nodeSelector"), "all()");
  const labels = nodeSelector && labelsFor(nodeSelector.value, reading.dump.nodes);
  if (nodeSelector && labels === undefined) return withoutLabels(reading, object, nodeSelector);
  const node = field("node");
  return drafted(
    object,
    [],
    {
      keyword: "peer",
      args: { name: object.name },
      children: [
        ...(node ? [shown(node, "node", { name: node.value })] : []),
        ...(nodeSelector && labels && labels.length > 0 ? [shown(nodeSelector, "node-selector", { labels })] : []),
        ...setting("peer-ip", peerIp && { ...peerIp, value: addressOf(peerIp.value) }),
        ...(peerSelector && selected ? [shown(peerSelector, "peer-selector", { labels: selected })] : []),
        ...(peerSelector ? [] : setting("as-number", unless(field("asNumber"), "0"))),
        ...setting("num-allowed-local-as-numbers", unless(field("numAllowedLocalASNumbers"), "0")),
      ],
    },
    { name: ["metadata", "name"] },
  );
}

function withoutLabels(reading: Reading, { name }: KubeObject, selector: Evidence<string>): undefined {
  const text = selector.value;
  note(reading, selector, t`BGPPeer ${name}: selector \`${text}\` cannot be expressed as labels; the peer is omitted`);
}

/** "192.0.2.1:179" and "[2001:db8::1]:179" have a port. */
function addressOf(text: string): string {
  const bracketed = /^\[([^\]]+)\]/.exec(text)?.[1];
  return bracketed ?? (/^[\d.]+:\d+$/.test(text) ? (text.split(":")[0] ?? text) : text);
}
