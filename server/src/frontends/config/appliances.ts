/**
 * Next hops that are machines: firewalls and NAT instances. A machine receives the packets of a route table from the link of
 * the network, and forwards them from its own subnet, with the route table of that subnet.
 */
import { parseIp, prefixContains } from "../../addressing/ip.ts";
import type { CloudMachine, CloudModel, CloudSubnet } from "./model.ts";
import type { Resource } from "./resource.ts";

export interface Appliance {
  readonly address: string;
  readonly subnet: CloudSubnet;
  /** Undefined if the input does not show it. */
  readonly machine: CloudMachine | undefined;
  /** The networks whose routes use it. */
  readonly nets: readonly Resource[];
}

export function appliancesOf(model: CloudModel): readonly Appliance[] {
  const found = new Map<string, Appliance>();
  for (const sender of model.subnets) {
    for (const { target } of sender.table.routes) {
      if (target.kind !== "address") continue;
      const subnet = subnetOf(model, sender.net, target.address);
      // A next hop in a subnet of the same router is directly connected.
      if (!subnet || isOneRouter(sender, subnet)) continue;
      const key = `${target.address} ${model.subnets.indexOf(subnet)}`;
      const known = found.get(key);
      const nets = new Set([...(known?.nets ?? []), sender.net]);
      const machine = model.machines.find(({ interfaces }) =>
        interfaces.some((one) => one.subnet === subnet.id && one.addresses.includes(target.address)),
      );
      found.set(key, { address: target.address, subnet, machine, nets: [...nets] });
    }
  }
  return [...found.values()];
}

function isOneRouter(a: CloudSubnet, b: CloudSubnet): boolean {
  return a.net === b.net && a.table.id === b.table.id && (a === b || (a.rules.length === 0 && b.rules.length === 0));
}

/** The subnet with the address, in the network or in a peered one. */
function subnetOf({ subnets, peerings }: CloudModel, net: Resource, address: string): CloudSubnet | undefined {
  const ip = parseIp(address);
  if (ip === undefined) return undefined;
  const peers = peerings.flatMap(({ nets }) => (nets.includes(net) ? nets : []));
  const holds = ({ ranges }: CloudSubnet): boolean => ranges.some(({ prefix }) => prefixContains(prefix, ip));
  return (
    subnets.find((one) => one.net === net && holds(one)) ??
    subnets.find((one) => one.net !== net && peers.includes(one.net) && holds(one))
  );
}
