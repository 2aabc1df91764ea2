/** Resources that affect a network but are not modeled. */
import type { Resource } from "./resource.ts";

/** Terraform has thousands of types; these change where packets go or whether they pass. */
const UNREAD =
  /^(?:aws_(?:network_acl|network_acl_rule|default_network_acl|vpn_gateway|vpn_connection|vpn_connection_route|customer_gateway|dx_.*|vpc_endpoint|lb|alb|elb|ec2_transit_gateway_(?:peering_attachment|connect|policy_table|prefix_list_reference|vpc_attachment_accepter)|ec2_carrier_gateway|ec2_client_vpn_.*|networkfirewall_.*|networkmanager_.*|ec2_managed_prefix_list|vpclattice_.*|globalaccelerator_.*|autoscaling_group|launch_template|eks_fargate_profile)|azurerm_(?:firewall|firewall_.*|virtual_network_gateway|virtual_network_gateway_connection|local_network_gateway|vpn_.*|express_route_.*|virtual_wan|virtual_hub.*|lb|lb_.*|application_gateway|private_endpoint|bastion_host|network_interface|.*virtual_machine.*|kubernetes_cluster_node_pool_.*)|google_compute_(?:vpn_.*|router_peer|router_interface|interconnect_.*|forwarding_rule|global_forwarding_rule|ha_vpn_gateway|external_vpn_gateway|network_firewall_policy.*|firewall_policy.*|region_network_firewall_policy.*|instance_group_manager|region_instance_group_manager|service_attachment))$/;

export interface UnreadType {
  readonly first: Resource;
  readonly count: number;
}

/** `read`: resources of these types that are modeled. */
export function unreadTypes(all: readonly Resource[], read: ReadonlySet<Resource>): readonly UnreadType[] {
  const types = new Map<string, UnreadType>();
  for (const resource of all) {
    if (!UNREAD.test(resource.type) || read.has(resource)) continue;
    const known = types.get(resource.type);
    types.set(resource.type, { first: known?.first ?? resource, count: (known?.count ?? 0) + 1 });
  }
  return [...types.values()];
}
