import { nearestFew } from "../../language/nearest.ts";
import type { Topology } from "../../topology/model.ts";
import type { Check } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { suggestionHint } from "./suggestion.ts";

export const unknownName: Check = {
  code: "KN012",
  name: "unknown-name",
  family: "syntax",
  severity: "error",
  summary: "A name refers to something that is declared nowhere.",
  documentation: `Segments, routers and hosts are called by their name, nodes and pods by a path that is as long as needed: \`n1\`, \`prod/n1\`, \`shop/web\`,
\`prod/shop/web\`. What is declared in another file must be imported.`,
  example: {
    bad: `segment lan { cidr 192.168.10.0/24 }
host h1 { attach lna 192.168.10.11 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
host h1 { attach lan 192.168.10.11 }
`,
  },
  message: ({ name, kind, suggestion }) => `there is no ${kind} called ${name}${suggestionHint(suggestion)}`,
  fixes: ({ name, kind, suggestion }, source, { topology }) =>
    nearestFew(
      String(name),
      [...(suggestion === undefined ? [] : [String(suggestion)]), ...namesOf(topology, String(kind))],
      MOST,
    )
      .filter((one, i, all) => all.indexOf(one) === i)
      .map((one) => replaceFix(`Change to ${one}`, source, one)),
};

const MOST = 4;

function namesOf(topology: Topology, kind: string): readonly string[] {
  switch (kind) {
    case "segment":
      return [...topology.segments.keys()];
    case "router":
      return topology.routers.map(({ name }) => name);
    case "host":
      return topology.hosts.map(({ name }) => name);
    default:
      return [];
  }
}
