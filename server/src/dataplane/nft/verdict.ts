import type { NftExpr, NftVerdict } from "./ast.ts";

/** The data of an element is a verdict, not a value. */
export function isVerdict(data: NftVerdict | NftExpr): data is NftVerdict {
  return ["accept", "drop", "return", "continue", "jump", "goto"].includes(data.kind);
}
