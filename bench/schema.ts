/** Output of `npm run bench -- --json` (`knet-bench/1`): TypeBox derives the types and the published JSON Schema from it. */
import { type Static, Type } from "typebox";

const strict = { additionalProperties: false } as const;

export const Result = Type.Object(
  {
    name: Type.String(),
    unit: Type.Enum(["ms", "MB"]),
    median: Type.Number({ minimum: 0 }),
    p95: Type.Number({ minimum: 0 }),
    runs: Type.Integer({ minimum: 1 }),
    /** Median divided by the median of the result named in `against`. */
    ratio: Type.Optional(Type.Number({ minimum: 0 })),
    /** Name of another result in the same run. */
    against: Type.Optional(Type.String()),
  },
  strict,
);

export const Bench = Type.Object(
  { schema: Type.Literal("knet-bench/1"), results: Type.Array(Result) },
  { ...strict, $id: "knet-bench-1.schema.json", title: "knet bench" },
);

export type Result = Static<typeof Result>;
export type Bench = Static<typeof Bench>;
