/** The formats of `knet export`. */
import { mapOf } from "../service/map/model.ts";
import { mapDot } from "./diagram/dot.ts";
import { mapDrawio } from "./diagram/drawio.ts";
import { mapMermaid } from "./diagram/mermaid.ts";
import { mapSvg } from "./diagram/svg.ts";
import { type Exported, type ExportInput, type ExportResult, exported } from "./exported.ts";
import { exportIp } from "./ip.ts";
import { exportKind, exportKubeadm } from "./kubeadm.ts";
import { exportKubernetes, exportPolicies } from "./kubernetes/index.ts";
import { exportCalico } from "./plugins/calico.ts";
import { exportCilium } from "./plugins/cilium.ts";
import { exportNetConf } from "./plugins/flannel.ts";

export type { Exported };

export type ExportFormat =
  | "kubernetes"
  | "networkpolicy"
  | "net-conf"
  | "calico"
  | "cilium"
  | "kubeadm"
  | "kind"
  | "mermaid"
  | "svg"
  | "dot"
  | "drawio"
  | "ip";

export function exportAs(format: ExportFormat, input: ExportInput): ExportResult {
  const { topology, source } = input;
  const drawing = (extension: string, draw: (map: ReturnType<typeof mapOf>) => string): ExportResult =>
    exported([{ name: `topology.${extension}`, text: () => draw(mapOf(topology)) }], []);
  switch (format) {
    case "kubernetes":
      return exportKubernetes(topology);
    case "networkpolicy":
      return exportPolicies(input);
    case "net-conf":
      return exportNetConf(topology.clusters);
    case "calico":
      return exportCalico(topology.clusters);
    case "cilium":
      return exportCilium(topology.clusters);
    case "kubeadm":
      return exportKubeadm(topology.clusters);
    case "kind":
      return exportKind(topology.clusters);
    case "mermaid":
      return drawing("mmd", mapMermaid);
    case "svg":
      return drawing("svg", (map) => mapSvg(map, source));
    case "dot":
      return drawing("dot", mapDot);
    case "drawio":
      return drawing("drawio", mapDrawio);
    case "ip":
      return exportIp(input);
  }
}
