/** JSON form of the rules of a network namespace (`knet-rules/1`), defined once: TypeBox provides the TypeScript type and the JSON Schema in the package. */
import { type Static, Type } from "typebox";

const strict = { additionalProperties: false } as const;
const Position = Type.Object({ line: Type.Integer(), character: Type.Integer() }, strict);

export const RulesReport = Type.Object(
  {
    schema: Type.Literal("knet-rules/1"),
    netns: Type.String(),
    /** One section per program: iptables-save, ip6tables-save, nft, ipvsadm, ipset. */
    sections: Type.Array(
      Type.Object(
        {
          command: Type.String(),
          lines: Type.Array(
            Type.Object(
              {
                text: Type.String(),
                /** The declaration that caused the line. */
                location: Type.Optional(
                  Type.Object(
                    { file: Type.String(), range: Type.Object({ start: Position, end: Position }, strict) },
                    strict,
                  ),
                ),
              },
              strict,
            ),
          ),
        },
        strict,
      ),
    ),
  },
  { ...strict, $id: "knet-rules-1.schema.json", title: "knet rules" },
);

export type RulesReport = Static<typeof RulesReport>;
