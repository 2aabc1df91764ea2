import { holds } from "../../declared/navigate.ts";
import { sourceIn } from "../../declared/origin.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix } from "../../fixes/fix.ts";
import { clusterAt } from "../../questions/owner.ts";
import { t } from "../../text/l10n.ts";

export const calicoTwoEncapsulations: Check<"KN153"> = {
  code: "KN153",
  name: "calico-two-encapsulations",
  family: "addresses",
  severity: "error",
  summary: "An IP pool enables both IPIP and VXLAN.",
  documentation: `## What happens

A pool has a single encapsulation. If both \`ipip\` and \`vxlan\` have a value other than \`never\`, Calico rejects the pool:
*ipipMode and vxlanMode cannot both be enabled*.

## How to fix it

Keep one of the two. Use VXLAN if the network drops IP protocol 4, as in Azure. IPIP has 30 bytes less overhead.`,
  example: {
    bad: twoNodes("cni calico {\n  pool a 10.244.0.0/16 {\n    ipip always\n    vxlan cross-subnet\n  }\n}"),
    good: twoNodes("cni calico {\n  pool a 10.244.0.0/16 { vxlan cross-subnet }\n}"),
  },
  message: ({ pool, ipip, vxlan }) =>
    t`pool \`${pool}\` sets both \`ipip ${ipip}\` and \`vxlan ${vxlan}\`: Calico rejects the pool`,
  fixes: (_, source, { topology }) => {
    const pool = clusterAt(topology, source)?.cni.source.decl.children.find((one) => holds(one, source.decl.handle));
    return ["ipip", "vxlan"].flatMap((keyword) => {
      const other = pool?.children.find(({ spec }) => spec?.keyword === (keyword === "ipip" ? "vxlan" : "ipip"));
      return other ? [removeFix(t`Keep \`${keyword}\` only`, sourceIn(source, other))] : [];
    });
  },
};
