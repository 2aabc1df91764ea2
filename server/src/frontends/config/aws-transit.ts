/** Transit gateways: attachments, route tables, associations, propagations. */
import { parsePrefix } from "../../addressing/ip.ts";
import type { Attachment, CloudTransit, TransitRoute, TransitTable } from "./model.ts";
import { field, isTrue, type Resource, text } from "./resource.ts";
import type { Resources } from "./resources.ts";

const ATTACHMENT = "aws_ec2_transit_gateway_vpc_attachment";
const TABLE = "aws_ec2_transit_gateway_route_table";

export function awsTransits(all: Resources): readonly CloudTransit[] {
  return all.ofType("aws_ec2_transit_gateway").map((id): CloudTransit => {
    const attachments = all
      .ofType(ATTACHMENT)
      .filter((one) => all.link(one, "transit_gateway_id", "aws_ec2_transit_gateway") === id)
      .flatMap((one): Attachment[] => {
        const net = all.link(one, "vpc_id", "aws_vpc", "aws_default_vpc");
        return net ? [{ id: one, net, subnets: all.linked(one, ["subnet_ids"], ["aws_subnet"]) }] : [];
      });
    const stated = all
      .ofType(TABLE)
      .filter((one) => all.link(one, "transit_gateway_id", "aws_ec2_transit_gateway") === id && !isDefault(one))
      .map((table) => statedTable(all, table, attachments));
    const associated = new Set(stated.flatMap(({ attached }) => attached));
    return { id, tables: [...stated, defaultTable(id, attachments, associated)] };
  });
}

/** The table that the gateway creates for itself is described like the others on the command line. */
function isDefault(table: Resource): boolean {
  return isTrue(table, "default_association_route_table", "DefaultAssociationRouteTable");
}

/** Attachments are associated with the default table, and propagate to it, unless this is disabled. */
function defaultTable(
  id: Resource,
  attachments: readonly Attachment[],
  associated: ReadonlySet<Attachment>,
): TransitTable {
  const isOn = (resource: Resource, ...names: readonly (readonly string[])[]): boolean =>
    !["disable", "false"].includes(String(field(resource, ...names)?.value ?? "enable"));
  const association = isOn(id, ["default_route_table_association"], ["Options", "DefaultRouteTableAssociation"]);
  const propagation = isOn(id, ["default_route_table_propagation"], ["Options", "DefaultRouteTablePropagation"]);
  return {
    at: id,
    attached: attachments.filter(
      (one) => association && !associated.has(one) && isOn(one.id, ["transit_gateway_default_route_table_association"]),
    ),
    propagated: attachments.filter(
      (one) => propagation && isOn(one.id, ["transit_gateway_default_route_table_propagation"]),
    ),
    routes: [],
  };
}

function statedTable(all: Resources, table: Resource, attachments: readonly Attachment[]): TransitTable {
  const linked = (type: string): readonly Attachment[] =>
    all
      .ofType(type)
      .filter((one) => all.link(one, "transit_gateway_route_table_id", TABLE) === table)
      .flatMap((one) => attachmentOf(all, one, attachments) ?? []);
  return {
    at: table,
    attached: linked("aws_ec2_transit_gateway_route_table_association"),
    propagated: linked("aws_ec2_transit_gateway_route_table_propagation"),
    routes: all.ofType("aws_ec2_transit_gateway_route").flatMap((one): TransitRoute[] => {
      const path = field(one, "destination_cidr_block");
      const prefix = parsePrefix(text(one, "destination_cidr_block") ?? "")?.prefix;
      if (all.link(one, "transit_gateway_route_table_id", TABLE) !== table || !prefix || !path) return [];
      const via = isTrue(one, "blackhole") ? undefined : attachmentOf(all, one, attachments);
      return [{ to: prefix.len === 0 ? undefined : prefix, via, at: { resource: one, path: [] } }];
    }),
  };
}

function attachmentOf(all: Resources, one: Resource, attachments: readonly Attachment[]): Attachment | undefined {
  const found = all.link(one, "transit_gateway_attachment_id", ATTACHMENT);
  return attachments.find(({ id }) => id === found);
}
