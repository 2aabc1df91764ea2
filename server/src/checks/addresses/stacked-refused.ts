import type { Check } from "../check.ts";
import { removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

const lan = (mtu: number): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  cni macvlan {
    range 192.168.10.128/25
    mtu ${mtu}
  }
  node n1 { attach lan 192.168.10.11 }
}
`;

export const stackedRefused: Check = {
  code: "KN163",
  name: "stacked-refused",
  family: "addresses",
  severity: "error",
  summary: "The macvlan or ipvlan plugin refuses to make a pod's interface.",
  documentation: `The pod stays in ContainerCreating with the quoted error: the node has no such \`master\`, the MTU is above that of the interface below, or a passthru interface
was to be made for a second pod (\`plugins/main/macvlan/macvlan.go\`).`,
  example: { bad: lan(9000), good: lan(1400) },
  message: ({ plugin, node, error }) => `${plugin} makes no interface for pods of ${node}: "${error}"`,
  fixes: (_, source) => {
    const { keyword } = source.statement;
    return keyword.text === "cni" ? [] : [removeFix(`Leave ${keyword.text} out`, sourceAt(source, "whole"))];
  },
};
