import type { Check } from "../../findings/check.ts";
import { twoRacks } from "../../findings/examples/nodes.ts";
import { machineText } from "../../findings/machines.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const routeExists: Check<"KN212"> = {
  code: "KN212",
  name: "route-exists",
  family: "reachability",
  severity: "warning",
  explains: ["lost-packets"],
  summary: "Two routes have the same destination and metric.",
  documentation: `## What happens

\`ip route add\` fails with *File exists*; the first route remains. Connected routes are added first, then the route to the
segment's gateway, then the static routes in file order.

## How to fix it

Remove the second route, set a different \`metric\` on it, or list both next hops in one statement for equal-cost multipath.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", {
      n1: "route 10.9.0.0/16 via 192.168.10.1; route 10.9.0.0/16 via 192.168.10.2",
    }),
    good: twoRacks("cni flannel { backend vxlan }", { n1: "route 10.9.0.0/16 via 192.168.10.1 192.168.10.2" }),
  },
  message: ({ station, dst }) =>
    t`${machineText(station)} already has a route to ${dst} with this metric: the kernel rejects the second route ("File exists"); set a different \`metric\``,
  fixes: ({ dst }, source) => [removeFix(t`Remove the second route to ${dst}`, { ...source, part: "whole" })],
};
