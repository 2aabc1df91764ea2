/**
 * weave-npc's chains (weaveworks/weave, prog/weave-npc/main.go and npc/): packets entering the bridge are checked for
 * egress, packets leaving the bridge for ingress. Pods that no policy isolates are members of a set per namespace that
 * allows them; unmatched packets are dropped. The original matches by physdev whether the peer is across the tunnel;
 * here, a set of the node's own pods is matched instead: a policy is enforced on the node of its pod.
 */
import { family, formatIp, hostPrefix, type Prefix } from "../../../addressing/ip.ts";
import type { ChainRules } from "../../../cni/mode.ts";
import type { Explanation, IpSet } from "../../../dataplane/model.ts";
import type { Packet } from "../../../dataplane/packet.ts";
import type { Conditions, RuleSpec } from "../../../dataplane/rule.ts";
import { t } from "../../../text/l10n.ts";
import type { Direction } from "../../../topology/policy.ts";
import { subjectOf } from "../evaluate.ts";
import {
  allowedBy,
  type EnforceContext,
  families,
  filterChain,
  isolatedBy,
  type LocalPod,
  localPods,
  makeRule,
  marked,
  nameHash,
  podSet,
  setMark,
} from "./common.ts";
import { matchesOf } from "./match.ts";

const ACCEPTED = 0x40000;
const NEW: Conditions = { ctstate: ["NEW"] };
const UNMARKED: Conditions = { ...NEW, mark: { is: { value: ACCEPTED, mask: ACCEPTED }, not: true } };
const MULTICAST: Readonly<Record<4 | 6, Prefix>> = { 4: { ip: 0xe0000000, len: 4 }, 6: { ip: 0xffn << 120n, len: 8 } };

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const setName = (key: string, of: 4 | 6): string => `weave-${of === 6 ? "6" : ""}${nameHash(key, 22, ALPHABET)}`;

export function weaveBefore(context: EnforceContext): readonly ChainRules[] {
  return families(context.cluster).flatMap((of) => {
    const pods = [...localPods(context, of)];
    const local = addressSet("weave-local-pods", of, pods);
    const inbound: Conditions = { sets: [{ set: local, side: "dst" }] };
    const outbound: Conditions = { sets: [{ set: local, side: "src" }] };
    const explain = (direction: Direction) => (packet: Packet) => why(context, pods, direction, packet);
    const established = makeRule({ ctstate: ["RELATED", "ESTABLISHED"] }, { kind: "ACCEPT" });
    const toMulticast: Conditions = { dst: { is: MULTICAST[of] } };
    const jump = (chain: string) => ({ kind: "JUMP", chain }) as const;
    return [
      filterChain(of, "INPUT", [makeRule(outbound, jump("WEAVE-NPC-EGRESS"))]),
      filterChain(of, "FORWARD", [
        makeRule(outbound, jump("WEAVE-NPC-EGRESS")),
        makeRule(inbound, jump("WEAVE-NPC")),
        makeRule(inbound, { kind: "DROP" }, { explain: explain("ingress") }),
      ]),
      filterChain(of, "WEAVE-NPC", [
        established,
        makeRule(toMulticast, { kind: "ACCEPT" }),
        makeRule(NEW, jump("WEAVE-NPC-DEFAULT")),
        makeRule(NEW, jump("WEAVE-NPC-INGRESS")),
      ]),
      filterChain(of, "WEAVE-NPC-DEFAULT", defaults(context, of, pods, "ingress")),
      filterChain(of, "WEAVE-NPC-INGRESS", custom(context, of, pods, "ingress")),
      filterChain(of, "WEAVE-NPC-EGRESS", [
        established,
        makeRule({ addrtype: { side: "dst", type: "LOCAL" } }, { kind: "RETURN" }),
        makeRule(toMulticast, { kind: "RETURN" }),
        makeRule(NEW, jump("WEAVE-NPC-EGRESS-DEFAULT")),
        makeRule(UNMARKED, jump("WEAVE-NPC-EGRESS-CUSTOM")),
        makeRule(UNMARKED, { kind: "DROP" }, { explain: explain("egress") }),
      ]),
      filterChain(of, "WEAVE-NPC-EGRESS-DEFAULT", defaults(context, of, pods, "egress")),
      filterChain(of, "WEAVE-NPC-EGRESS-CUSTOM", custom(context, of, pods, "egress")),
      filterChain(of, "WEAVE-NPC-EGRESS-ACCEPT", [makeRule({}, setMark(ACCEPTED))]),
    ];
  });
}

function addressSet(name: string, of: 4 | 6, pods: readonly LocalPod[]): IpSet {
  const known = new Set(pods.map(({ ip }) => ip));
  return {
    name,
    type: "hash:ip",
    family: of,
    contains: (ip) => family(ip) === of && known.has(ip),
    members: () => [...known].map(hostPrefix),
    entries: () => [...known].map(formatIp),
  };
}

/** Pods of a namespace that no policy isolates in this direction. */
function defaults(
  context: EnforceContext,
  of: 4 | 6,
  pods: readonly LocalPod[],
  direction: Direction,
): readonly RuleSpec[] {
  const open = pods.filter(({ group }) => context.set.selecting(group, direction).length === 0);
  const namespaces = [...new Set(open.map(({ group }) => group.namespace))];
  return namespaces.flatMap((namespace): readonly RuleSpec[] => {
    const own = open.filter(({ group }) => group.namespace === namespace);
    const set = addressSet(setName(`${direction} ${namespace}`, of), of, own);
    const comment = `DefaultAllow ${direction} isolation for namespace: ${namespace}`;
    const side = direction === "ingress" ? "dst" : "src";
    const match: Conditions = { sets: [{ set, side }] };
    if (direction === "ingress") return [makeRule(match, { kind: "ACCEPT" }, { comment })];
    return [
      makeRule(match, { kind: "JUMP", chain: "WEAVE-NPC-EGRESS-ACCEPT" }, { comment }),
      makeRule(match, { kind: "RETURN" }, { comment }),
    ];
  });
}

function custom(
  context: EnforceContext,
  of: 4 | 6,
  pods: readonly LocalPod[],
  direction: Direction,
): readonly RuleSpec[] {
  const policies = new Set(pods.flatMap(({ group }) => context.set.selecting(group, direction)));
  const side = direction === "ingress" ? "dst" : "src";
  return [...policies].flatMap((policy) => {
    const targets = podSet(context, of, setName(policy.path, of), subjectOf(policy));
    return (policy[direction] ?? []).flatMap((rule) =>
      matchesOf(context, of, policy, rule, (_, key) => setName(key, of)).flatMap((match): readonly RuleSpec[] => {
        const whole: Conditions = { ...match, sets: [...(match.sets ?? []), { set: targets, side }] };
        const extras = {
          comment: `${policy.path} ${direction}`,
          origin: rule.source,
          explain: () => allowedBy(policy, rule),
        };
        if (direction === "ingress") return [makeRule(whole, { kind: "ACCEPT" }, extras)];
        return [makeRule(whole, setMark(ACCEPTED), extras), makeRule(marked(ACCEPTED), { kind: "RETURN" })];
      }),
    );
  });
}

function why(context: EnforceContext, pods: readonly LocalPod[], direction: Direction, packet: Packet): Explanation {
  const own = direction === "ingress" ? packet.dst : packet.src;
  const local = pods.find(({ ip }) => ip === own);
  if (local === undefined) return { note: t`no rule accepts it`, origin: undefined };
  return isolatedBy(context, local.pod, direction, context.set.selecting(local.group, direction), packet);
}
