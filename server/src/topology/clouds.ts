/** Properties of a cloud's subnets: MTU and reserved addresses, as documented by the providers. */
import { addIp, type IpRange, lastAddress, type Prefix } from "../addressing/ip.ts";
import type { CloudName } from "./model.ts";

interface Cloud {
  readonly mtu: number;
  /** Reserved addresses at the beginning and at the end of each IPv4 prefix. */
  readonly first: number;
  readonly last: number;
}

/**
 * AWS "Subnet CIDR blocks": the first four and the last; Azure "Virtual network FAQ": the same five; Google "Subnets":
 * the first two and the last two. MTU: AWS 9001 inside a VPC, Azure 1500, Google 1460.
 */
export const CLOUDS: Readonly<Record<CloudName, Cloud>> = {
  aws: { mtu: 9001, first: 4, last: 1 },
  azure: { mtu: 1500, first: 4, last: 1 },
  gcp: { mtu: 1460, first: 2, last: 2 },
};

export function reservedIn(cloud: CloudName, cidr: Prefix): readonly IpRange[] {
  if (typeof cidr.ip !== "number") return [];
  const { first, last } = CLOUDS[cloud];
  const end = lastAddress(cidr);
  const from = addIp(cidr.ip, first - 1);
  const to = addIp(end, 1 - last);
  return from === undefined || to === undefined
    ? []
    : [
        { first: cidr.ip, last: from },
        { first: to, last: end },
      ];
}
