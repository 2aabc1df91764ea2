import { formatIp, network, parseIp } from "../../addressing/ip.ts";
import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix, replaceFix } from "../finding.ts";
import { childOf, sourceAt } from "../source.ts";
import { clusterAt } from "../topology.ts";

export const flannelConfig: Check = {
  code: "KN130",
  name: "flannel-config",
  family: "addresses",
  severity: "error",
  summary: "flanneld refuses its network configuration.",
  documentation: `With the etcd subnet manager flanneld checks \`Network\`, \`SubnetLen\`, \`SubnetMin\` and \`SubnetMax\` at its start and ends with
the quoted error (\`pkg/subnet/config.go\`, CheckNetworkConfig): the network must hold four subnets at least, a subnet may
not be smaller than /30, the first and the last one must lie in the network and on a subnet boundary.`,
  example: {
    bad: twoNodes(
      "cni flannel {\n  subnet-manager etcd\n  subnet-len /24\n  subnet-min 10.244.16.5\n  backend vxlan\n}",
    ),
    good: twoNodes(
      "cni flannel {\n  subnet-manager etcd\n  subnet-len /24\n  subnet-min 10.244.16.0\n  backend vxlan\n}",
    ),
  },
  message: ({ error }) => `flanneld does not start with this: "${error}"`,
  fixes: (_data, source, { topology }) => {
    const { keyword, args } = source.statement;
    const whole = sourceAt(source, "whole");
    const cni = clusterAt(topology, source)?.cni.source;
    if (!cni || !SUBNETS.has(keyword.text)) return [];
    const stated = childOf(cni, "subnet-len", 0);
    const len = Number(stated === cni ? 24 : stated.statement.args[0]?.text.replace("/", ""));
    const ip = parseIp(args[0]?.text ?? "");
    const boundary = ip !== undefined && keyword.text !== "subnet-len" ? formatIp(network(ip, len)) : undefined;
    return [
      ...(boundary === undefined || boundary === args[0]?.text
        ? []
        : [replaceFix(`Use ${boundary}, where a subnet begins`, sourceAt(source, 0), boundary)]),
      removeFix(`Leave ${keyword.text} out`, whole),
    ];
  },
};

const SUBNETS: ReadonlySet<string> = new Set(["subnet-len", "subnet-min", "subnet-max"]);
