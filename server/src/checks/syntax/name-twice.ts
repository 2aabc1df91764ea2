import type { Check } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { argumentWith, sourceAt } from "../source.ts";

export const nameTwice: Check = {
  code: "KN013",
  name: "duplicate-name",
  family: "syntax",
  severity: "error",
  summary: "Two things of one kind have the same name.",
  documentation: `The first one counts. Names of segments, routers and hosts are unique in a topology with all its files, those of nodes and namespaces in their
cluster, those of pods and other workloads in their namespace. A pool \`nodes w 1..3\` declares w1, w2 and w3.`,
  example: {
    bad: `segment lan { cidr 192.168.10.0/24 }
segment lan { cidr 192.168.11.0/24 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
segment lab { cidr 192.168.11.0/24 }
`,
  },
  message: ({ name, kind, context }) =>
    `${context} has a ${kind} called ${name} already, which counts; give this one another name`,
  fixes: ({ name }, source) => {
    const place = argumentWith(sourceAt(source, "whole"), (text) => text === name);
    if (typeof place.part !== "number") return [];
    return [replaceFix(`Call it ${name}-2`, place, `${name}-2`)];
  },
};
