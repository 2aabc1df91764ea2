import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { twoRacks } from "../../findings/examples/nodes.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { brokenRelated } from "../../findings/outages.ts";
import { valueAt } from "../../memo/memo.ts";
import { plainColors } from "../../questions/failures/alike.ts";
import {
  type ElementKind,
  equivalentMachines,
  idOf,
  sourceOfElement,
  textOf,
} from "../../questions/failures/elements.ts";
import { type Broken, singleFailures } from "../../questions/failures/single.ts";
import type { Probe } from "../../questions/probes.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Topology } from "../../topology/model.ts";

export const singlePoint: Check<"KN706"> = {
  code: "KN706",
  name: "single-point-of-failure",
  family: "expectations",
  severity: "warning",
  summary: "With `check --failures 1`, nodes or pods lose contact after a single failure elsewhere.",
  documentation: `## What happens

\`knet check --failures 1\` sends packets between the nodes and pods of each cluster, one per pair of node classes, and again after
every single failure of a link, a router, another node, a route reflector, or a BGP session. The finding is reported at the
element whose failure interrupts a connection, with the first affected pair, the number of affected node pairs, and the number
of equivalent elements. The related locations are the hops of the lost packet.

The failure of a machine with its own pods, and of its only link, is not reported: its own connections always end with it.

## How to fix it

Add a second router or link and a routing protocol that uses it (a static route or a gateway address keeps pointing to the failed
router), or ignore the warning with a \`knet-ignore\` comment if the risk is accepted.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }"),
    good: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  nodes n 1..2 { attach lan; route default via 192.168.10.1 }
}
router edge { attach lan 192.168.10.1 }
`,
    failures: true,
  },
  *run(context: CheckContext): Iterable<Finding> {
    const found = new Map<object, Map<ElementKind, Reported>>();
    for (const { subject, broken } of singleFailures(context).pairs) {
      for (const one of withoutParts(broken)) {
        const source = sourceOfElement(context.topology, one.element);
        if (!source) continue;
        const here = valueAt(found, source.decl.handle, (): Map<ElementKind, Reported> => new Map());
        const known = valueAt(
          here,
          one.element.kind,
          (): Reported => ({ first: one, source, probe: subject, pairs: new Map(), elements: new Set() }),
        );
        known.elements.add(idOf(one.element));
        // Several packets between two nodes: from the node, from a pod, and per address family.
        const pair = `${subject.from.node.path} ${subject.to.node.path}`;
        if (idOf(one.element) === idOf(known.first.element)) known.pairs.set(pair, subject.pairs);
      }
    }
    for (const one of [...found.values()].flatMap((here) => [...here.values()])) {
      const related = brokenRelated(context.topology, one.first).slice(1);
      yield finding(singlePoint, one.source, messageOf(context.topology, one), { related });
    }
  },
};

/** The failures that one statement declares, such as of the nodes of a pool. */
interface Reported {
  readonly first: Broken;
  readonly source: Origin;
  readonly probe: Probe;
  /** Of the first element. */
  readonly pairs: Map<string, number>;
  readonly elements: Set<string>;
}

/** Without the links and sessions of a machine whose failure also interrupts the connection. */
function withoutParts(broken: readonly Broken[]): readonly Broken[] {
  const machines = new Set(
    broken.flatMap(({ element: { outage } }) => (outage.kind === "machine" ? [outage.path] : [])),
  );
  return broken.filter(
    ({ element: { outage, machines: own } }) => outage.kind === "machine" || !own.some((path) => machines.has(path)),
  );
}

function messageOf(topology: Topology, { first, probe, pairs, elements }: Reported): string {
  const equivalent = equivalentMachines(first.element, plainColors(topology));
  const others = Math.max(first.alike, elements.size, equivalent) - 1;
  const count = [...pairs.values()].reduce((sum, one) => sum + one, 0);
  const failed = textOf(topology, first.element);
  const lost = t`${probe.from.name} cannot reach ${probe.to.name}: ${first.why} (${plural(count, "node pair")} affected)`;
  return others > 0
    ? t`without ${failed} (or ${plural(others, "equivalent element", "equivalent elements")}), ${lost}`
    : t`without ${failed}, ${lost}`;
}
