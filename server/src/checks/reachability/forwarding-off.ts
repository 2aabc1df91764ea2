import { reportCauses, whoCannot } from "../../findings/causes.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { machineAt } from "../../findings/machines.ts";
import { replaceFix } from "../../fixes/fix.ts";
import type { Cause } from "../../questions/causes.ts";
import { t } from "../../text/l10n.ts";

const node = (value: number): string => `node n3 { attach lan 192.168.10.13; sysctl net.ipv4.ip_forward ${value} }
pod c on n3`;

export const forwardingOff: Check<"KN206"> = {
  code: "KN206",
  name: "ip-forward-off",
  family: "reachability",
  severity: "error",
  summary: "A node or router does not forward packets.",
  documentation: `## What happens

With \`net.ipv4.ip_forward=0\`, a machine accepts only packets to its own addresses. Packets to and from its pods are dropped
silently (no ICMP error). Pods on the same node still reach each other over their bridge, so the fault seems to be on the
other nodes.

kubelet and the CNI plugins enable forwarding; hardening guides and \`sysctl --system\` disable it again.

## How to fix it

Set the sysctl to 1, and check that no file in \`/etc/sysctl.d\` sets it to 0.

## References

- Linux: \`ip_rcv_finish\``,
  example: {
    bad: twoNodes("cni flannel { backend vxlan }", node(0)),
    good: twoNodes("cni flannel { backend vxlan }", node(1)),
  },
  run: function* (context) {
    for (const one of reportCauses(forwardingOff, context, {
      kind: "forwarding-off",
      message: (cause) => {
        const machine = machineAt(context.topology, netnsOf(cause));
        const [name, value] = cause.source.decl.values;
        return name && value?.text === "0"
          ? t`${machine} does not forward packets (\`${name.text}\` is 0): ${whoCannot(cause)}`
          : t`${machine} does not forward packets: ${whoCannot(cause)}`;
      },
    })) {
      yield one.source.decl.values[1]?.text === "0"
        ? { ...one, fixes: [replaceFix(t`Change to 1`, { ...one.source, part: 1 }, "1")] }
        : one;
    }
  },
};

/** The machine that does not forward. A pod without an ARP reply from its gateway fails in its own netns; the cause is its node. */
function netnsOf({ example: { reason, probe } }: Cause): string | undefined {
  const end = [probe.from, probe.to].find(({ kind, netns }) => kind === "pod" && netns === reason?.netns);
  return end?.node.path ?? reason?.netns;
}
