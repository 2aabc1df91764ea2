import { formatPrefix, parsePrefix, prefixRange, rangesOverlap } from "../../addressing/ip.ts";
import type { Check } from "../../findings/check.ts";
import { placeText } from "../../findings/names.ts";
import { appendFix } from "../../fixes/fix.ts";
import { nextFree } from "../../questions/free.ts";
import { clusterAt } from "../../questions/owner.ts";
import { planOf } from "../../questions/plan.ts";
import { t } from "../../text/l10n.ts";

/** The ranges that the documentation of kubeadm, flannel, and kind uses. */
const USUAL: Readonly<Record<string, string>> = {
  pods: "10.244.0.0/16",
  services: "10.96.0.0/16",
  "services 6": "fd00:10:96::/112",
};

export const missingStatement: Check<"KN011"> = {
  code: "KN011",
  name: "missing-statement",
  family: "syntax",
  severity: "error",
  summary: "A required statement is missing from a block.",
  documentation: `## What happens

A segment without \`cidr\` has no addresses to allocate, and a cluster with pods requires a pod CIDR (\`pods\`). knet
ignores all objects that depend on the missing statement.

## How to fix it

Add the statement to the block.`,
  example: {
    bad: `segment lan {
  mtu 9000
}
`,
    good: `segment lan {
  cidr 192.168.10.0/24
  mtu 9000
}
`,
  },
  message: ({ keyword, context, service }) => {
    if (service === undefined) return t`${placeText(context)} requires a \`${keyword}\` statement`;
    const of = `IPv${service.family}`;
    return t`service \`${service.name}\` requests an ${of} address, but ${placeText(context)} has no ${of} service CIDR; add \`${keyword} PREFIX\`, or remove the family from the service`;
  },
  fixes: ({ keyword, service }, source, { topology }) => {
    const cluster = clusterAt(topology, source);
    const usual = parsePrefix(USUAL[service?.family === 6 ? `${keyword} 6` : keyword] ?? "")?.prefix;
    if (!cluster || !usual) return [];
    const isFree = planOf(topology).ranges.every(
      ({ prefix }) => !rangesOverlap(prefixRange(prefix), prefixRange(usual)),
    );
    const range = isFree ? usual : nextFree(topology, usual);
    const line = range && `${keyword} ${formatPrefix(range)}`;
    return line ? [appendFix(t`Add \`${line}\` (free)`, cluster.source, line)] : [];
  },
};
