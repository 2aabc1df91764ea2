// Differences between kube-proxy and knet that are not errors, each with its reason.
import type { Exception } from "../suite.ts";
import { EMPTY } from "./state.ts";

export const EXCEPTIONS: readonly Exception[] = [
  {
    name: "the other family",
    why: "kube-proxy sets up its chains for IPv4 and IPv6 in every cluster; knet for the families of the cluster's ranges",
  },
  {
    name: "canary chains",
    why: "empty chains by which kube-proxy detects that another program has flushed the tables",
    covers: (_, where) => where.endsWith("KUBE-PROXY-CANARY"),
  },
  {
    name: "empty sets",
    why: "in ipvs mode, kube-proxy creates all of its sets; knet prints those to which a rule refers",
    covers: (_, where, all) => where.startsWith("ipset ") && all.includes(EMPTY),
  },
  {
    name: "packet counters",
    why: "where the kernel has nfnetlink_acct, kube-proxy counts packets in the rule for INVALID and in additional rules for node ports on localhost; the verdicts are the same without them",
    covers: (line) => line.includes("--nfacct-name  localhost_nps_accepted_pkts"),
    rewrite: (line) => line.replace(" -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts", ""),
  },
  {
    name: "iif",
    why: "v1.33.0 matches devices by index; the patch releases of 1.33 and 1.34 match the name, as knet does (kubernetes PR 134024)",
    rewrite: (line) => line.replace('{"meta":{"key":"iif"}}', '{"meta":{"key":"iifname"}}'),
  },
];
