/** The subnets of the nodes, whose prefix lengths no object shows. */
import { type Ip, type Prefix, parseIp, prefixContains, prefixCovers, prefixOf } from "../../addressing/ip.ts";
import { dumpOf, type Objects } from "./evidence.ts";
import { at, textAt } from "./json.ts";
import { internalIps, podCidrTexts } from "./object.ts";
import { programOf } from "./programs.ts";
import { podIps } from "./workloads.ts";

/** /64 for IPv6. For IPv4 /24, or wider if the node's pods have addresses of its subnet. */
export function subnetsOf(objects: Objects): (ip: Ip) => Prefix {
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
      return ip === undefined ? [] : [containing(ip, pods.get(node.name) ?? [])];
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

function usualSubnet(ip: Ip): Prefix {
  return prefixOf(ip, typeof ip === "number" ? 24 : 64);
}

/** The smallest subnet from /24 to /16 that contains the pods; pods elsewhere have addresses of another subnet. */
function containing(ip: Ip, pods: readonly Ip[]): Prefix {
  if (typeof ip !== "number") return usualSubnet(ip);
  const widest = prefixOf(ip, 16);
  const near = pods.filter((pod) => prefixContains(widest, pod));
  let len = 24;
  while (len > 16 && !near.every((pod) => prefixContains(prefixOf(ip, len), pod))) len -= 1;
  return prefixOf(ip, len);
}
