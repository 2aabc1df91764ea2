import { parsePrefix } from "../../addressing/ip.ts";
import type { Check, FixEdit } from "../check.ts";
import { sourceAt } from "../source.ts";
import { shop } from "./examples.ts";

const policy = (except: string): string =>
  shop(`policy p {\n  select app=api\n  ingress from cidr 192.168.0.0/16 except ${except}\n}`);

export const exceptOutside: Check = {
  code: "KN611",
  name: "policy-except-outside",
  family: "policies",
  severity: "error",
  summary: "An exception is no part of the prefix that it restricts.",
  documentation: `Each \`except\` must be a real part of its \`cidr\`: the API server refuses the policy otherwise (*must be a strict subset of cidr*,
pkg/apis/networking/validation, ValidateIPBlock). An exception equal to the prefix would leave nothing.`,
  example: { bad: policy("10.0.0.0/8"), good: policy("192.168.99.0/24") },
  message: ({ except, cidr }) =>
    `except ${except} is no part of cidr ${cidr}, and the API server refuses the policy; give a smaller prefix inside ${cidr}, or leave it out`,
  fixes: ({ except }, source) => {
    const { args } = source.statement;
    const at = Number(source.part);
    const remove = (part: number): FixEdit => ({ kind: "remove", source: sourceAt(source, part) });
    // The word goes with the last of its prefixes.
    const isOnly = args[at - 1]?.text === "except" && parsePrefix(args[at + 1]?.text ?? "") === undefined;
    return [{ title: `Remove except ${except}`, edits: isOnly ? [remove(at - 1), remove(at)] : [remove(at)] }];
  },
};
