import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { replaceFix } from "../finding.ts";
import type { Cause } from "./causes.ts";
import { reportCauses, whoCannot } from "./report.ts";

const node = (value: number): string => `node n3 { attach lan 192.168.10.13; sysctl net.ipv4.ip_forward ${value} }
pod c on n3`;

export const forwardingOff: Check & { readonly code: "KN206" } = {
  code: "KN206",
  name: "ip-forward-off",
  family: "reachability",
  severity: "error",
  summary: "A node or router does not forward packets.",
  documentation: `With \`net.ipv4.ip_forward=0\` a machine takes only packets for its own addresses; what arrives for its pods, or comes from them, is dropped without a word
(ip_rcv_finish). Pods of one node still meet on their bridge, which makes it look like a fault of the other nodes. kubelet and the CNI
plugins turn it on; hardening guides and \`sysctl --system\` turn it off again.`,
  example: {
    bad: twoNodes("cni flannel { backend vxlan }", node(0)),
    good: twoNodes("cni flannel { backend vxlan }", node(1)),
  },
  run: function* (context) {
    for (const one of reportCauses(
      forwardingOff,
      context,
      (cause) => `${whoDoesNot(cause)} does not forward packets, so ${whoCannot(cause)}; set it to 1`,
    )) {
      const { statement } = one.source;
      yield statement.args[1]?.text === "0"
        ? { ...one, fixes: [replaceFix("Change to 1", { ...one.source, part: 1 }, "1")] }
        : one;
    }
  },
};

/** A pod that finds no gateway is lost in its own namespace: it is its node that does not answer. */
function whoDoesNot({ example: { reason, probe } }: Cause): string {
  const end = [probe.from, probe.to].find(({ kind, netns }) => kind === "pod" && netns === reason?.netns);
  return end?.node.path ?? reason?.netns ?? "this station";
}
