/**
 * The address plan in JSON (`knet-plan/1`), defined once: TypeBox provides the TypeScript types and the JSON Schema in
 * the package.
 */
import { type Static, Type } from "typebox";
import { Location } from "../../trace/schema.ts";

const strict = { additionalProperties: false } as const;

/** A number of addresses or blocks; as decimal digits if a JavaScript number cannot represent it exactly. */
const Count = Type.Union([Type.Integer({ minimum: 0 }), Type.String({ pattern: "^[0-9]{16,}$" })]);
const Family = Type.Enum([4, 6]);

export const PlanRange = Type.Object(
  {
    /** "10.244.0.0/16"; "10.0.0.10-10.0.0.99" if the range is not a prefix. */
    range: Type.String(),
    /** `segment`: also a cloud subnet; `pods`: pod CIDR; `pool`: Calico IP pool; `shared`: one range for the pods of all nodes; `node`: of the pods of one node. */
    kind: Type.Enum(["segment", "pods", "pool", "shared", "node", "services", "docker-bridge"]),
    /** Name of the segment or IP pool, path of the node; otherwise the name of the cluster. */
    owner: Type.String(),
    cluster: Type.Optional(Type.String()),
    cloud: Type.Optional(Type.Enum(["aws", "azure", "gcp"])),
    /** Number of nodes that each have this range (Docker bridges); with the usage of the fullest node. */
    nodes: Type.Optional(Type.Integer()),
    /** Addresses that can be assigned; without network, broadcast, gateway (of pods), and reserved addresses. */
    size: Count,
    used: Count,
    free: Count,
    /** The largest prefix without a used address. */
    largestFree: Type.Optional(Type.String()),
    /** The next address ("10.0.0.5/32") or node range to be assigned. */
    nextFree: Type.Optional(Type.String()),
    /** The next unused range of the same size, outside all ranges. */
    nextRange: Type.Optional(Type.String()),
    /** Ranges that overlap this one although they must be disjoint. */
    overlaps: Type.Array(Type.String()),
    location: Type.Optional(Location),
  },
  strict,
);

export const PlanMask = Type.Object(
  {
    perNode: Type.Integer(),
    /** Number of blocks of this prefix length: of nodes, except with Calico. */
    nodes: Count,
    podsPerNode: Count,
    current: Type.Boolean(),
    /** Empty: sufficient. `nodes`: fewer blocks than needed; `pods`: fewer addresses than pods on a node; `max-pods`: fewer than `max-pods`. */
    limits: Type.Array(Type.Enum(["nodes", "pods", "max-pods"])),
  },
  strict,
);

export const PlanMasks = Type.Object(
  {
    family: Family,
    /** `block`: nodes claim blocks as their pods need them (Calico). */
    unit: Type.Enum(["node", "block"]),
    ranges: Type.Array(Type.String()),
    /** The shortest prefix length with enough blocks for the nodes. */
    shortest: Type.Optional(Type.Integer()),
    /** The longest prefix length with enough addresses for `max-pods`. */
    longest: Type.Optional(Type.Integer()),
    masks: Type.Array(PlanMask),
  },
  strict,
);

export const PlanGrowth = Type.Object(
  {
    unit: Type.Enum(["nodes", "blocks", "pods", "pods-on-node", "services"]),
    now: Type.Integer(),
    /** How many more until the ranges are full. */
    more: Count,
    ranges: Type.Array(Type.String()),
    /** The segment, or the node. */
    owner: Type.Optional(Type.String()),
  },
  strict,
);

export const PlanCluster = Type.Object(
  {
    name: Type.String(),
    nodes: Type.Integer(),
    pods: Type.Integer(),
    maxPods: Type.Integer(),
    masks: Type.Array(PlanMasks),
    growth: Type.Array(PlanGrowth),
  },
  strict,
);

export const Plan = Type.Object(
  { schema: Type.Literal("knet-plan/1"), ranges: Type.Array(PlanRange), clusters: Type.Array(PlanCluster) },
  { ...strict, $id: "knet-plan-1.schema.json", title: "knet plan" },
);

export type PlanRange = Static<typeof PlanRange>;
export type PlanMask = Static<typeof PlanMask>;
export type PlanMasks = Static<typeof PlanMasks>;
export type PlanGrowth = Static<typeof PlanGrowth>;
export type PlanCluster = Static<typeof PlanCluster>;
export type Plan = Static<typeof Plan>;
