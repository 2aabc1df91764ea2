// Differences between kube-proxy and knet that are not errors, each with its reason.
import type { Exception } from "../suite.ts";

export const EXCEPTIONS: readonly Exception[] = [
  {
    name: "the other family",
    why: "kube-proxy sets up its chains for IPv4 and IPv6 in every cluster; knet for the families of the cluster's ranges",
    covers: () => false,
  },
  {
    name: "canary chains",
    why: "empty chains by which kube-proxy detects that another program has flushed the tables",
    covers: (_, where) => where.endsWith("KUBE-PROXY-CANARY"),
  },
];
