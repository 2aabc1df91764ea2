/** pkg/subnet/config.go CheckNetworkConfig: the leases that the etcd manager allocates, and the settings it rejects. */

import { formatIp, type Ip, lastAddress, nthSubnet, type Prefix, prefixContains } from "../../addressing/ip.ts";
import type { NodeRange } from "../../topology/addressing.ts";
import { familyOf } from "../host.ts";
import { blockOf } from "../hostlocal.ts";
import type { FlannelSettings } from "./settings.ts";

export interface SubnetPlan {
  /** flannel's own text; undefined = accepted. `setting` is the keyword that the error is about. */
  readonly error: { readonly text: string; readonly setting: string } | undefined;
  readonly ranges: readonly NodeRange[];
}

/**
 * Limits per family: longest subnet, longest network without SubnetLen, the default subnet, the longest network that
 * uses it.
 */
const LIMITS = {
  4: {
    maxLen: 30,
    tooLong: "SubnetLen must be less than /31",
    minNetwork: 28,
    usual: 24,
    roomy: 22,
    prefix: "",
    small: "network",
  },
  6: {
    maxLen: 126,
    tooLong: "SubnetLen must be less than /127",
    minNetwork: 124,
    usual: 64,
    roomy: 62,
    prefix: "IPv6",
    small: "IPv6Network",
  },
} as const;

export function etcdPlan(settings: FlannelSettings): SubnetPlan {
  const networks = [settings.network4, settings.network6].filter((network) => network !== undefined);
  if (networks.length === 0) {
    return {
      error: { text: "please define a correct Network parameter in the flannel config", setting: "network" },
      ranges: [],
    };
  }
  const ranges: NodeRange[] = [];
  for (const network of networks) {
    const made = planOf(settings, network);
    if ("text" in made) return { error: made, ranges: [] };
    ranges.push(made);
  }
  return { error: undefined, ranges };
}

function planOf(
  settings: FlannelSettings,
  network: Prefix,
): NodeRange | { readonly text: string; readonly setting: string } {
  const family = familyOf(network.ip);
  const limits = LIMITS[family];
  // The file has one subnet-len: up to 32 it is for IPv4, above 32 for IPv6.
  const len =
    settings.subnetLen !== undefined && (family === 4) === settings.subnetLen <= 32 ? settings.subnetLen : undefined;
  if (len !== undefined) {
    if (len > limits.maxLen) return { text: limits.tooLong, setting: "subnet-len" };
    if (len < network.len + 2)
      return { text: "network must be able to accommodate at least four subnets", setting: "subnet-len" };
  } else if (network.len > limits.minNetwork) {
    return {
      text: `${limits.small} is too small. Minimum useful network prefix is /${limits.minNetwork}`,
      setting: "network",
    };
  }
  const perNode = len ?? (network.len <= limits.roomy ? limits.usual : network.len + 2);
  const second = nthSubnet(network, perNode, 1)?.ip ?? network.ip;
  const given = (ip: Ip | undefined) => (ip !== undefined && familyOf(ip) === family ? ip : undefined);
  const min = given(settings.subnetMin);
  const max = given(settings.subnetMax);
  for (const [name, setting, ip] of [
    ["SubnetMin", "subnet-min", min],
    ["SubnetMax", "subnet-max", max],
  ] as const) {
    if (ip !== undefined && !prefixContains(network, ip)) {
      return { text: `${limits.prefix}${name} is not in the range of the ${limits.prefix}Network`, setting };
    }
  }
  for (const [name, setting, ip] of [
    ["SubnetMin", "subnet-min", min],
    ["SubnetMax", "subnet-max", max],
  ] as const) {
    if (ip !== undefined && blockOf(ip, perNode) !== ip) {
      return { text: `${limits.prefix}${name} is not on a SubnetLen boundary: ${formatIp(ip)}`, setting };
    }
  }
  // The first subnet is skipped: its network address is also the network address of the whole network.
  return {
    within: network,
    perNode,
    first: min ?? second,
    last: max ?? blockOf(lastAddress(network), perNode),
    sameForAll: false,
    // flanneld ignores the service CIDRs.
    avoidsServices: false,
  };
}
