/** A namespace's rules in JSON (`knet-rules/1`), said once: TypeBox gives the type and the JSON Schema that the package ships. */
import { type Static, Type } from "typebox";

const strict = { additionalProperties: false } as const;
const Position = Type.Object({ line: Type.Integer(), character: Type.Integer() }, strict);

export const RulesReport = Type.Object(
  {
    schema: Type.Literal("knet-rules/1"),
    netns: Type.String(),
    /** One for each program that would print a part: iptables-save, ip6tables-save, nft, ipvsadm, ipset. */
    sections: Type.Array(
      Type.Object(
        {
          command: Type.String(),
          lines: Type.Array(
            Type.Object(
              {
                text: Type.String(),
                /** The declaration that caused it. */
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
