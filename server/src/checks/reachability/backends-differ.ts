import type { Check } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

export const backendsDiffer: Check = {
  code: "KN221",
  name: "flannel-backends-differ",
  family: "reachability",
  severity: "error",
  summary: "Nodes with different flannel backends ignore each other.",
  documentation: `Each flanneld writes its \`backend-type\` on its node; a peer with another one is skipped with a warning and gets no route
(\`pkg/subnet/kube/kube.go\`). The cluster falls into parts that cannot reach each other's pods.

Give all nodes the same backend. After a change of the backend restart flannel on every node.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", { n2: "cni flannel { backend ipip }" }),
    good: twoRacks("cni flannel { backend vxlan }"),
  },
  message: ({ node, backend, peer, peerBackend }) =>
    `${node} has backend ${backend} and ${peer} has ${peerBackend}: they ignore each other, and their pods cannot meet; use one backend on all nodes`,
  fixes: ({ node, peerBackend }, source) => [
    replaceFix(`Use ${peerBackend} on ${node} too`, sourceAt(source, 0), String(peerBackend)),
  ],
};
