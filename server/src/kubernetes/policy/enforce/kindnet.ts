/**
 * kube-network-policies, included in kindnet and in newer charts of other plugins
 * (kubernetes-sigs/kube-network-policies, pkg/dataplane/controller.go): nftables queues packets of pods that a policy
 * selects to a daemon, after DNAT and before SNAT, and the daemon evaluates the policies itself. Its chains of type
 * filter are in table mangle here, which is evaluated at the same place.
 */
import type { Ip } from "../../../addressing/ip.ts";
import { formatIp, hostPrefix } from "../../../addressing/ip.ts";
import type { ChainRules } from "../../../cni/mode.ts";
import type { IpSet, NfMatch, QueueVerdict } from "../../../dataplane/model.ts";
import { type Packet, portsOf, transportOf } from "../../../dataplane/packet.ts";
import { t } from "../../../text/l10n.ts";
import type { Direction } from "../../../topology/policy.ts";
import { verdictFor } from "../evaluate.ts";
import { allowedBy, type EnforceContext, families, isolatedBy, type LocalPod, localPods, makeRule } from "./common.ts";

const QUEUE = 100;

export function kindnetBefore(context: EnforceContext): readonly ChainRules[] {
  return families(context.cluster).flatMap((of): readonly ChainRules[] => {
    const selected = new Map<Ip, LocalPod>();
    for (const local of localPods(context, of)) {
      const { set } = context;
      const isSelected = set.selecting(local.group, "ingress").length + set.selecting(local.group, "egress").length > 0;
      if (isSelected) selected.set(local.ip, local);
    }
    if (selected.size === 0) return [];
    const pods: IpSet = {
      name: `podips-v${of}`,
      type: "hash:ip",
      family: of,
      contains: (ip) => selected.has(ip),
      members: () => [...selected.keys()].map(hostPrefix),
      entries: () => [...selected.keys()].map(formatIp),
    };
    const queue = (match: NfMatch, sides: readonly ("src" | "dst")[]) =>
      sides.map((side) =>
        makeRule(
          { ...match, sets: [{ set: pods, side }] },
          { kind: "NFQUEUE", number: QUEUE, program: (packet) => decideOn(context, selected, packet) },
          { comment: "kube-network-policies" },
        ),
      );
    return [
      {
        family: of,
        table: "mangle",
        chain: "POSTROUTING",
        rules: [
          // `meta skuid 0 accept`: packets from the node's own processes, including kubelet's probes.
          makeRule({ addrtype: { side: "src", type: "LOCAL" } }, { kind: "RETURN" }, { comment: "skuid 0" }),
          makeRule({ ctstate: ["ESTABLISHED", "RELATED"] }, { kind: "RETURN" }),
          ...queue({}, ["src", "dst"]),
        ],
      },
      { family: of, table: "mangle", chain: "INPUT", rules: queue({ ctstate: ["NEW"] }, ["src"]) },
    ];
  });
}

/** A node's daemon decides for its own pods: egress for the sender, ingress for the receiver. */
function decideOn(context: EnforceContext, pods: ReadonlyMap<Ip, LocalPod>, packet: Packet): QueueVerdict {
  const { set } = context;
  const proto = transportOf(packet);
  if (proto === "ipip" || proto === "esp") return { accept: true, note: t`no policy applies`, origin: undefined };
  const port = proto === "icmp" ? 0 : (portsOf(packet)?.dport ?? 0);
  let allowed: QueueVerdict = { accept: true, note: t`no policy denies it`, origin: undefined };
  const sides: readonly (readonly [Direction, Ip, Ip])[] = [
    ["egress", packet.src, packet.dst],
    ["ingress", packet.dst, packet.src],
  ];
  for (const [direction, own, far] of sides) {
    const local = pods.get(own);
    if (local === undefined) continue;
    const verdict = verdictFor(set, set.endOf(local.pod, own), set.endAt(far), direction, proto, port);
    switch (verdict.kind) {
      case "open":
        break;
      case "rule":
        allowed = { accept: verdict.allowed, ...allowedBy(verdict.policy, verdict.rule) };
        if (!verdict.allowed) return allowed;
        break;
      case "isolated":
        return { accept: false, ...isolatedBy(context, local.pod, direction, verdict.by, packet) };
    }
  }
  return allowed;
}
