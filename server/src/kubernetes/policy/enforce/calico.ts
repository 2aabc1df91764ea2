/**
 * Felix's chains (projectcalico, felix/rules/endpoints.go and policy.go): per pod, one chain for its outgoing and one
 * for its incoming packets, with a jump to each policy's chain, tier by tier. A policy's chain sets the accept mark;
 * packets that no policy of a tier accepted or passed are dropped at the end of the tier. Packets from a node's own
 * processes to its pods are not checked (cali-OUTPUT).
 */
import { hostPrefix } from "../../../addressing/ip.ts";
import { type IpvsFrame, ipvsChains, ipvsInput, ipvsOutput } from "../../../cni/calico/ipvs.ts";
import type { ChainRules } from "../../../cni/mode.ts";
import type { NfTarget } from "../../../dataplane/model.ts";
import type { Conditions, RuleSpec } from "../../../dataplane/rule.ts";
import type { Direction, Policy } from "../../../topology/policy.ts";
import { tiersOf } from "../evaluate.ts";
import { policyName } from "../text.ts";
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
  setMark,
  unmarked,
} from "./common.ts";
import { matchesOf, type SetName } from "./match.ts";

const ACCEPT = 0x10000;
const PASS = 0x20000;
/** All marks that a packet can have from another chain. */
const ALL = 0xe0000;

/** Felix: LogPrefix `calico-packet`, level notice (felix/rules/policy.go; felix/config/config_params.go). */
const LOG: NfTarget = { kind: "LOG", options: '--log-prefix "calico-packet: " --log-level 5' };

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const PREFIX = { pods: "s", block: "t", ports: "n" } as const;
const setName: SetName = (kind, key, of) => `cali${of}0${PREFIX[kind]}:${nameHash(key, 22, BASE64)}`;

function chainName(policy: Policy, direction: Direction): string {
  return `cali-${direction === "ingress" ? "pi" : "po"}-_${nameHash(policyName(policy), 19, BASE64)}`;
}

/** `isFramed`: the plugin has created the chains that jump here; only the policies' additions are returned. */
export function calicoBefore(context: EnforceContext, isFramed: boolean): readonly ChainRules[] {
  return families(context.cluster).flatMap((of) => {
    const pods = [...localPods(context, of)];
    const used = { ingress: new Set<Policy>(), egress: new Set<Policy>() };
    const chains: ChainRules[] = [];
    for (const local of pods) {
      for (const direction of ["egress", "ingress"] as const) {
        const policies = context.set.selecting(local.group, direction);
        for (const policy of policies) used[direction].add(policy);
        if (policies.length === 0 && isFramed) continue;
        chains.push(endpointChain(context, of, { local, direction, policies }, isFramed));
      }
    }
    for (const direction of ["ingress", "egress"] as const) {
      for (const policy of used[direction]) chains.push(policyChain(context, of, policy, direction));
    }
    return isFramed ? chains : [...frame(context, of, pods), ...chains];
  });
}

/** Felix appends this rule after all others (StaticFilterForwardAppendRules). */
export function calicoAfter(context: EnforceContext, isFramed: boolean): readonly ChainRules[] {
  if (isFramed) return [];
  return families(context.cluster).map((of) =>
    filterChain(of, "FORWARD", [
      makeRule(marked(ACCEPT), { kind: "ACCEPT" }, { comment: "Policy explicitly accepted packet." }),
    ]),
  );
}

function idOf({ device, pod }: LocalPod): string {
  return device ?? `cali${nameHash(pod.path, 11, "0123456789abcdef")}`;
}

/**
 * From the built-in chains to the pods' chains, by the pods' devices. If a bridge is in between, where Canal uses
 * routes instead, the device is not visible in FORWARD: the pod's address is matched instead.
 */
