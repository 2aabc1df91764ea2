import { holds, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { appendFix, removeFix, replaceFix } from "../../fixes/fix.ts";
import { clusterAt, nodeAt } from "../../questions/owner.ts";
import { t } from "../../text/l10n.ts";

export const flannelIface: Check<"KN224"> = {
  code: "KN224",
  name: "flannel-iface-unknown",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "flannel is configured with an interface that the node does not have.",
  documentation: `## What happens

flanneld exits with *error looking up interface* if \`--iface\` is not a device or an address of the node. The node then has no
pod network.

Interfaces are named \`eth0\`, \`eth1\`, … in the order of the \`attach\` statements.

## How to fix it

Set \`iface\` to an interface that the node has, attach the missing interface, or remove \`iface\`: flannel then uses the
interface of the default route.`,
  example: {
    bad: twoNodes("cni flannel {\n  iface eth1\n  backend vxlan\n}"),
    good: twoNodes("cni flannel {\n  iface eth0\n  backend vxlan\n}"),
  },
  message: ({ node, iface }) =>
    t`node \`${node}\` has no interface \`${iface}\`, so flanneld exits; interfaces are named \`eth0\`, \`eth1\`, … in order of \`attach\``,
  fixes: ({ node, iface }, source, { topology }) => {
    const found = nodeAt(topology, node);
    const own = found?.interfaces.map(({ device }) => device) ?? [];
    const cluster = clusterAt(topology, source);
    // If other nodes have the interface, only nodes of this kind (one statement) lack it.
    const others =
      cluster?.nodes.flatMap(({ interfaces }) => interfaces.filter(({ device }) => device === iface)) ?? [];
    const [lacking] = others;
    const isApart = found !== undefined && lacking !== undefined && !holds(found.source.decl, source.decl.handle);
    const aside = isApart ? own.slice(0, 2) : [];
    return [
      ...(isApart
        ? [
            appendFix(
              t`Attach \`${found.name}\` and similar nodes to \`${lacking.segment}\``,
              found.source,
              `attach ${lacking.segment}`,
            ),
          ]
        : []),
      ...aside.map((device) =>
        appendFix(
          t`Use \`iface ${device}\` on \`${found?.name ?? ""}\` and similar nodes`,
          found?.source ?? source,
          `cni flannel { iface ${device} }`,
        ),
      ),
      ...own.slice(0, 3).map((device) => replaceFix(t`Change to \`${device}\``, sourceAt(source, 0), device)),
      removeFix(t`Remove \`iface ${iface}\``, sourceAt(source, "whole")),
    ];
  },
};
