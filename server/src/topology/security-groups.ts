/** Security groups as written. */
import { nameOf, one, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { sourceOf } from "../declared/origin.ts";
import { memo } from "../memo/memo.ts";
import { readRule } from "./access-list.ts";
import type { AclRule, GroupRule, SecurityGroup } from "./model.ts";
import { placesIn } from "./places.ts";
import type { TopologyProblem } from "./problems.ts";

export interface SecurityGroupParts extends SecurityGroup {
  readonly problems: readonly TopologyProblem[];
}

/** Undefined if the name is unreadable. */
export const securityGroupIn = memo((decl: Decl, file: string): SecurityGroupParts | undefined => {
  const name = nameOf(decl);
  const nameRead = one(decl, "name");
  if (name === undefined || nameRead === undefined) return undefined;
  const problems: TopologyProblem[] = [];
  const rules = decl.children.flatMap((statement): GroupRule[] => {
    if (statement.spec?.keyword !== "allow") return [];
    const read: AclRule[] = [];
    // Inbound without a direction, like the rules of a host.
    readRule(file, statement, "host", read, problems);
    return read.map((rule) => ({
      ...rule,
      fromGroups: placesIn(file, statement, "from-group"),
      toGroups: placesIn(file, statement, "to-group"),
    }));
  });
  return { name, rules, source: sourceOf(file, decl), nameSource: sourceOfRead(file, decl, nameRead), problems };
});
