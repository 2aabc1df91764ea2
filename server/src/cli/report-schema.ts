/** Output of `knet check --format json` (`knet-check/1`). In a separate file, because the command itself does not need TypeBox. */
import { type Static, Type } from "typebox";
import { Location } from "../trace/schema.ts";

const strict = { additionalProperties: false } as const;
const Range = Location.properties.range;

export const Diagnostic = Type.Object(
  {
    code: Type.String(),
    severity: Type.Enum(["error", "warning", "info", "hint"]),
    message: Type.String(),
    /** Zero-based lines and UTF-16 characters. */
    range: Range,
    related: Type.Array(Type.Object({ file: Type.String(), range: Range, message: Type.String() }, strict)),
    /** Each fix is proven: after its edits, the finding is gone and no new error appears. All edits of a fix apply together. */
    fixes: Type.Array(
      Type.Object(
        {
          title: Type.String(),
          edits: Type.Array(Type.Object({ file: Type.String(), range: Range, text: Type.String() }, strict)),
        },
        strict,
      ),
    ),
  },
  strict,
);
export const Report = Type.Object(
  {
    schema: Type.Literal("knet-check/1"),
    files: Type.Array(Type.Object({ path: Type.String(), diagnostics: Type.Array(Diagnostic) }, strict)),
    summary: Type.Object(
      { errors: Type.Integer(), warnings: Type.Integer(), infos: Type.Integer(), hints: Type.Integer() },
      strict,
    ),
  },
  { ...strict, $id: "knet-check-1.schema.json", title: "knet check" },
);
export type Diagnostic = Static<typeof Diagnostic>;
export type Report = Static<typeof Report>;
