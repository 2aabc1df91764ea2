import type { Check } from "../../findings/check.ts";
import { soundNode } from "../../findings/examples/manifests.ts";

/** Reported by the front ends that infer a cluster from its objects. */
export const valueAssumed: Check<"KN803"> = {
  code: "KN803",
  name: "value-assumed",
  family: "import",
  severity: "info",
  summary: "The source does not show a value, and a default is used.",
  documentation: `## What happens

Manifests and dumps show only a part of a cluster. knet infers the CNI plugin, its mode, and the address ranges from the objects that show
them (ConfigMaps, custom resources, DaemonSets, node annotations); for a value that no object shows, it uses the usual default. Results that
depend on this value can differ from the real cluster. A Terraform plan or the output of a cloud's command line also shows only a part of a network:
a route whose target is not modeled drops its packets, and a network that is not in the input has no routes.

## How to fix it

Add the objects that show the value to the source (\`knet collect\` prints a script that collects all of them), or state the value in
the cluster block of a \`.knet\` file that reads the source with \`manifests\`.`,
  example: {
    language: "yaml",
    bad: `apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDR: 10.244.0.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.10.11}]}
`,
    good: soundNode(),
  },
  message: ({ text }) => text,
  severityOf: ({ isGrave }) => (isGrave ? "warning" : "info"),
};
