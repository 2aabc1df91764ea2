/** VPN tunnels, internal load balancers, and Private Service Connect endpoints of Google Cloud. */
import { parsePrefix } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import type { CloudMachine, CloudVpn, Range } from "./model.ts";
import { type Field, field, items, type Resource, text, textOf, whole } from "./resource.ts";
import { type Resources, textsIn } from "./resources.ts";

const NETWORK = "google_compute_network";
const SUBNET = "google_compute_subnetwork";
const TUNNEL = "google_compute_vpn_tunnel";
const GATEWAYS = ["google_compute_vpn_gateway", "google_compute_ha_vpn_gateway"] as const;

/** The gateway of a tunnel, which the tunnels of one site share. */
export function gatewayOfTunnel(all: Resources, tunnel: Resource): Resource | undefined {
  return all.link(tunnel, "target_vpn_gateway", ...GATEWAYS) ?? all.link(tunnel, "vpn_gateway", ...GATEWAYS);
}

export function gcpVpns(
  all: Resources,
  problems: FileProblem[],
): { readonly vpns: readonly CloudVpn[]; readonly read: readonly Resource[] } {
  const read: Resource[] = [];
  const vpns = all.ofType(...GATEWAYS).flatMap((id): CloudVpn[] => {
    const net = all.link(id, "network", NETWORK);
    const tunnels = all.ofType(TUNNEL).filter((one) => gatewayOfTunnel(all, one) === id);
    const [first] = tunnels;
    if (!net || !first) return [];
    const remotes = tunnels.flatMap((tunnel) => remotesOf(all, tunnel));
    if (remotes.length === 0) {
      problems.push(
        assumed(
          first.object,
          t`the networks that ${first.object.name} connects are not in the input (BGP announces them): packets to it are dropped`,
        ),
      );
      return [];
    }
    const peer = all.link(first, "peer_external_gateway", "google_compute_external_vpn_gateway");
    read.push(id, ...tunnels, ...(peer ? [peer] : []));
    return [{ id, net, peer: peer ?? first, remotes }];
  });
  return { vpns, read };
}

/** Of a policy-based tunnel, its selectors; of a route-based one, the routes to it. */
function remotesOf(all: Resources, tunnel: Resource): readonly Range[] {
  const selectors = items(tunnel, "remote_traffic_selector").flatMap((one) => rangeOf(tunnel, one));
  const routes = all
    .ofType("google_compute_route")
    .filter((one) => all.link(one, "next_hop_vpn_tunnel", TUNNEL) === tunnel)
    .flatMap((one) => rangeOf(one, field(one, "dest_range")));
  return selectors.length > 0 ? selectors : routes;
}

function rangeOf(resource: Resource, found: Field | undefined): readonly Range[] {
  const prefix = parsePrefix(textOf(found) ?? "")?.prefix;
  return prefix && found && prefix.len > 0 ? [{ prefix, at: { resource, path: found.path } }] : [];
}

const RULES = ["google_compute_forwarding_rule"] as const;

/** An internal load balancer has an address in a subnet; so has an endpoint of Private Service Connect, without a scheme. */
export function gcpBalancers(all: Resources): readonly CloudMachine[] {
  return all.ofType(...RULES).flatMap((id): CloudMachine[] => {
    const scheme = text(id, "load_balancing_scheme") ?? "";
    const isService =
      text(id, "target")?.includes("serviceAttachments") === true ||
      all.link(id, "target", "google_compute_service_attachment") !== undefined;
    if (!scheme.startsWith("INTERNAL") && !isService) return [];
    const reserved = all.link(id, "ip_address", "google_compute_address");
    const subnet = all.link(id, "subnetwork", SUBNET) ?? (reserved && all.link(reserved, "subnetwork", SUBNET));
    if (!subnet) return [];
    const stated = text(id, "ip_address", "IPAddress");
    const address = stated !== undefined && /^[\d.]+$/.test(stated) ? stated : reserved && text(reserved, "address");
    return [
      {
        id,
        interfaces: [{ subnet, addresses: address === undefined ? [] : [address], at: whole(id) }],
        isPublic: false,
        forwards: false,
        rules: [],
        listens: listensOf(id, isService),
      },
    ];
  });
}

function listensOf(id: Resource, isService: boolean): CloudMachine["listens"] {
  const isUdp = text(id, "ip_protocol", "IPProtocol") === "UDP";
  const range = text(id, "port_range");
  const [first, last] = (range ?? "").split("-");
  const ports = [
    ...textsIn(field(id, "ports")),
    ...(first !== undefined && first !== "" && first === (last ?? first) ? [first] : []),
  ];
  const known = ports.length === 0 && isService ? ["443"] : ports;
  return known
    .filter((port) => /^\d+$/.test(port))
    .map((port) => ({ port: isUdp ? `${port}/udp` : port, at: whole(id) }));
}
