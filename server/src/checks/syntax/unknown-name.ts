import { nearestFew } from "../../language/nearest.ts";
import { t } from "../../text/l10n.ts";
import type { Topology } from "../../topology/model.ts";
import type { Check } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { kindText } from "./names.ts";

export const unknownName: Check = {
  code: "KN012",
  name: "unknown-name",
  family: "syntax",
  severity: "error",
  summary: "A name is not declared.",
  documentation: `## What happens

The statement refers to an object that no statement declares. knet ignores the reference.

## How to fix it

Check the spelling, declare the object, or import the file that declares it. Refer to segments, routers, and hosts by
name. Refer to nodes and pods by a path that is as long as necessary: \`n1\`, \`prod/n1\`, \`shop/web\`, \`prod/shop/web\`.`,
  example: {
    bad: `segment lan { cidr 192.168.10.0/24 }
host h1 { attach lna 192.168.10.11 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
host h1 { attach lan 192.168.10.11 }
`,
  },
  message: ({ name, kind, suggestion }) =>
    suggestion === undefined
      ? t`${kindText(kind)} \`${name}\` is not declared`
      : t`${kindText(kind)} \`${name}\` is not declared; did you mean \`${suggestion}\`?`,
  fixes: ({ name, kind, suggestion }, source, { topology }) =>
    nearestFew(
      String(name),
      [...(suggestion === undefined ? [] : [String(suggestion)]), ...namesOf(topology, String(kind))],
      MOST,
    )
      .filter((one, i, all) => all.indexOf(one) === i)
      .map((one) => replaceFix(t`Change to \`${one}\``, source, one)),
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
