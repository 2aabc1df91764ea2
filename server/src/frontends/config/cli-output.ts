/**
 * The output of the cloud providers' command lines as resources with the types of Terraform: `aws ec2 describe-…`,
 * `aws eks describe-cluster`, `az network … show|list`, `az aks show|list`, `gcloud … describe|list --format=json`.
 */

import { isRecord, type Json, type JsonRecord, listAt, type Path, textAt } from "../../text/json.ts";
import { entryOf } from "../../text/table.ts";
import { fieldIn, type Resource, textOf } from "./resource.ts";
import type { SourceText } from "./terraform.ts";

/** The lists of `aws ec2 describe-…`, and the field that identifies their items. */
const AWS_LISTS: Readonly<Record<string, readonly [type: string, id: string]>> = {
  Vpcs: ["aws_vpc", "VpcId"],
  Subnets: ["aws_subnet", "SubnetId"],
  RouteTables: ["aws_route_table", "RouteTableId"],
  InternetGateways: ["aws_internet_gateway", "InternetGatewayId"],
  EgressOnlyInternetGateways: ["aws_egress_only_internet_gateway", "EgressOnlyInternetGatewayId"],
  NatGateways: ["aws_nat_gateway", "NatGatewayId"],
  VpcPeeringConnections: ["aws_vpc_peering_connection", "VpcPeeringConnectionId"],
  TransitGateways: ["aws_ec2_transit_gateway", "TransitGatewayId"],
  TransitGatewayVpcAttachments: ["aws_ec2_transit_gateway_vpc_attachment", "TransitGatewayAttachmentId"],
  TransitGatewayRouteTables: ["aws_ec2_transit_gateway_route_table", "TransitGatewayRouteTableId"],
  SecurityGroups: ["aws_security_group", "GroupId"],
  NetworkInterfaces: ["aws_network_interface", "NetworkInterfaceId"],
  NetworkAcls: ["aws_network_acl", "NetworkAclId"],
  VpcEndpoints: ["aws_vpc_endpoint", "VpcEndpointId"],
  VpnGateways: ["aws_vpn_gateway", "VpnGatewayId"],
  VpnConnections: ["aws_vpn_connection", "VpnConnectionId"],
  CustomerGateways: ["aws_customer_gateway", "CustomerGatewayId"],
  LoadBalancers: ["aws_lb", "LoadBalancerArn"],
  Listeners: ["aws_lb_listener", "ListenerArn"],
};

/** The resource types of Azure IDs (`…/providers/Microsoft.Network/virtualNetworks/hub`), in lower case. */
const AZURE_TYPES: Readonly<Record<string, string>> = {
  "microsoft.network/virtualnetworks": "azurerm_virtual_network",
  "microsoft.network/virtualnetworks/subnets": "azurerm_subnet",
  "microsoft.network/virtualnetworks/virtualnetworkpeerings": "azurerm_virtual_network_peering",
  "microsoft.network/routetables": "azurerm_route_table",
  "microsoft.network/networksecuritygroups": "azurerm_network_security_group",
  "microsoft.network/natgateways": "azurerm_nat_gateway",
  "microsoft.network/azurefirewalls": "azurerm_firewall",
  "microsoft.network/virtualnetworkgateways": "azurerm_virtual_network_gateway",
  "microsoft.network/localnetworkgateways": "azurerm_local_network_gateway",
  "microsoft.network/connections": "azurerm_virtual_network_gateway_connection",
  "microsoft.network/loadbalancers": "azurerm_lb",
  "microsoft.network/privateendpoints": "azurerm_private_endpoint",
  "microsoft.network/networkinterfaces": "azurerm_network_interface",
  "microsoft.containerservice/managedclusters": "azurerm_kubernetes_cluster",
};

/** The `kind` of Google's resources, except clusters. */
const GOOGLE_KINDS: Readonly<Record<string, string>> = {
  "compute#network": "google_compute_network",
  "compute#subnetwork": "google_compute_subnetwork",
  "compute#route": "google_compute_route",
  "compute#firewall": "google_compute_firewall",
  "compute#router": "google_compute_router",
  "compute#instance": "google_compute_instance",
  "compute#forwardingRule": "google_compute_forwarding_rule",
  "compute#vpnTunnel": "google_compute_vpn_tunnel",
  "compute#targetVpnGateway": "google_compute_vpn_gateway",
  "compute#vpnGateway": "google_compute_ha_vpn_gateway",
  "compute#externalVpnGateway": "google_compute_external_vpn_gateway",
};

/** Undefined if the value is not the output of one of these commands. */
export function cliResources(source: SourceText, value: Json): readonly Resource[] | undefined {
  const found = Array.isArray(value)
    ? (value as readonly Json[]).flatMap((one, index) => singleResource(source, one, [index]))
    : [...awsResources(source, value), ...singleResource(source, value, [])];
  return found.length > 0 || isEmptyList(value) ? found : undefined;
}

