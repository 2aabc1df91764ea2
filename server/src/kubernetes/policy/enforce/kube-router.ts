/**
 * kube-router's chains, as in kube-router and k3s (cloudnativelabs/kube-router, pkg/controllers/netpol): one chain per
 * pod, to which INPUT, FORWARD, and OUTPUT jump by the pod's address, with a jump to each policy's chain. Packets that
 * no policy has marked are rejected. The additional rules that match bridged packets by physdev are omitted: these
 * packets have been matched by address.
 *
 * A policy's chain has the rules of both directions, and a policy for both directions is jumped to without an address
 * match: between two pods that it selects, a matching egress rule is sufficient, regardless of the ingress rules. The
 * original behaves the same.
 */
import { hostPrefix } from "../../../addressing/ip.ts";
import type { ChainRules } from "../../../cni/mode.ts";
import type { IcmpMessage } from "../../../dataplane/packet.ts";
import type { RuleSpec } from "../../../dataplane/rule.ts";
import type { Direction, Policy } from "../../../topology/policy.ts";
import { subjectOf } from "../evaluate.ts";
import {
  allowedBy,
  clearMark,
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
import { matchesOf, type SetName } from "./match.ts";

/** A policy allows the packet; the pod's chain is finished. */
const ALLOWED = 0x10000;
const PASSED = 0x20000;

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const COMMON = "KUBE-NWPLCY-COMMON";
const DEFAULT = "KUBE-NWPLCY-DEFAULT";
const TAIL = "KUBE-NWPLCY-TAIL";
const HOOKS = { INPUT: "KUBE-ROUTER-INPUT", FORWARD: "KUBE-ROUTER-FORWARD", OUTPUT: "KUBE-ROUTER-OUTPUT" } as const;

/** pkg/utils/iptables.go, CommonICMPRules: pings and errors pass regardless of policies. */
const ICMP: readonly IcmpMessage["kind"][] = ["echo-request", "net-unreachable", "ttl-exceeded"];

const hashed = (prefix: string, text: string, of: 4 | 6): string =>
  `${of === 6 ? "inet6:" : ""}${prefix}${nameHash(text, 16, BASE32)}`;
const policyChain = (policy: Policy): string => `KUBE-NWPLCY-${nameHash(policy.path, 16, BASE32)}`;
const podChain = ({ pod }: LocalPod): string => `KUBE-POD-FW-${nameHash(pod.path, 16, BASE32)}`;

export function kubeRouterBefore(context: EnforceContext): readonly ChainRules[] {
  return families(context.cluster).flatMap((of) => {
    const pods = [...localPods(context, of)];
    const used = new Set(
      pods.flatMap(({ group }) => [
        ...context.set.selecting(group, "ingress"),
        ...context.set.selecting(group, "egress"),
      ]),
    );
    return [
      ...hookChains(context, of, pods),
      filterChain(of, COMMON, commonRules()),
      filterChain(of, DEFAULT, [
        makeRule({}, setMark(ALLOWED), { comment: "rule to mark traffic matching a network policy" }),
      ]),
      filterChain(of, TAIL, [makeRule(marked(PASSED), { kind: "ACCEPT" })]),
      ...pods.map((local) => filterChain(of, podChain(local), podRules(context, local))),
      ...[...used].map((policy) => filterChain(of, policyChain(policy), policyRules(context, of, policy))),
    ];
  });
}

function hookChains({ cluster }: EnforceContext, of: 4 | 6, pods: readonly LocalPod[]): readonly ChainRules[] {
  const jump = (local: LocalPod, side: "src" | "dst"): RuleSpec =>
    makeRule(
      { [side]: { is: hostPrefix(local.ip) } },
      { kind: "JUMP", chain: podChain(local) },
      { comment: `${local.group.namespace}/${local.pod.name} ${side === "src" ? "out" : "in"}` },
    );
  const services = cluster.serviceCidrs
    .filter(({ prefix }) => (typeof prefix.ip === "number" ? 4 : 6) === of)
    .map(({ prefix }) =>
      makeRule(
        { dst: { is: prefix } },
        { kind: "RETURN" },
        { comment: "allow traffic to primary/secondary cluster IP range" },
      ),
    );
  const tail = makeRule({}, { kind: "JUMP", chain: TAIL });
  const accept = makeRule(
    marked(PASSED),
    { kind: "ACCEPT" },
    { comment: "rule to explicitly ACCEPT traffic that comply to network policies" },
  );
  const from = pods.map((local) => jump(local, "src"));
  const to = pods.map((local) => jump(local, "dst"));
  const top = Object.entries(HOOKS).map(([hook, chain]) =>
    filterChain(of, hook, [makeRule({}, { kind: "JUMP", chain }, { comment: "kube-router netpol" })]),
  );
  return [
    ...top,
    filterChain(of, HOOKS.INPUT, [...services, ...from, tail, accept]),
    filterChain(of, HOOKS.FORWARD, [...to, ...from, tail, accept]),
    filterChain(of, HOOKS.OUTPUT, [...to, ...from, tail, accept]),
  ];
}

function commonRules(): readonly RuleSpec[] {
  return [
    makeRule({ ctstate: ["INVALID"] }, { kind: "DROP" }, { comment: "rule to drop invalid state for pod" }),
    makeRule(
      { ctstate: ["RELATED", "ESTABLISHED"] },
      { kind: "ACCEPT" },
      { comment: "rule for stateful firewall for pod" },
    ),
    ...ICMP.map((icmp) =>
      makeRule({ proto: "icmp", icmp }, { kind: "ACCEPT" }, { comment: `allow icmp ${icmp} messages` }),
    ),
  ];
}

/** Rules are inserted at the top one by one: the last one inserted is first. */
function podRules(context: EnforceContext, local: LocalPod): readonly RuleSpec[] {
  const { pod, group, ip } = local;
  const own = hostPrefix(ip);
  const ingress = context.set.selecting(group, "ingress");
  const egress = context.set.selecting(group, "egress");
  const policies = [...new Set([...ingress, ...egress])];
  const jumps = policies.map((policy) => {
    const isIngress = ingress.includes(policy);
    const isEgress = egress.includes(policy);
    const match = isIngress && isEgress ? {} : isIngress ? { dst: { is: own } } : { src: { is: own } };
    const extras = { comment: `${policy.path} policy`, origin: policy.source };
    return makeRule(match, { kind: "JUMP", chain: policyChain(policy) }, extras);
  });
  const otherwise = (side: "src" | "dst", comment: string): RuleSpec =>
    makeRule({ [side]: { is: own } }, { kind: "JUMP", chain: DEFAULT }, { comment });
  return [
    makeRule({}, { kind: "JUMP", chain: COMMON }, { comment: "common netpol rules" }),
    makeRule(
      { dst: { is: own }, addrtype: { side: "src", type: "LOCAL" } },
      { kind: "ACCEPT" },
      { comment: "from local node" },
    ),
    ...(egress.length === 0 ? [otherwise("src", "default egress")] : []),
    ...(ingress.length === 0 ? [otherwise("dst", "default ingress")] : []),
    ...jumps.reverse(),
    makeRule(
      { mark: { is: { value: ALLOWED, mask: ALLOWED }, not: true } },
      { kind: "REJECT", with: "icmp-port-unreachable" },
      {
        comment: `${group.namespace}/${pod.name} reject`,
        origin: policies[0]?.source,
        explain: (packet) => {
          const direction: Direction = packet.src === ip ? "egress" : "ingress";
          return isolatedBy(context, pod, direction, direction === "egress" ? egress : ingress, packet);
        },
      },
    ),
    makeRule({}, clearMark(ALLOWED)),
    makeRule({}, setMark(PASSED), { comment: "set netpol-ok mark" }),
  ];
}

function policyRules(context: EnforceContext, of: 4 | 6, policy: Policy): readonly RuleSpec[] {
  const rules: RuleSpec[] = [];
  const nameOf =
    (direction: Direction): SetName =>
    (kind, key) => {
      const isSource = kind !== "ports" && direction === "ingress";
      return hashed(isSource ? "KUBE-SRC-" : "KUBE-DST-", `${policy.path} ${key}`, of);
    };
  for (const direction of ["ingress", "egress"] as const) {
    const subject = hashed(direction === "ingress" ? "KUBE-DST-" : "KUBE-SRC-", policy.path, of);
    const targets = podSet(context, of, subject, subjectOf(policy));
    const side = direction === "ingress" ? "dst" : "src";
    for (const rule of policy[direction] ?? []) {
      for (const match of matchesOf(context, of, policy, rule, nameOf(direction))) {
        const whole = { ...match, sets: [...(match.sets ?? []), { set: targets, side } as const] };
        const extras = { comment: `${policy.path} ${direction}`, origin: rule.source };
        rules.push(
          makeRule(whole, setMark(ALLOWED), { ...extras, explain: () => allowedBy(policy, rule) }),
          makeRule({ ...whole, ...marked(ALLOWED) }, { kind: "RETURN" }, extras),
        );
      }
    }
  }
  return rules;
}
