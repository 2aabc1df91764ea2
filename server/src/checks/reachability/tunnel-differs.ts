import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoRacks } from "../../findings/examples/nodes.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const tunnelDiffers: Check<"KN222"> = {
  code: "KN222",
  name: "flannel-tunnel-differs",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "Nodes use different VNIs or ports for the tunnel.",
  documentation: `## What happens

Both tunnel endpoints must use the same VNI and port. The receiving kernel does not decapsulate a packet that arrives on a
different UDP port, and silently drops a packet with an unknown VNI (\`vxlan_rcv\`). Port 8472 is the default of Linux and
flannel, 4789 the port assigned by IANA and used on Windows.

## How to fix it

Use the same VNI and port on all nodes.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", { n2: "cni flannel { backend vxlan { port 4789 } }" }),
    good: twoRacks("cni flannel { backend vxlan { port 4789 } }"),
  },
  message: ({ node, value, peer, peerValue }) =>
    t`node \`${node}\` uses ${value}, but node \`${peer}\` uses ${peerValue}: neither accepts the other's packets`,
  fixes: (_data, source) => [removeFix(t`Use the cluster's values`, sourceAt(source, "whole"))],
};
