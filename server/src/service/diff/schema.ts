/**
 * The comparison of two topologies in JSON (`knet-diff/1`). TypeBox provides the types and the JSON Schema that the package
 * ships.
 */
import { type Static, Type } from "typebox";
import { MatrixAllowed } from "../../kubernetes/matrix/schema.ts";
import { Location } from "../../trace/schema.ts";

const strict = { additionalProperties: false } as const;

/** A workload, an external host, or addresses outside the clusters. */
export const DiffEnd = Type.Union([
  Type.Object(
    {
      /** namespace/name; with several clusters cluster/namespace/name. */
      path: Type.String(),
      kind: Type.Enum(["Pod", "Deployment", "StatefulSet", "DaemonSet"]),
      namespace: Type.String(),
      /** Only the pods on these nodes, and `pods`; without both, all pods. */
      nodes: Type.Optional(Type.Array(Type.String())),
      /** Pods without a node or address, and pods of which only some on their node are affected. */
      pods: Type.Optional(Type.Array(Type.String())),
    },
    strict,
  ),
  Type.Object({ host: Type.String(), range: Type.String() }, strict),
  Type.Object({ range: Type.String() }, strict),
]);

/** The pairs of pods to which a connection is limited. */
export const Scope = Type.Enum([
  "same-node",
  "same-segment",
  "different-segments",
  /** Nodes that share a segment only before, or only after the change. */
  "formerly-same-segment",
  "newly-same-segment",
  /** At least one of the pods has no node or no address. */
  "unplaced",
  "ipv4",
  "ipv6",
]);

const Paths = Type.Object({ from: Type.String(), to: Type.String() }, strict);

/** Paths of two pods or hosts that the change affects, for `knet trace`; pods on the same nodes can have other names after the change. */
export const Example = Type.Object({ before: Type.Optional(Paths), after: Type.Optional(Paths) }, strict);

const pairs = {
  /** Each sender with each receiver. A pod and itself are not a pair. */
  from: Type.Array(DiffEnd, { minItems: 1 }),
  to: Type.Array(DiffEnd, { minItems: 1 }),
  /** Absent: all pairs of pods. The places and the address families are alternatives. */
  scope: Type.Optional(Type.Array(Scope, { minItems: 1 })),
  /**
   * Absent: the packet and its reply pass through the data plane. Set for addresses outside the clusters: only network policies
   * decide.
   */
  basis: Type.Optional(Type.Literal("policies")),
  example: Type.Optional(Example),
  /** The ranges together are all addresses outside the clusters. */
  outside: Type.Optional(Type.Literal("all")),
};

const allowed = Type.Array(MatrixAllowed);

export const DiffConnection = Type.Object({ ...pairs, allowed }, strict);

export const DiffChange = Type.Object(
  { ...pairs, before: allowed, after: allowed, opened: allowed, closed: allowed },
  strict,
);

const Renamed = Type.Object({ before: Type.String(), after: Type.String() }, strict);

/** Lines of a listing, in the format of the tool that prints them. */
export const DiffSection = Type.Object(
  { command: Type.String(), added: Type.Array(Type.String()), removed: Type.Array(Type.String()) },
  strict,
);

export const DiffMachines = Type.Object(
  {
    kind: Type.Enum(["node", "router", "host"]),
    /** Machines with the same changes; `<address>`, `<pod CIDR>`, and similar names are values of each machine. */
    machines: Type.Array(Type.String(), { minItems: 1 }),
    sections: Type.Array(DiffSection),
  },
  strict,
);

export const DiffDiagnostic = Type.Object(
  {
    code: Type.String(),
    severity: Type.Enum(["error", "warning", "info", "hint"]),
    message: Type.String(),
    /** In the topology that has the finding. */
    location: Type.Optional(Location),
  },
  strict,
);

export const Diff = Type.Object(
  {
    schema: Type.Literal("knet-diff/1"),
    /** The arguments of the command. */
    before: Type.String(),
    after: Type.String(),
    connections: Type.Object(
      { added: Type.Array(DiffConnection), removed: Type.Array(DiffConnection), changed: Type.Array(DiffChange) },
      strict,
    ),
    /** Their connections are also listed in `connections`. */
    endpoints: Type.Object(
      { added: Type.Array(DiffEnd), removed: Type.Array(DiffEnd), renamed: Type.Array(Renamed) },
      strict,
    ),
    routes: Type.Object(
      {
        /** Paths of nodes, routers, and hosts. */
        added: Type.Array(Type.String()),
        removed: Type.Array(Type.String()),
        renamed: Type.Array(Renamed),
        classes: Type.Array(DiffMachines),
      },
      strict,
    ),
    diagnostics: Type.Object(
      {
        added: Type.Array(DiffDiagnostic),
        removed: Type.Array(DiffDiagnostic),
        /** The same problem with other values. */
        changed: Type.Array(Type.Object({ before: DiffDiagnostic, after: DiffDiagnostic }, strict)),
      },
      strict,
    ),
    /** Parts that were not compared. */
    notes: Type.Array(Type.String()),
  },
  { ...strict, $id: "knet-diff-1.schema.json", title: "knet diff" },
);

export type DiffEnd = Static<typeof DiffEnd>;
export type Scope = Static<typeof Scope>;
export type Example = Static<typeof Example>;
export type DiffConnection = Static<typeof DiffConnection>;
export type DiffChange = Static<typeof DiffChange>;
export type DiffSection = Static<typeof DiffSection>;
export type DiffMachines = Static<typeof DiffMachines>;
export type DiffDiagnostic = Static<typeof DiffDiagnostic>;
export type Renamed = Static<typeof Renamed>;
export type Diff = Static<typeof Diff>;
