import type { FileProblemData } from "../../declared/file-problem.ts";
import type { Check } from "../../findings/check.ts";
import { soundNode } from "../../findings/examples/manifests.ts";
import { list, plural } from "../../text/format.ts";
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

kube-proxy forwards to the addresses in a service's EndpointSlices. If they differ from the ready pods that the service selects, knet uses the
EndpointSlices: the controller that writes them does not run, or a label or condition has changed since the dump of one of the two was made.

Of two versions of one object in the files, knet uses the one with the higher \`resourceVersion\`, and otherwise the last one.

## How to fix it

Change the value that is out of date, or remove the object that no component reads any more.`,
  example: { language: "yaml", bad: configured("10.42.0.0/16"), good: configured("10.244.0.0/16") },
  message,
};

function message(data: FileProblemData["KN804"]): string {
  switch (data.cause) {
    case "value":
      return t`${data.what} ${data.value} differs from ${data.used} in ${data.place}, which is used`;
    case "unlisted":
      return t`${data.place} does not list ready pods that service \`${data.service}\` selects (${list(data.names, MOST_NAMES)}): kube-proxy does not forward to them`;
    case "unmatched":
      return t`${data.place} lists addresses that are not ready pods of service \`${data.service}\` (${list(data.names, MOST_NAMES)}): kube-proxy forwards to them`;
    case "version":
      return versionMessage(data);
  }
}

const MOST_NAMES = 3;

function versionMessage({ object, others, place, newer }: FileProblemData["KN804"] & { cause: "version" }): string {
  const subject =
    others === 0 ? t`${object} has two versions` : t`${object} and ${plural(others, "other object")} have two versions`;
  return newer
    ? t`${subject}: the one in ${place} is used, whose resourceVersion is higher`
    : t`${subject}: the one in ${place} is used, which is read last`;
}
