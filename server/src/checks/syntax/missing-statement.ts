import { formatPrefix, parsePrefix, prefixRange, rangesOverlap } from "../../addressing/ip.ts";
import { nextFree } from "../addresses/free.ts";
import { planOf } from "../addresses/plan.ts";
import type { Check } from "../check.ts";
import { appendFix } from "../finding.ts";

/** As kubeadm, flannel and kind have them. */
const USUAL: Readonly<Record<string, string>> = {
  pods: "10.244.0.0/16",
  services: "10.96.0.0/16",
  "services IPv6": "fd00:10:96::/112",
};

export const missingStatement: Check = {
  code: "KN011",
  name: "missing-statement",
  family: "syntax",
  severity: "error",
  summary: "A block lacks a statement that it cannot do without.",
  documentation: `A segment without \`cidr\` has no addresses to give, a cluster with pods needs a \`pods\` range. Without the statement what depends on it is left out.`,
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
  message: ({ keyword, context, family: of, service }) =>
    service === undefined
      ? `${context} needs a ${keyword} statement; add one to this block`
      : `service ${service} shall have an ${of} address, and ${context} has no ${of} range for services; add one (${keyword} PREFIX), or leave the family out`,
  fixes: ({ keyword, context, family: of }, _source, { topology }) => {
    const cluster = topology.clusters.find(({ name }) => `cluster ${name}` === context);
    const usual = parsePrefix(USUAL[`${keyword}${of === "IPv6" ? " IPv6" : ""}`] ?? "")?.prefix;
    if (!cluster || !usual) return [];
    const isFree = planOf(topology).ranges.every(
      ({ prefix }) => !rangesOverlap(prefixRange(prefix), prefixRange(usual)),
    );
    const range = isFree ? usual : nextFree(topology, usual);
    const line = range && `${keyword} ${formatPrefix(range)}`;
    return line ? [appendFix(`Add "${line}", which is free`, cluster.source, line)] : [];
  },
};
