import type { Check } from "../../findings/check.ts";
import { soundNode } from "../../findings/examples/manifests.ts";
import { t } from "../../text/l10n.ts";

const configured = (network: string): string =>
  soundNode(`apiVersion: v1
kind: ConfigMap
metadata: {name: kube-flannel-cfg, namespace: kube-flannel}
data:
  net-conf.json: '{"Network": "${network}", "Backend": {"Type": "vxlan"}}'
`);

/** Reported by the front ends that infer a cluster from its objects. */
export const sourcesDisagree: Check<"KN804"> = {
  code: "KN804",
  name: "sources-disagree",
  family: "import",
  severity: "warning",
  summary: "Two objects of a source state different values.",
  documentation: `## What happens

Several objects show the same value: for example, the pod CIDR is in flannel's ConfigMap, in kubeadm's ConfigMap, in kube-proxy's configuration,
and in the nodes. Here they differ. knet uses the value that the running cluster shows: the state of nodes and pods first, then custom
resources, ConfigMaps, and arguments.

In a cluster, such a difference usually remains from a changed configuration whose component was not restarted, and it causes
outages: kube-proxy masquerades by a range that pods do not use, or flanneld fails to start because its network does not contain the range of a node.

## How to fix it

Change the value that is out of date, or remove the object that no component reads any more.`,
  example: { language: "yaml", bad: configured("10.42.0.0/16"), good: configured("10.244.0.0/16") },
  message: ({ what, value, used, place }) => t`${what} ${value} differs from ${used} in ${place}, which is used`,
};
