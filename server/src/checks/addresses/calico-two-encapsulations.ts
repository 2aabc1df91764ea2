import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { clusterAt, holds } from "../topology.ts";

export const calicoTwoEncapsulations: Check = {
  code: "KN153",
  name: "calico-two-encapsulations",
  family: "addresses",
  severity: "error",
  summary: "An IP pool has both IPIP and VXLAN.",
  documentation: `A pool has one encapsulation: with \`ipip\` and \`vxlan\` both other than \`never\` Calico refuses it (*ipipMode and vxlanMode cannot both be enabled*). Take VXLAN where
protocol 4 does not pass, as in Azure; IPIP costs 30 bytes less.`,
  example: {
    bad: twoNodes("cni calico {\n  pool a 10.244.0.0/16 {\n    ipip always\n    vxlan cross-subnet\n  }\n}"),
    good: twoNodes("cni calico {\n  pool a 10.244.0.0/16 { vxlan cross-subnet }\n}"),
  },
  message: ({ pool, ipip, vxlan }) =>
    `pool ${pool} has ipip ${ipip} and vxlan ${vxlan}: Calico refuses it; a pool has one encapsulation`,
  fixes: (_, source, { topology }) => {
    const pool = clusterAt(topology, source)?.cni.source.statement.block?.statements.find((one) =>
      holds(one, source.statement),
    );
    const parts = pool?.block?.statements ?? [];
    return ["ipip", "vxlan"].flatMap((keyword) => {
      const other = parts.find((one) => one.keyword.text !== keyword && ["ipip", "vxlan"].includes(one.keyword.text));
      return other ? [removeFix(`Keep ${keyword}`, { ...source, statement: other, part: "whole" })] : [];
    });
  },
};
