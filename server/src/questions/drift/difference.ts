/** Differences between real machines and the machines that the topology describes. */
import type { NetnsId } from "../../dataplane/model.ts";
import type { Origin } from "../../declared/origin.ts";

export type Aspect =
  | "address"
  | "device"
  | "setting"
  | "route"
  | "rule"
  | "neighbour"
  | "fdb"
  | "sysctl"
  | "chain"
  | "order"
  | "service"
  | "nft"
  | "peer"
  | "ipsec";

interface Base {
  readonly aspect: Aspect;
  readonly machine: NetnsId;
  /** What differs; equal on machines with the same difference: "10.244.3.0/24". */
  readonly subject: string;
  /** The entry; for a missing one, the output that lacks it. */
  readonly real: Origin;
  readonly derived: Origin | undefined;
  /** The reason for the derived entry. */
  readonly why?: string | undefined;
}

export type Difference = Base &
  (
    | { readonly change: "missing"; readonly expected: string }
    | { readonly change: "extra"; readonly actual: string }
    | { readonly change: "changed"; readonly expected: string; readonly actual: string }
  );

export type Change = Difference["change"];

/** What a comparison of one machine needs to create its differences. */
export interface Reporter {
  missing(what: Missing): Difference;
  extra(what: Extra): Difference;
  changed(what: Changed): Difference;
}

type Missing = Omit<Extract<Difference, { change: "missing" }>, "machine" | "change">;
type Extra = Omit<Extract<Difference, { change: "extra" }>, "machine" | "change">;
type Changed = Omit<Extract<Difference, { change: "changed" }>, "machine" | "change">;

export function reporter(machine: NetnsId): Reporter {
  return {
    missing: (what) => ({ ...what, machine, change: "missing" }),
    extra: (what) => ({ ...what, machine, change: "extra" }),
    changed: (what) => ({ ...what, machine, change: "changed" }),
  };
}
