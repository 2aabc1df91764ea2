/** The input of queries: plain data and lazily computed views, without file system or clock. */
import type { Network } from "../dataplane/model.ts";
import type { Topology } from "../topology/model.ts";

export interface View {
  readonly topology: Topology;
  readonly network: Network;
  /**
   * The topology with placeholder pods on the nodes of clusters without pods; `topology` itself if all clusters have
   * pods.
   */
  readonly peopled: Topology;
  /** The network of `peopled` without policies: traffic that a policy denies is not a network problem. */
  readonly open: Network;
  /** Whether all expectations and node pairs are also evaluated after each single failure. */
  readonly failures?: boolean | undefined;
  /** True after a newer edit made this run obsolete; long queries poll it and stop. */
  cancelled(): boolean;
}
