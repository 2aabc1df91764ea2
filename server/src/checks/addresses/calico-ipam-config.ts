import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix, setFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { clusterAt } from "../topology.ts";

export const calicoIpamConfig: Check = {
  code: "KN155",
  name: "calico-ipam-config",
  family: "addresses",
  severity: "error",
  summary: "An IPAM configuration needs strict affinity.",
  documentation: `\`auto-allocate-blocks false\` and a limit of blocks for each node go with \`strict-affinity true\` only (libcalico-go/lib/ipam): a node that may not claim blocks would
otherwise borrow all its addresses.`,
  example: {
    bad: twoNodes("cni calico {\n  max-blocks-per-host 4\n}"),
    good: twoNodes("cni calico {\n  strict-affinity true\n  max-blocks-per-host 4\n}"),
  },
  message: ({ what }) => `${what} needs strict-affinity true: Calico refuses it without`,
  fixes: ({ what }, source, { topology }) => {
    const cni = clusterAt(topology, source)?.cni.source;
    return [
      ...(cni ? [setFix("Set strict-affinity", cni, "strict-affinity", "true")] : []),
      removeFix(`Leave ${what} out`, sourceAt(source, "whole")),
    ];
  },
};
