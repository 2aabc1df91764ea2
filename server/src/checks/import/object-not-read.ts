import type { Check } from "../../findings/check.ts";
import { soundNode } from "../../findings/examples/manifests.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

/**
 * Kinds that allow or deny packets: CiliumNetworkPolicy, GlobalNetworkPolicy, Istio's AuthorizationPolicy, OVN-Kubernetes' EgressFirewall.
 * Other policies do not: PodSecurityPolicy, ValidatingAdmissionPolicy.
 */
const DECIDES = /(NetworkPolicy|^AuthorizationPolicy|^EgressFirewall)$/;

/** Reported by the front ends that read objects. */
export const objectNotRead: Check<"KN801"> = {
  code: "KN801",
  name: "object-not-read",
  family: "import",
  severity: "info",
  summary: "Objects of a kind that knet does not model.",
  documentation: `## What happens

The source contains objects that can affect the network but are not modeled. They are ignored; everything else is read. Objects
without an effect on the network, such as ServiceAccounts, are not reported. A kind that can allow or deny packets, such as
CiliumNetworkPolicy, is a warning: verdicts ignore it.

## How to fix it

Nothing is wrong with the objects. If one of them changes a result, declare its effect in a \`.knet\` file.`,
  example: {
    language: "yaml",
    bad: soundNode(`apiVersion: example.com/v1
kind: Mesh
metadata: {name: mesh}
`),
    good: soundNode(),
  },
  severityOf: ({ kind }) => (DECIDES.test(kind) ? "warning" : "info"),
  message: ({ kind, count }) => t`${plural(count, "object")} of kind ${kind} not read`,
};