function frame(context: EnforceContext, of: 4 | 6, pods: readonly LocalPod[]): readonly ChainRules[] {
  const from = (local: LocalPod): Conditions =>
    local.device === undefined ? { src: { is: hostPrefix(local.ip) } } : { in: { is: local.device } };
  const to = (local: LocalPod): Conditions =>
    local.device === undefined ? { dst: { is: hostPrefix(local.ip) } } : { out: { is: local.device } };
  const ipvs = ipvsFrame(
    context,
    of,
    pods.map((local) => ({ name: idOf(local), from: from(local) })),
  );
  return [
    filterChain(of, "INPUT", [makeRule({}, { kind: "JUMP", chain: "cali-INPUT" })]),
    filterChain(of, "FORWARD", [makeRule({}, { kind: "JUMP", chain: "cali-FORWARD" })]),
    ...(ipvs
      ? [
          filterChain(of, "OUTPUT", [makeRule({}, { kind: "JUMP", chain: "cali-OUTPUT" })]),
          filterChain(of, "cali-OUTPUT", [makeRule(marked(ACCEPT), { kind: "ACCEPT" }), ...ipvsOutput(ipvs)]),
          ...ipvsChains(ipvs),
        ]
      : []),
    filterChain(of, "cali-INPUT", [
      ...(ipvs ? ipvsInput(ipvs) : []),
      makeRule({}, { kind: "JUMP", chain: "cali-from-wl-dispatch" }),
    ]),
    filterChain(of, "cali-FORWARD", [
      makeRule({}, clearMark(ALL)),
      makeRule({}, { kind: "JUMP", chain: "cali-from-wl-dispatch" }),
      makeRule({}, { kind: "JUMP", chain: "cali-to-wl-dispatch" }),
    ]),
    filterChain(
      of,
      "cali-from-wl-dispatch",
      pods.map((local) => makeRule(from(local), { kind: "JUMP", chain: `cali-fw-${idOf(local)}`, goto: true })),
    ),
    filterChain(
      of,
      "cali-to-wl-dispatch",
      pods.map((local) => makeRule(to(local), { kind: "JUMP", chain: `cali-tw-${idOf(local)}`, goto: true })),
    ),
  ];
}

/** With kube-proxy in ipvs mode. */
function ipvsFrame(
  { cluster, node, parts }: EnforceContext,
  of: 4 | 6,
  endpoints: IpvsFrame["endpoints"],
): IpvsFrame | undefined {
  if (cluster.services.kubeProxy.mode !== "ipvs") return undefined;
  const devices = [...node.interfaces, ...parts.devices];
  return {
    family: of,
    origin: cluster.policyEngine?.source,
    endpoints,
    workloads: undefined,
    addresses: devices.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)),
  };
}

/** One direction of a pod's packets, and the policies that select the pod in it. */
interface Endpoint {
  readonly local: LocalPod;
  readonly direction: Direction;
  readonly policies: readonly Policy[];
}

function endpointChain(context: EnforceContext, of: 4 | 6, endpoint: Endpoint, isFramed: boolean): ChainRules {
  const { local, direction, policies } = endpoint;
  const chain = `cali-${direction === "ingress" ? "tw" : "fw"}-${idOf(local)}`;
  const rules: RuleSpec[] = [
    makeRule({ ctstate: ["RELATED", "ESTABLISHED"] }, { kind: "ACCEPT" }),
    makeRule({ ctstate: ["INVALID"] }, { kind: "DROP" }),
    makeRule({}, clearMark(ACCEPT | PASS)),
  ];
  for (const tier of tiersOf(policies)) {
    const name = tier[0]?.tier.name ?? "";
    rules.push(makeRule({}, clearMark(PASS), { comment: `Start of tier ${name}` }));
    for (const policy of tier) {
      rules.push(
        makeRule(unmarked(PASS), { kind: "JUMP", chain: chainName(policy, direction) }, { origin: policy.source }),
        makeRule(marked(ACCEPT), { kind: "RETURN" }, { comment: "Return if policy accepted" }),
      );
    }
    if (tier[0]?.tier.otherwise !== "deny") continue;
    rules.push(
      makeRule(
        unmarked(PASS),
        { kind: "DROP" },
        {
          comment: `End of tier ${name}. Drop if no policies passed packet`,
          origin: tier[0]?.source,
          explain: (packet) => isolatedBy(context, local.pod, direction, tier, packet),
        },
      ),
    );
  }
  if (!isFramed) {
    rules.push(makeRule({}, setMark(ACCEPT), { comment: `Profile kns.${local.group.namespace}` }));
  }
  return filterChain(of, chain, rules);
}

function policyChain(context: EnforceContext, of: 4 | 6, policy: Policy, direction: Direction): ChainRules {
  const rules: RuleSpec[] = [];
  const comment = `Policy ${policy.path} ${direction}`;
  const logged = (before: number): readonly RuleSpec[] =>
    policy.logs
      .filter((one) => one.direction === direction && one.before === before)
      .flatMap((rule) =>
        matchesOf(context, of, policy, { ...rule, action: "allow" }, setName).map((match) =>
          makeRule(match, LOG, { comment, origin: rule.source }),
        ),
      );
  const deciding = policy[direction] ?? [];
  for (const [index, rule] of deciding.entries()) {
    rules.push(...logged(index));
    const explain = () => allowedBy(policy, rule);
    for (const match of matchesOf(context, of, policy, rule, setName)) {
      const extras = { comment, origin: rule.source, explain };
      if (rule.action === "deny") {
        rules.push(makeRule(match, { kind: "DROP" }, extras));
        continue;
      }
      const mark = rule.action === "allow" ? ACCEPT : PASS;
      rules.push(makeRule(match, setMark(mark), extras), makeRule(marked(mark), { kind: "RETURN" }));
    }
  }
  rules.push(...logged(deciding.length));
  return filterChain(of, chainName(policy, direction), rules);
}
