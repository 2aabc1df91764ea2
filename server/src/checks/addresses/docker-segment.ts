import type { Check } from "../../findings/check.ts";
import { overlapFindings } from "../../findings/overlaps.ts";
import { t } from "../../text/l10n.ts";

export const dockerSegment: Check<"KN105"> = {
  code: "KN105",
  name: "docker-segment-overlap",
  family: "addresses",
  severity: "error",
  summary: "A node's Docker bridge overlaps a segment that the node can reach.",
  documentation: `## What happens

The node has a connected route for the bridge. Packets to machines on the segment, from the node and from its pods, go
to \`docker0\`, where no machine replies. Common cause: a company network in 172.17.0.0/16 or 172.18.0.0/16.

## How to fix it

Set a different range for the bridge (\`bip\` and \`default-address-pools\` in \`/etc/docker/daemon.json\`).`,
  example: {
    bad: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
segment company { cidr 172.17.4.0/24 }
router core { attach dc 192.168.10.1; attach company 172.17.4.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.11; docker-bridge 172.17.0.1/16 }
}
`,
    good: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
segment company { cidr 172.17.4.0/24 }
router core { attach dc 192.168.10.1; attach company 172.17.4.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.11; docker-bridge 172.26.0.1/16 }
}
`,
  },
  run: (context) =>
    overlapFindings(dockerSegment, context, {
      kind: "docker-segment",
      blame: "a",
      consequence: () => t`packets to machines in the shared range go to \`docker0\``,
    }),
};