/** A describe command without results. */
function isEmptyList(value: Json): boolean {
  return isRecord(value) && Object.keys(AWS_LISTS).some((name) => Array.isArray(value[name]));
}

function awsResources(source: SourceText, value: Json): readonly Resource[] {
  if (!isRecord(value)) return [];
  const lists = Object.entries(AWS_LISTS).flatMap(([name, [type, id]]) =>
    listAt(value, name).flatMap((one, index) =>
      isRecord(one) ? resourceAt(source, { type, id, record: one, path: [name, index] }) : [],
    ),
  );
  const instances = listAt(value, "Reservations").flatMap((one, outer) =>
    listAt(one, "Instances").flatMap((record, index) =>
      isRecord(record)
        ? resourceAt(source, {
            type: "aws_instance",
            id: "InstanceId",
            record,
            path: ["Reservations", outer, "Instances", index],
          })
        : [],
    ),
  );
  return [...lists, ...instances];
}

/** One resource that says itself what it is. */
function singleResource(source: SourceText, record: Json, path: Path): readonly Resource[] {
  if (!isRecord(record)) return [];
  const wrapped = record["cluster"];
  if (isRecord(wrapped) && isRecord(wrapped["resourcesVpcConfig"]))
    return resourceAt(source, { type: "aws_eks_cluster", id: "name", record: wrapped, path: [...path, "cluster"] });
  const group = record["nodegroup"];
  if (isRecord(group) && textAt(group, "nodegroupName") !== undefined)
    return resourceAt(source, {
      type: "aws_eks_node_group",
      id: "nodegroupName",
      record: group,
      path: [...path, "nodegroup"],
    });
  const type = ownType(record);
  return type === undefined ? [] : resourceAt(source, { type, id: "name", record, path });
}

function ownType(record: JsonRecord): string | undefined {
  const id = textAt(record, "id");
  const provider = id === undefined ? undefined : azureType(id);
  if (provider !== undefined) return entryOf(AZURE_TYPES, provider);
  const kind = textAt(record, "kind");
  if (kind !== undefined && Object.hasOwn(GOOGLE_KINDS, kind)) return GOOGLE_KINDS[kind];
  return textAt(record, "servicesIpv4Cidr") !== undefined && textAt(record, "name") !== undefined
    ? "google_container_cluster"
    : undefined;
}

/** "microsoft.network/virtualnetworks/subnets" of an ID; undefined for other texts. */
function azureType(id: string): string | undefined {
  const [, after] = /^\/subscriptions\/.*\/providers\/(.+)$/i.exec(id) ?? [];
  if (after === undefined) return undefined;
  const [namespace = "", ...steps] = after.toLowerCase().split("/");
  return [namespace, ...steps.filter((_, index) => index % 2 === 0)].join("/");
}

interface Item {
  readonly type: string;
  /** The field that identifies the resource. */
  readonly id: string;
  readonly record: JsonRecord;
  readonly path: Path;
}

function resourceAt(source: SourceText, { type, id, record, path }: Item): readonly Resource[] {
  const name = textAt(record, id) ?? type;
  const resource: Resource = {
    object: {
      file: source.file,
      apiVersion: "cli",
      kind: type,
      namespace: undefined,
      name,
      value: record,
      locate: (inner) => source.find([...path, ...(inner.length === 0 ? [id] : inner)]),
    },
    type,
    label: tagName(record) ?? name,
    references: undefined,
  };
  return [resource, ...nested(source, resource, path)];
}

/** AWS names resources by a tag. */
function tagName(record: JsonRecord): string | undefined {
  const tag = listAt(record, "Tags").find((one) => textAt(one, "Key") === "Name");
  const value = textAt(tag, "Value");
  return value === "" ? undefined : value;
}

/** Azure shows subnets and peerings inside their network. */
function nested(source: SourceText, { type, object }: Resource, path: Path): readonly Resource[] {
  if (type !== "azurerm_virtual_network") return [];
  return (["subnets", "virtualNetworkPeerings"] as const).flatMap((name) =>
    listAt(object.value, name).flatMap((one, index) => singleResource(source, one, [...path, name, index])),
  );
}

/** The ID of the network that contains a subnet or a peering: `…/virtualNetworks/hub/subnets/a`. */
export function azureParent(resource: Resource): string | undefined {
  const id = textOf(fieldIn(resource.object.value, "id"));
  return id === undefined ? undefined : /^(.*\/virtualNetworks\/[^/]+)\/[^/]+\/[^/]+$/i.exec(id)?.[1];
}
