/** Load balancers and interface endpoints of AWS as hosts (aws_lb, aws_lb_listener, aws_lb_target_group, aws_vpc_endpoint). */
import { groupsOf, SUBNETS } from "./aws-groups.ts";
import type { CloudMachine } from "./model.ts";
import { field, inside, items, type Resource, text, textOf, whole } from "./resource.ts";
import type { Resources } from "./resources.ts";

const BALANCERS = ["aws_lb", "aws_alb"] as const;
const LISTENERS = ["aws_lb_listener", "aws_alb_listener"] as const;
const TARGET_GROUPS = ["aws_lb_target_group", "aws_alb_target_group"] as const;

/** Hosts without their rules: the groups' members must be known first. */
export type Edge = Omit<CloudMachine, "rules"> & { readonly groups: readonly Resource[] };

/** A load balancer ends the connections of clients, and opens others to its targets. A gateway load balancer does not. */
export function balancers(all: Resources): readonly Edge[] {
  return all
    .ofType(...BALANCERS)
    .filter((id) => text(id, "load_balancer_type", "Type") !== "gateway")
    .flatMap((id): Edge[] => {
      const mapped = items(id, "subnet_mapping", "AvailabilityZones").flatMap((one) => {
        const subnet = all.withId(textOf(inside(one, "subnet_id")) ?? "", SUBNETS);
        const address = textOf(inside(one, "private_ipv4_address"));
        return subnet
          ? [{ subnet, addresses: address === undefined ? [] : [address], at: { resource: id, path: one.path } }]
          : [];
      });
      const plain = all.linked(id, ["subnets"], SUBNETS).map((subnet) => ({ subnet, addresses: [], at: whole(id) }));
      const interfaces = mapped.length > 0 ? mapped : plain;
      if (interfaces.length === 0) return [];
      const listeners = all
        .ofType(...LISTENERS)
        .filter((one) => all.link(one, "load_balancer_arn", ...BALANCERS) === id);
      return [
        {
          id,
          interfaces,
          isPublic: field(id, "internal")?.value !== true && text(id, "Scheme") !== "internal",
          forwards: false,
          groups: groupsOf(all, id),
          listens: listeners.flatMap((one) => portOf(one) ?? []),
          targets: listeners.flatMap((one) => targetsOf(all, one)),
        },
      ];
    });
}

function portOf(listener: Resource): NonNullable<CloudMachine["listens"]>[number] | undefined {
  const port = text(listener, "port");
  if (port === undefined) return undefined;
  const isUdp = ["UDP", "TCP_UDP"].includes(text(listener, "protocol") ?? "");
  return { port: isUdp ? `${port}/udp` : port, at: whole(listener) };
}

/** The instances of the target groups that a listener forwards to, with the port of the group or of the attachment. */
function targetsOf(all: Resources, listener: Resource): NonNullable<CloudMachine["targets"]> {
  const groups = new Set([
    ...all.linked(listener, ["default_action", 0, "target_group_arn"], TARGET_GROUPS),
    ...all.linked(listener, ["default_action", "target_group_arn"], TARGET_GROUPS),
  ]);
  return [...groups].flatMap((group) =>
    all
      .ofType("aws_lb_target_group_attachment", "aws_alb_target_group_attachment")
      .filter((one) => all.link(one, "target_group_arn", ...TARGET_GROUPS) === group)
      .flatMap((one) => {
        const machine = all.link(one, "target_id", "aws_instance");
        const port = text(one, "port") ?? text(group, "port");
        const isUdp = ["UDP", "TCP_UDP"].includes(text(group, "protocol") ?? "");
        return machine && port !== undefined ? [{ machine, port: Number(port), isUdp, at: whole(one) }] : [];
      }),
  );
}

/** Interface endpoints have an address in each subnet; gateway endpoints are routes to S3 and DynamoDB. */
export function endpoints(all: Resources): readonly Edge[] {
  return all
    .ofType("aws_vpc_endpoint")
    .filter((id) => text(id, "vpc_endpoint_type") === "Interface")
    .flatMap((id): Edge[] => {
      const interfaces = all
        .linked(id, ["subnet_ids"], SUBNETS)
        .map((subnet) => ({ subnet, addresses: [], at: whole(id) }));
      if (interfaces.length === 0) return [];
      const listens = [{ port: "443", at: whole(id) }];
      return [{ id, interfaces, isPublic: false, forwards: false, groups: groupsOf(all, id), listens }];
    });
}
