/**
 * How kube-proxy distinguishes packets of its node's pods from other packets (pkg/proxy/util, LocalTrafficDetector).
 */
import { family } from "../../addressing/ip.ts";
import type { Conditions } from "../../dataplane/rule.ts";
import type { Cluster, Node } from "../../topology/model.ts";

/** Undefined: kube-proxy cannot distinguish them, and adds no such rules. */
export interface LocalDetector {
  readonly ifLocal: Conditions;
  readonly ifNotLocal: Conditions;
}

export function localDetector({ services }: Cluster, node: Node, of: 4 | 6): LocalDetector | undefined {
  const { detectLocal, detectInterface, clusterCidrs } = services.kubeProxy;
  switch (detectLocal) {
    case "cluster-cidr":
    case "node-cidr": {
      const ranges = detectLocal === "node-cidr" ? node.podCidrs.map(({ prefix }) => prefix) : clusterCidrs;
      const is = ranges.find(({ ip }) => family(ip) === of);
      return is && { ifLocal: { src: { is } }, ifNotLocal: { src: { is, not: true } } };
    }
    case "bridge-interface":
    case "interface-name-prefix": {
      if (detectInterface === undefined) return undefined;
      const is = detectLocal === "bridge-interface" ? detectInterface : `${detectInterface}+`;
      return { ifLocal: { in: { is } }, ifNotLocal: { in: { is, not: true } } };
    }
  }
}
