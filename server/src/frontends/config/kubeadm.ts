/** kubeadm's ClusterConfiguration, KubeProxyConfiguration, and KubeletConfiguration (v1beta2 to v1beta4). */
import { t } from "../../text/l10n.ts";
import { type Evidence, rangesIn, textOf, textsOf } from "../kubernetes/evidence.ts";
import { agreed, type Reading } from "../kubernetes/inference.ts";
import { extraArgument } from "../kubernetes/ranges.ts";
import type { Installer } from "./installer.ts";

/** The defaults are of v1beta4/defaults.go; without podSubnet, nodes have no pod CIDR, and the plugin assigns ranges. */
export function kubeadmInstallers(reading: Reading): readonly Installer[] {
  const { dump } = reading;
  return dump.ofKind("ClusterConfiguration").map((object) => {
    const config = { value: object.value, object, path: [] };
    const arg = (component: string, name: string): Evidence<string> | undefined =>
      extraArgument(config, component, name);
    const [kubelet] = dump.ofKind("KubeletConfiguration");
    return {
      name: "kubeadm",
      object,
      version: textOf(object, "kubernetesVersion"),
      pods: rangesIn(textOf(object, "networking", "podSubnet") ?? arg("controllerManager", "cluster-cidr")),
      services: rangesIn(textOf(object, "networking", "serviceSubnet") ?? arg("apiServer", "service-cluster-ip-range")),
      defaults: { services: "10.96.0.0/12" },
      perNode: arg("controllerManager", "node-cidr-mask-size") ?? arg("controllerManager", "node-cidr-mask-size-ipv4"),
      domain: agreed(reading, t`cluster domain`, [
        textOf(kubelet, "clusterDomain"),
        textOf(object, "networking", "dnsDomain"),
      ]),
      dns: textsOf(kubelet, "clusterDNS")[0],
      nodePorts: arg("apiServer", "service-node-port-range"),
      maxPods: textOf(kubelet, "maxPods"),
    };
  });
}
