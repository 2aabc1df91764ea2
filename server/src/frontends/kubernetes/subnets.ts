/** The subnets of the nodes, whose prefix lengths no object shows. */
import { type Ip, type Prefix, parseIp, prefixContains, prefixCovers, prefixOf } from "../../addressing/ip.ts";
import { at, textAt } from "../../text/json.ts";
import { dumpOf, type Objects } from "./evidence.ts";
import { internalIps, podCidrTexts } from "./object.ts";
import { programOf } from "./programs.ts";
import { podIps } from "./workloads.ts";

/** /64 for IPv6. For IPv4 the usual length, or wider if the node's pods have addresses of its subnet. */
export function subnetsOf(objects: Objects): (ip: Ip) => Prefix {
  const usual = usualLength(objects.nodes.flatMap((node) => internalIps(node).flatMap((text) => parseIp(text) ?? [])));
  const usualSubnet = (ip: Ip): Prefix => prefixOf(ip, typeof ip === "number" ? usual : 64);
  if (!sharesSubnets(objects)) return usualSubnet;
  const pods = new Map<string, Ip[]>();
  for (const { value } of objects.pods) {
    const node = textAt(value, "spec", "nodeName");
    if (node === undefined || at(value, "spec", "hostNetwork") === true) continue;
    pods.set(node, [...(pods.get(node) ?? []), ...podIps(value).flatMap((text) => parseIp(text) ?? [])]);
  }
  const subnets = objects.nodes.flatMap((node) =>
    internalIps(node).flatMap((text) => {
      const ip = parseIp(text);
      return ip === undefined ? [] : [containing(usualSubnet(ip), pods.get(node.name) ?? [])];
    }),
  );
  return (ip) => {
    const own = subnets.filter((subnet) => prefixContains(subnet, ip)).sort((a, b) => a.len - b.len);
    const [widest = usualSubnet(ip)] = own;
    return subnets.find((subnet) => prefixCovers(subnet, widest) && subnet.len < widest.len) ?? widest;
  };
}

/** Amazon VPC CNI, and Azure CNI without an overlay, in which nodes have a podCIDR. */
function sharesSubnets(objects: Objects): boolean {
  const dump = dumpOf(objects);
  const runs = (name: string): boolean => programOf(dump, (one) => one === name) !== undefined;
  return runs("aws-node") || (runs("azure-cns") && objects.nodes.every((node) => podCidrTexts(node).length === 0));
}

const WIDEST = 16;

/** /24, or the longest prefix for which no node has a network or broadcast address. */
function usualLength(nodes: readonly Ip[]): number {
  const ips = nodes.flatMap((ip) => (typeof ip === "number" ? ip : []));
  for (let len = 24; len >= WIDEST; len -= 1) {
    const size = 2 ** (32 - len);
    if (ips.every((ip) => ip % size !== 0 && ip % size !== size - 1)) return len;
  }
  return 24;
}

/** The smallest subnet from the usual one to /16 that contains the pods; pods elsewhere have addresses of another subnet. */
function containing(usual: Prefix, pods: readonly Ip[]): Prefix {
  const { ip } = usual;
  if (typeof ip !== "number") return usual;
  const widest = prefixOf(ip, WIDEST);
  const near = pods.filter((pod) => prefixContains(widest, pod));
  let { len } = usual;
  while (len > WIDEST && !near.every((pod) => prefixContains(prefixOf(ip, len), pod))) len -= 1;
  return prefixOf(ip, len);
}
