/** Instances, interfaces, load balancers, and endpoints. */
import type { FileProblem } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import { balancers, endpoints } from "./aws-balancers.ts";
import { addressOf, groupRules, groupsOf, SUBNETS } from "./aws-groups.ts";
import type { CloudMachine } from "./model.ts";
import { field, inside, isTrue, items, type Resource, text, textOf } from "./resource.ts";
import type { Resources } from "./resources.ts";

export function awsMachines(all: Resources, problems: FileProblem[]): readonly CloudMachine[] {
  const running = [...all.ofType("aws_instance").filter((id) => !isGone(id)), ...interfacesAlone(all)].filter(
    (id) => clusterOfInstance(all, id) === undefined,
  );
  const edges = [...balancers(all), ...endpoints(all)];
  const rules = groupRules(all, [...running, ...edges.map(({ id }) => id)], problems);
  const hosts = edges.map(
    ({ groups, ...host }): CloudMachine => ({
      ...host,
      rules: groups.flatMap((group) => rules.get(group) ?? []),
    }),
  );
  const machines = running.flatMap((id): CloudMachine[] => {
    const own = interfaceOf(all, id);
    const subnet = all.link(id, "subnet_id", ...SUBNETS) ?? (own && all.link(own, "subnet_id", ...SUBNETS));
    if (!subnet) {
      problems.push(assumed(id.object, t`the subnet of ${id.object.name} is not in the input: it is omitted`));
      return [];
    }
    const address = addressOf(id) ?? (own && addressOf(own));
    return [
      {
        id,
        interfaces: [{ subnet, addresses: address === undefined ? [] : [address], at: { resource: id, path: [] } }],
        isPublic: isPublic(all, id, subnet),
        forwards: field(id, "source_dest_check")?.value === false,
        rules: groupsOf(all, id).flatMap((group) => rules.get(group) ?? []),
      },
    ];
  });
  return [...machines.map((machine) => listening(machine, hosts)), ...hosts];
}

export function isGone(id: Resource): boolean {
  const state = text(id, ["State", "Name"], "instance_state");
  return state === "terminated" || state === "shutting-down";
}

/** A target of a load balancer listens on the port of its target group. */
function listening(machine: CloudMachine, hosts: readonly CloudMachine[]): CloudMachine {
  const own = hosts.flatMap(({ targets }) => (targets ?? []).filter((one) => one.machine === machine.id));
  const listens = own.map(({ port, isUdp, at }) => ({ port: isUdp ? `${port}/udp` : String(port), at }));
  return listens.length === 0 ? machine : { ...machine, listens };
}

/** The interface that an instance is created with. */
function interfaceOf(all: Resources, id: Resource): Resource | undefined {
  return all.link(id, ["network_interface", 0, "network_interface_id"], "aws_network_interface");
}

/** Tags of EKS and of self-managed nodes; the cluster is in the input. */
export function clusterOfInstance(all: Resources, id: Resource): Resource | undefined {
  const listed = items(id, "Tags").map((tag) => [textOf(inside(tag, "Key")) ?? "", textOf(inside(tag, "Value")) ?? ""]);
  const tags = listed.length > 0 && listed[0]?.[0] !== "" ? listed : Object.entries(field(id, "tags")?.value ?? {});
  for (const [key = "", value] of tags) {
    const own = key.startsWith("kubernetes.io/cluster/") ? key.slice("kubernetes.io/cluster/".length) : undefined;
    const name = own ?? (key === "eks:cluster-name" || key === "aws:eks:cluster-name" ? String(value) : undefined);
    const found = name === undefined ? undefined : all.withId(name, ["aws_eks_cluster"]);
    if (found) return found;
  }
  return undefined;
}

/** Interfaces that the cloud uses itself. */
const OF_CLOUD: ReadonlySet<string> = new Set(["nat_gateway", "transit_gateway", "gateway_load_balancer_endpoint"]);

/** Interfaces of load balancers, databases, and endpoints, and of instances that the input does not show. */
function interfacesAlone(all: Resources): readonly Resource[] {
  const primary = new Set(all.ofType("aws_instance").map((id) => interfaceOf(all, id)));
  return all.ofType("aws_network_interface").filter((id) => {
    const index = text(id, ["Attachment", "DeviceIndex"]) ?? "0";
    const instance = text(id, ["Attachment", "InstanceId"]);
    const isShown = instance !== undefined && all.withId(instance, ["aws_instance"]) !== undefined;
    const isAttached = all.linked(id, ["attachment", 0, "instance"], ["aws_instance"]).length > 0;
    return (
      !isShown && !isAttached && !primary.has(id) && index === "0" && !OF_CLOUD.has(text(id, "interface_type") ?? "")
    );
  });
}

/** A public address, an Elastic IP, or the default of the subnet. */
function isPublic(all: Resources, id: Resource, subnet: Resource): boolean {
  if (text(id, "public_ip", "PublicIpAddress", ["Association", "PublicIp"]) !== undefined) return true;
  const stated = field(id, "associate_public_ip_address")?.value;
  const elastic = all
    .ofType("aws_eip", "aws_eip_association")
    .some(
      (one) => all.link(one, "instance", "aws_instance") === id || all.link(one, "instance_id", "aws_instance") === id,
    );
  if (id.type === "aws_network_interface") return elastic;
  return elastic || stated === true || (stated !== false && isTrue(subnet, "map_public_ip_on_launch"));
}
