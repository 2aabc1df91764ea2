import type { Check, CheckContext, Finding } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { finding } from "../finding.ts";
import { endsOf } from "./failed.ts";

export const unclear: Check = {
  code: "KN702",
  name: "expectation-unclear",
  family: "expectations",
  severity: "error",
  summary: "An expectation has an end that no packet can have.",
  documentation: `A packet is sent by a pod, node, router or host with an address, and goes to one of these or to any address. A segment, a cluster or a namespace is no end; a pod
without a node or without an address is none either.`,
  example: {
    bad: `${twoNodes("cni flannel { backend vxlan }")}expect a -> lan reachable
`,
    good: `${twoNodes("cni flannel { backend vxlan }")}expect a -> n2 reachable
`,
  },
  *run(context: CheckContext): Iterable<Finding> {
    // Names that are unknown or ambiguous are reported where names are bound.
    const named = new Set([...context.found("KN012"), ...context.found("KN016")].map(({ source }) => source.statement));
    for (const expectation of context.topology.expectations) {
      if (named.has(expectation.source.statement)) continue;
      const ends = endsOf(context, expectation);
      if (typeof ends === "string") yield finding(unclear, expectation.source, `this cannot be tried: ${ends}`);
    }
  },
};
