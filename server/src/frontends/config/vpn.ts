/** VPN connections: a gateway of the network, and the other side as a host that represents its networks. */
import { formatPrefix } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import type { CloudModel, CloudVpn } from "./model.ts";
import { attach, attachLink, distinct, route, subnetRoutes } from "./parts.ts";
import { draftAt, whole } from "./resource.ts";
import { ofFamily, type Wiring } from "./wiring.ts";

export function vpnDrafts({ vpns }: CloudModel, wiring: Wiring): readonly Draft[] {
  return vpns.flatMap((vpn) => vpnDraft(wiring, vpn));
}

function vpnDraft(wiring: Wiring, vpn: CloudVpn): readonly Draft[] {
  const wired = wiring.ofNet(vpn.net);
  const tunnel = wiring.tunnelOf(vpn.id);
  if (!wired || !tunnel) return [];
  const place = whole(vpn.id);
  const name = wiring.nameOf(vpn.id);
  const { link, host } = tunnel;
  const text = (side: string): string => ofFamily(link.addresses(side), 4) ?? "";
  // Networks of Google have no ranges.
  const ranges = wired.net.ranges.length > 0 ? wired.net.ranges : wired.subnets.flatMap((subnet) => subnet.ranges);
  const own = ranges.map(({ prefix, at }) => route(at, formatPrefix(prefix), { via: [text(name)] }));
  return [
    draftAt(place, {
      keyword: "segment",
      args: { name: link.name },
      children: [draftAt(place, { keyword: "cidr", args: { prefixes: link.prefixes.map(formatPrefix) } })],
    }),
    draftAt(place, {
      keyword: "router",
      args: { name },
      children: [
        ...attachLink(place, wired, name),
        attach(place, link.name, [text(name)]),
        ...subnetRoutes(wired, name),
        ...distinct(vpn.remotes.map(({ prefix, at }) => route(at, formatPrefix(prefix), { via: [text(host)] }))),
      ],
    }),
    draftAt(whole(vpn.peer ?? vpn.id), {
      keyword: "host",
      args: { name: host },
      children: [
        attach(place, link.name, [text(host)]),
        draftAt(place, { keyword: "answers", args: { addresses: "any" } }),
        ...distinct(own),
      ],
    }),
  ];
}
