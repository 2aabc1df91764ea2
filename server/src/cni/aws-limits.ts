/**
 * Network interfaces per machine and IPv4 addresses per interface of common instance types (amazon-vpc-cni-k8s
 * pkg/vpc/vpc_ip_resource_limit.go). For other types, the file sets `enis` and `ips-per-eni`.
 */
export interface EniLimits {
  readonly enis: number;
  readonly ips: number;
}

const limits = (enis: number, ips: number): EniLimits => ({ enis, ips });

export const ENI_LIMITS: ReadonlyMap<string, EniLimits> = new Map([
  ["t3.nano", limits(2, 2)],
  ["t3.micro", limits(2, 2)],
  ["t3.small", limits(3, 4)],
  ["t3.medium", limits(3, 6)],
  ["t3.large", limits(3, 12)],
  ["t3.xlarge", limits(4, 15)],
  ["t4g.medium", limits(3, 6)],
  ["c5.large", limits(3, 10)],
  ["c5.xlarge", limits(4, 15)],
  ["m5.large", limits(3, 10)],
  ["m5.xlarge", limits(4, 15)],
  ["m5.2xlarge", limits(4, 15)],
  ["m5.4xlarge", limits(8, 30)],
  ["m6i.large", limits(3, 10)],
  ["m6i.xlarge", limits(4, 15)],
  ["m7g.medium", limits(2, 4)],
  ["m7g.large", limits(3, 10)],
  ["m7i.large", limits(3, 10)],
  ["r5.large", limits(3, 10)],
]);
