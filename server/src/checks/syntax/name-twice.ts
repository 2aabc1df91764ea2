import { argumentWith, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { kindText, placeText } from "../../findings/names.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const nameTwice: Check<"KN013"> = {
  code: "KN013",
  name: "duplicate-name",
  family: "syntax",
  severity: "error",
  summary: "Two objects of the same kind have the same name.",
  documentation: `## What happens

knet uses the first declaration and ignores the second. Names must be unique:

- segments, routers, and hosts: in the topology, including all imported files
- nodes and namespaces: in their cluster
- pods and other workloads: in their namespace

The pool \`nodes w 1..3\` declares the nodes \`w1\`, \`w2\`, and \`w3\`.

## How to fix it

Rename one of the two objects.`,
  example: {
    bad: `segment lan { cidr 192.168.10.0/24 }
segment lan { cidr 192.168.11.0/24 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
segment lab { cidr 192.168.11.0/24 }
`,
  },
  message: ({ name, kind, context }) =>
    t`duplicate ${kindText(kind)} \`${name}\` in ${placeText(context)}; the first declaration is used`,
  fixes: ({ name }, source) => {
    const place = argumentWith(sourceAt(source, "whole"), (text) => text === name);
    if (typeof place.part !== "number") return [];
    return [replaceFix(t`Rename to \`${name}-2\``, place, `${name}-2`)];
  },
};
