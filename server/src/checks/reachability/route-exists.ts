import type { Check } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { removeFix } from "../finding.ts";

export const routeExists: Check = {
  code: "KN212",
  name: "route-exists",
  family: "reachability",
  severity: "warning",
  summary: "A second route to the same destination with the same metric is refused.",
  documentation: `\`ip route add\` answers *File exists*; whichever route came first stays. Connected routes come first, then a segment's gateway, then
the file's routes in their order. Give the second one a \`metric\`, or both next hops in one statement for equal-cost multipath.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", {
      n1: "route 10.9.0.0/16 via 192.168.10.1; route 10.9.0.0/16 via 192.168.10.2",
    }),
    good: twoRacks("cni flannel { backend vxlan }", { n1: "route 10.9.0.0/16 via 192.168.10.1 192.168.10.2" }),
  },
  message: ({ station, dst }) =>
    `${station} has a route to ${dst} already, so this one is refused ("File exists"); give it a metric, or remove it`,
  fixes: ({ dst }, source) => [removeFix(`Remove the second route to ${dst}`, { ...source, part: "whole" })],
};
