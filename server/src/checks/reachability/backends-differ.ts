import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoRacks } from "../../findings/examples/nodes.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const backendsDiffer: Check<"KN221"> = {
  code: "KN221",
  name: "flannel-backends-differ",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "Nodes with different flannel backends ignore each other.",
  documentation: `## What happens

Each flanneld writes its \`backend-type\` to its node. A peer with a different backend type is skipped with a warning, and no
route to its pods is installed. The cluster splits into groups of nodes whose pods cannot reach each other.

## How to fix it

Use the same backend on all nodes. After changing the backend, restart flannel on every node.

## References

- flannel: \`pkg/subnet/kube/kube.go\``,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", { n2: "cni flannel { backend ipip }" }),
    good: twoRacks("cni flannel { backend vxlan }"),
  },
  message: ({ node, backend, peer, peerBackend }) =>
    t`node \`${node}\` uses backend \`${backend}\`, but node \`${peer}\` uses \`${peerBackend}\`: they ignore each other, and their pods cannot reach each other`,
  fixes: ({ node, peerBackend }, source) => [
    replaceFix(t`Change node \`${node}\` to backend \`${peerBackend}\``, sourceAt(source, 0), peerBackend),
  ],
};
