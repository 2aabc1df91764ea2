/** Virtual private gateways and their VPN connections (aws_vpn_gateway, aws_vpn_connection, aws_vpn_connection_route). */
import { parsePrefix } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import type { CloudRoute, CloudTable, CloudVpn, Range } from "./model.ts";
import { type Field, field, inside, items, type Resource, textOf } from "./resource.ts";
import type { Resources } from "./resources.ts";

const GATEWAY = "aws_vpn_gateway";
const VPCS = ["aws_vpc", "aws_default_vpc"] as const;

export interface AwsVpns {
  readonly vpns: readonly CloudVpn[];
  readonly read: readonly Resource[];
}

/** `tables`: their routes to a gateway show networks that BGP announces. */
export function awsVpns(all: Resources, tables: readonly CloudTable[], problems: FileProblem[]): AwsVpns {
  const connections = all.ofType("aws_vpn_connection");
  const vpns = all.ofType(GATEWAY).flatMap((id): CloudVpn[] => {
    const net = netOf(all, id);
    const own = connections.filter((one) => all.link(one, "vpn_gateway_id", GATEWAY) === id);
    const [first] = own;
    if (!net || !first) return [];
    const peer = all.link(first, "customer_gateway_id", "aws_customer_gateway");
    const stated = own.flatMap((one) => staticRoutes(all, one));
    const remotes = [...stated, ...(stated.length === 0 ? routedTo(tables, id) : [])];
    if (remotes.length > 0) return [{ id, net, peer, remotes }];
    problems.push(
      assumed(
        first.object,
        t`the networks that ${first.object.name} connects are not in the input (BGP announces them): packets to it are dropped`,
      ),
    );
    return [];
  });
  const known = new Set(vpns.map(({ id }) => id));
  const read = connections.filter((one) => known.has(all.link(one, "vpn_gateway_id", GATEWAY) ?? one));
  const isRead = (one: Resource): boolean =>
    read.includes(all.link(one, "vpn_connection_id", "aws_vpn_connection") ?? one);
  return {
    vpns,
    read: [
      ...known,
      ...read,
      ...all.ofType("aws_vpn_connection_route").filter(isRead),
      ...vpns.flatMap(({ peer }) => peer ?? []),
    ],
  };
}

function netOf(all: Resources, id: Resource): Resource | undefined {
  const attached = all
    .ofType("aws_vpn_gateway_attachment")
    .find((one) => all.link(one, "vpn_gateway_id", GATEWAY) === id);
  const listed = items(id, "VpcAttachments").flatMap(
    (one) => all.withId(textOf(inside(one, "VpcId")) ?? "", VPCS) ?? [],
  );
  return all.link(id, "vpc_id", ...VPCS) ?? (attached && all.link(attached, "vpc_id", ...VPCS)) ?? listed[0];
}

function staticRoutes(all: Resources, connection: Resource): readonly Range[] {
  const separate = all
    .ofType("aws_vpn_connection_route")
    .filter((one) => all.link(one, "vpn_connection_id", "aws_vpn_connection") === connection)
    .flatMap((one) => rangeOf(one, field(one, "destination_cidr_block")));
  const inline = items(connection, "routes").flatMap((one) =>
    rangeOf(connection, inside(one, "destination_cidr_block", "DestinationCidrBlock")),
  );
  return separate.length > 0 ? separate : inline;
}

function rangeOf(resource: Resource, found: Field | undefined): readonly Range[] {
  const prefix = parsePrefix(textOf(found) ?? "")?.prefix;
  return prefix && found && prefix.len > 0 ? [{ prefix, at: { resource, path: found.path } }] : [];
}

function routedTo(tables: readonly CloudTable[], gateway: Resource): readonly Range[] {
  return tables.flatMap(({ routes }) =>
    routes.flatMap(({ to, target, at }) =>
      to && target.kind === "vpn" && target.vpn === gateway ? [{ prefix: to, at }] : [],
    ),
  );
}

/** Routes that a gateway propagates to a table (aws_vpn_gateway_route_propagation, `propagating_vgws`). */
export function propagatedRoutes(all: Resources, table: Resource): readonly CloudRoute[] {
  const types = ["aws_route_table", "aws_default_route_table"] as const;
  const gateways = new Set([
    ...all.linked(table, ["propagating_vgws"], [GATEWAY]),
    ...items(table, "PropagatingVgws").flatMap(
      (one) => all.withId(textOf(inside(one, "GatewayId")) ?? "", [GATEWAY]) ?? [],
    ),
    ...all
      .ofType("aws_vpn_gateway_route_propagation")
      .filter((one) => all.link(one, "route_table_id", ...types) === table)
      .flatMap((one) => all.link(one, "vpn_gateway_id", GATEWAY) ?? []),
  ]);
  return [...gateways].flatMap((vpn) =>
    all
      .ofType("aws_vpn_connection")
      .filter((one) => all.link(one, "vpn_gateway_id", GATEWAY) === vpn)
      .flatMap((one) => staticRoutes(all, one))
      .map(({ prefix, at }): CloudRoute => {
        const family = typeof prefix.ip === "number" ? 4 : 6;
        return { to: prefix, family, target: { kind: "vpn", vpn }, at, isImplied: true };
      }),
  );
}
