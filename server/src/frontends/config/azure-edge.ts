/** VPN gateways, network interfaces, internal load balancers, and private endpoints of Azure (`az network …`). */
import type { FileProblem } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import type { CloudMachine, CloudVpn } from "./model.ts";
import { rangesAt } from "./ranges.ts";
import { type Field, field, inside, isTrue, items, type Resource, text, textOf, whole } from "./resource.ts";
import type { Resources } from "./resources.ts";

const SUBNET = "azurerm_subnet";
const GATEWAY = "azurerm_virtual_network_gateway";
const LOCAL = "azurerm_local_network_gateway";
const CONNECTION = "azurerm_virtual_network_gateway_connection";
const INTERFACE = "azurerm_network_interface";
const BALANCER = "azurerm_lb";

interface Found<T> {
  readonly found: readonly T[];
  readonly read: readonly Resource[];
}

/** `netOf`: the VNet of a subnet. */
export function azureVpns(
  all: Resources,
  netOf: (subnet: Resource) => Resource | undefined,
  problems: FileProblem[],
): Found<CloudVpn> {
  const read: Resource[] = [];
  const found = all.ofType(GATEWAY).flatMap((id): CloudVpn[] => {
    const [subnet] = items(id, "ip_configuration", "ipConfigurations").flatMap((one) => subnetAt(all, id, one) ?? []);
    const net = subnet && netOf(subnet);
    const own = all
      .ofType(CONNECTION)
      .filter((one) => linkOf(all, one, "virtual_network_gateway_id", "virtualNetworkGateway1", GATEWAY) === id);
    const peers = own.flatMap(
      (one) => linkOf(all, one, "local_network_gateway_id", "localNetworkGateway2", LOCAL) ?? [],
    );
    const remotes = peers.flatMap((peer) =>
      rangesAt(peer, [field(peer, ["localNetworkAddressSpace", "addressPrefixes"], "address_space")]),
    );
    if (!net || own.length === 0) return [];
    if (remotes.length === 0) {
      problems.push(
        assumed(
          id.object,
          t`the networks that ${id.object.name} connects are not in the input (BGP announces them): packets to it are dropped`,
        ),
      );
      return [];
    }
    read.push(id, ...own, ...peers);
    return [{ id, net, peer: peers[0], remotes }];
  });
  return { found, read };
}

/** Terraform has the ID as an argument, the command line in a record. */
function linkOf(all: Resources, id: Resource, argument: string, record: string, type: string): Resource | undefined {
  const known = text(id, [record, "id"]);
  return known === undefined ? all.link(id, argument, type) : all.withId(known, [type]);
}

function subnetAt(all: Resources, id: Resource, one: Field): Resource | undefined {
  const known = textOf(inside(one, ["subnet", "id"], "subnet_id"));
  if (known !== undefined) return all.withId(known, [SUBNET]);
  return all.link(id, [...one.path, "subnet_id"], SUBNET);
}

export function azureMachines(all: Resources, subnets: ReadonlySet<Resource>): Found<CloudMachine> {
  const found = [...interfaces(all), ...balancers(all), ...endpoints(all)].filter(({ interfaces: own }) =>
    own.every(({ subnet }) => subnets.has(subnet)),
  );
  // A network interface has the label of its machine, so it is another object.
  const objects = new Set(found.map(({ id }) => id.object));
  const isFound = (one: Resource | undefined): boolean => one !== undefined && objects.has(one.object);
  return {
    found,
    read: [
      ...all.ofType(INTERFACE, BALANCER, "azurerm_private_endpoint").filter(isFound),
      ...all
        .ofType("azurerm_lb_rule", "azurerm_lb_probe", "azurerm_lb_backend_address_pool")
        .filter((one) => isFound(all.link(one, "loadbalancer_id", BALANCER))),
      ...machineTypes(all).filter((one) => all.linked(one, ["network_interface_ids"], [INTERFACE]).some(isFound)),
    ],
  };
}

function machineTypes(all: Resources): readonly Resource[] {
  return all.ofType("azurerm_linux_virtual_machine", "azurerm_windows_virtual_machine", "azurerm_virtual_machine");
}

/** A network interface has the name of its virtual machine. */
function interfaces(all: Resources): readonly CloudMachine[] {
  return all
    .ofType(INTERFACE)
    .filter((id) => field(id, "privateEndpoint") === undefined)
    .flatMap((id): CloudMachine[] => {
      const configurations = items(id, "ip_configuration", "ipConfigurations");
      const own = configurations.flatMap((one) => interfaceAt(all, id, one));
      const machine = machineTypes(all).find((one) =>
        all.linked(one, ["network_interface_ids"], [INTERFACE]).includes(id),
      );
      if (own.length === 0) return [];
      return [
        {
          id: machine ? { ...id, label: machine.label } : id,
          interfaces: own,
          isPublic: configurations.some((one) => inside(one, "public_ip_address_id", "publicIPAddress") !== undefined),
          forwards: isTrue(id, "ip_forwarding_enabled", "enable_ip_forwarding"),
          rules: [],
        },
      ];
    });
}

function interfaceAt(all: Resources, id: Resource, one: Field): CloudMachine["interfaces"] {
  const subnet = subnetAt(all, id, one);
  const address = textOf(inside(one, "private_ip_address"));
  return subnet
    ? [{ subnet, addresses: address === undefined ? [] : [address], at: { resource: id, path: one.path } }]
    : [];
}

/** A frontend in a subnet; public frontends have no private address. */
function balancers(all: Resources): readonly CloudMachine[] {
  return all.ofType(BALANCER).flatMap((id): CloudMachine[] => {
    const own = items(id, "frontend_ip_configuration", "frontendIPConfigurations").flatMap((one) =>
      interfaceAt(all, id, one),
    );
    const rules = [
      ...all
        .ofType("azurerm_lb_rule")
        .filter((one) => all.link(one, "loadbalancer_id", BALANCER) === id)
        .map((rule) => ({ at: whole(rule), one: { value: rule.object.value, path: [] } })),
      ...items(id, "loadBalancingRules").map((one) => ({ at: { resource: id, path: one.path }, one })),
    ];
    const listens = rules.flatMap(({ at, one }) => {
      const port = textOf(inside(one, "frontend_port"));
      const isUdp = textOf(inside(one, "protocol"))?.toLowerCase() === "udp";
      return port === undefined || port === "0" ? [] : [{ port: isUdp ? `${port}/udp` : port, at }];
    });
    return own.length === 0 ? [] : [{ id, interfaces: own, isPublic: false, forwards: false, rules: [], listens }];
  });
}

function endpoints(all: Resources): readonly CloudMachine[] {
  return all.ofType("azurerm_private_endpoint").flatMap((id): CloudMachine[] => {
    const known = text(id, ["subnet", "id"]);
    const subnet = known === undefined ? all.link(id, "subnet_id", SUBNET) : all.withId(known, [SUBNET]);
    if (!subnet) return [];
    const address = text(
      id,
      ["private_service_connection", 0, "private_ip_address"],
      ["customDnsConfigs", 0, "ipAddresses", 0],
    );
    const own = [{ subnet, addresses: address === undefined ? [] : [address], at: whole(id) }];
    return [
      { id, interfaces: own, isPublic: false, forwards: false, rules: [], listens: [{ port: "443", at: whole(id) }] },
    ];
  });
}
