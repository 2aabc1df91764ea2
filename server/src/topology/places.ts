/** Names in statements, with their positions. */
import { all, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import type { NamedPlace } from "./model.ts";

export function placesIn(file: string, decl: Decl, argument: string): readonly NamedPlace[] {
  return all(decl, argument).flatMap((read) =>
    read.value.kind === "ref" ? [{ name: read.value.text, source: sourceOfRead(file, decl, read) }] : [],
  );
}
