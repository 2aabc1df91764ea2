/**
 * The connectivity matrix in JSON (`knet-matrix/1`). TypeBox provides the types and the JSON Schema that the package
 * ships.
 */
import { type Static, Type } from "typebox";

const strict = { additionalProperties: false } as const;

/** A workload (or pod), or addresses outside every cluster. */
export const MatrixEnd = Type.Union([
  Type.Object(
    {
      /** namespace/name; with several clusters cluster/namespace/name. */
      path: Type.String(),
      kind: Type.Enum(["Pod", "Deployment", "StatefulSet", "DaemonSet"]),
      namespace: Type.String(),
    },
    strict,
  ),
  /** "0.0.0.0-9.255.255.255" */
  Type.Object({ range: Type.String() }, strict),
]);

export const MatrixAllowed = Type.Object(
  {
    proto: Type.Enum(["tcp", "udp", "sctp", "icmp"]),
    /** One port or one range; always 1-65535 for ICMP, which has no ports. */
    ports: Type.String({ pattern: "^[0-9]+(-[0-9]+)?$" }),
  },
  strict,
);

export const MatrixConnection = Type.Object(
  { from: MatrixEnd, to: MatrixEnd, allowed: Type.Array(MatrixAllowed, { minItems: 1 }) },
  strict,
);

export const Matrix = Type.Object(
  { schema: Type.Literal("knet-matrix/1"), connections: Type.Array(MatrixConnection) },
  { ...strict, $id: "knet-matrix-1.schema.json", title: "knet matrix" },
);

export type MatrixEnd = Static<typeof MatrixEnd>;
export type MatrixAllowed = Static<typeof MatrixAllowed>;
export type MatrixConnection = Static<typeof MatrixConnection>;
export type Matrix = Static<typeof Matrix>;
