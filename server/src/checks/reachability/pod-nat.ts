import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import type { Cluster } from "../../topology/model.ts";
import type { Check, Fix } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { replaceFix, setFix } from "../finding.ts";
import { childOf } from "../source.ts";
import { howMany, reportCauses } from "./report.ts";

export const podNat: Check & { readonly code: "KN203" } = {
  code: "KN203",
  name: "nat-between-pods",
  family: "reachability",
  severity: "warning",
  summary: "A pod sees another pod under a foreign address: there is NAT between pods.",
  documentation: `The model says: pods communicate without NAT, and the address that a pod sees of itself is the one that others see. With NAT in between NetworkPolicies on pod
addresses do not match, and logs show nodes instead of pods.

It happens with \`ip-masq\` of the bridge plugin, which masquerades everything that leaves the node's own range, other nodes' pods included; also with
flannel's \`--ip-masq=false\`, because the bridge plugin then masquerades in its place.`,
  example: {
    bad: twoNodes("cni bridge { ip-masq true }"),
    good: twoNodes("cni bridge { ip-masq false }"),
  },
  run: (context) =>
    reportCauses(
      podNat,
      context,
      (cause) => {
        const { from, to } = cause.example.probe;
        const seen = cause.example.failed.receiver?.src;
        const as = seen === undefined ? "another address" : formatIp(seen);
        return `${to.name} sees ${from.name} as ${as}, not as ${formatIp(from.ip)}${howMany(cause.pairs, cause.nodes)}: NAT between pods breaks the network model and NetworkPolicies; leave pod addresses alone inside the pod range`;
      },
      ({ example }) => {
        // The bridge plugin's masquerading spares no pods; flannel's does, and takes its place.
        const { source } = example.probe.cluster.cni;
        const set = childOf(source, "ip-masq", 0);
        if (set === source || typeof set.part !== "number") return spared(example.probe.cluster);
        const value = set.statement.args[set.part]?.text === "true" ? "false" : "true";
        return [replaceFix(`Set ip-masq to ${value}`, set, value)];
      },
    ),
};

/** The pods' own range as what is left alone; a plugin that has no such setting refuses it, and the fix is not offered. */
function spared({ cni, podCidrs }: Cluster): readonly Fix[] {
  const [pods] = podCidrs;
  if (!pods) return [];
  const text = formatPrefix(pods.prefix);
  return [setFix(`Leave ${text} alone (non-masquerade)`, cni.source, "non-masquerade", text)];
}
