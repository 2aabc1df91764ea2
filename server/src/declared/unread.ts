import type { DeclProblem } from "./decl.ts";
import type { Part } from "./handle.ts";
import type { Unread } from "./reading.ts";
import type { ArgSpec, KeywordSpec } from "./schema/types.ts";

/** The problem of an argument that could not be read. */
export function unreadable(spec: KeywordSpec, target: ArgSpec, part: Part, read: Unread): DeclProblem {
  const where = { keyword: spec.keyword, argument: target.name };
  switch (read.code) {
    case "KN006":
      return { code: read.code, part, data: { ...where, ...read.data } };
    case "KN007":
      return { code: read.code, part, data: { ...where, ...read.data } };
    case "KN014":
      return { code: read.code, part, data: { ...where, ...read.data } };
  }
}
