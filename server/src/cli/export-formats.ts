/** The formats of `knet export`, in the order of the help text. Without imports, because `knet --help` also needs them. */
export const EXPORT_FORMATS = [
  "kubernetes",
  "networkpolicy",
  "net-conf",
  "calico",
  "cilium",
  "kubeadm",
  "kind",
  "mermaid",
  "svg",
  "dot",
  "drawio",
  "ip",
] as const;
