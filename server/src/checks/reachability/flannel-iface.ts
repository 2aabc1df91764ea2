import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { appendFix, removeFix, replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { clusterAt, holds, nodeAt } from "../topology.ts";

export const flannelIface: Check = {
  code: "KN224",
  name: "flannel-iface-unknown",
  family: "reachability",
  severity: "error",
  summary: "flannel is told to use an interface that the node does not have.",
  documentation: `flanneld ends with *error looking up interface* where \`--iface\` names no device and no address of the node, and the node has no
pod network. Interfaces are called eth0, eth1 … in the order in which they are attached.`,
  example: {
    bad: twoNodes("cni flannel {\n  iface eth1\n  backend vxlan\n}"),
    good: twoNodes("cni flannel {\n  iface eth0\n  backend vxlan\n}"),
  },
  message: ({ node, iface }) =>
    `node ${node} has no interface ${iface}, so flanneld ends there; its interfaces are eth0, eth1 … in the order of attach`,
  fixes: ({ node, iface }, source, { topology }) => {
    const found = nodeAt(topology, String(node));
    const own = found?.interfaces.map(({ device }) => device) ?? [];
    const cluster = clusterAt(topology, source);
    // Where others have the interface, it is this kind of machine that lacks one.
    const others =
      cluster?.nodes.flatMap(({ interfaces }) => interfaces.filter(({ device }) => device === iface)) ?? [];
    const [lacking] = others;
    const isApart = found !== undefined && lacking !== undefined && !holds(found.source.statement, source.statement);
    const aside = isApart ? own.slice(0, 2) : [];
    return [
      ...(isApart
        ? [
            appendFix(
              `Attach ${found.name} and its like to ${lacking.segment}`,
              found.source,
              `attach ${lacking.segment}`,
            ),
          ]
        : []),
      ...aside.map((device) =>
        appendFix(
          `Let ${found?.name} and its like use ${device}`,
          found?.source ?? source,
          `cni flannel { iface ${device} }`,
        ),
      ),
      ...own.slice(0, 3).map((device) => replaceFix(`Use ${device}`, sourceAt(source, 0), device)),
      removeFix(`Leave iface ${iface} out`, sourceAt(source, "whole")),
    ];
  },
};
