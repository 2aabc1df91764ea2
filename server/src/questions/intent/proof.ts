/** Whether the expectations pass with the policies that were derived from them. */
import { buildNetwork } from "../../cni/network.ts";
import { policyEngineOf } from "../../cni/policy-engine.ts";
import { headText } from "../../declared/text.ts";
import { kubernetes } from "../../kubernetes/contribute.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";
import { outcomeOf, type World } from "../expectations.ts";
import { replacePolicies, type Synthesis } from "./synthesis.ts";

/** One line for each expectation that passes without policies, and fails with them; and for clusters that ignore policies. */
export function unmetExpectations(open: World, synthesis: Synthesis): readonly string[] {
  const topology = replacePolicies(open.topology, synthesis);
  const world = { topology, network: buildNetwork(topology, kubernetes()) };
  const idle = [...synthesis.policies.keys()].filter((cluster) => !isEnforced(cluster));
  return [
    ...idle.map(({ name }) => t`cluster ${name} has no policy engine: the policies have no effect there`),
    ...topology.expectations.flatMap((expectation) => {
      const outcome = outcomeOf(world, expectation);
      if (outcome.kind !== "fails") return [];
      const isBlocked = expectation.want.kind === "blocked";
      if (isBlocked ? idle.length > 0 : outcomeOf(open, expectation).kind === "fails") return [];
      return [t`\`${headText(expectation.source.decl)}\` fails with these policies: ${outcome.why}`];
    }),
  ];
}

function isEnforced(cluster: Cluster): boolean {
  const [node] = cluster.nodes;
  return node !== undefined && policyEngineOf(cluster, node) !== "none";
}
