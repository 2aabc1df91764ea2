/**
 * Calico's selectors (projectcalico, libcalico-go/lib/selector): `app == 'web' && tier in {'a', 'b'} || !has(role)`, as
 * alternatives of requirements.
 */
import type { Requirement } from "../../declared/values.ts";

/** A selector in disjunctive normal form: it matches if all requirements of one alternative match. */
export type Alternatives = readonly (readonly Requirement[])[];

export type CalicoSelector =
  | { readonly ok: true; readonly alternatives: Alternatives; readonly isGlobal: boolean }
  /** `part`: the operator that label selectors do not have, or the text that is not a selector. */
  | { readonly ok: false; readonly part: string };

/** More alternatives are not a selector that anyone writes. */
const MOST_ALTERNATIVES = 64;

type Expression =
  | { readonly kind: "all" }
  | { readonly kind: "requirement"; readonly requirement: Requirement }
  | { readonly kind: "not"; readonly of: Expression }
  | { readonly kind: "and" | "or"; readonly left: Expression; readonly right: Expression };

/** An empty selector matches everything. */
export function calicoSelector(text: string): CalicoSelector {
  const tokens = tokensOf(text);
  if (tokens === undefined) return { ok: false, part: text };
  if (tokens.length === 0) return { ok: true, alternatives: [[]], isGlobal: false };
  const state: State = { tokens, at: 0, unsupported: undefined, isGlobal: false };
  const expression = orExpression(state);
  if (state.unsupported !== undefined) return { ok: false, part: state.unsupported };
  if (expression === undefined || state.at < tokens.length) return { ok: false, part: text };
  const alternatives = normal(expression, false);
  return alternatives ? { ok: true, alternatives, isGlobal: state.isGlobal } : { ok: false, part: text };
}

/* ------------------------------------------------------------------ parsing */

interface State {
  readonly tokens: readonly string[];
  at: number;
  unsupported: string | undefined;
  isGlobal: boolean;
}

const TOKEN = /\s*(?:(&&|\|\||==|!=|[!(){},])|("[^"]*"|'[^']*')|([A-Za-z0-9_./-]+))/y;

function tokensOf(text: string): readonly string[] | undefined {
  const tokens: string[] = [];
  const trimmed = text.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < trimmed.length) {
    const found = TOKEN.exec(trimmed);
    if (!found) return undefined;
    tokens.push(found[1] ?? found[2] ?? found[3] ?? "");
  }
  return tokens;
}

function next(state: State, token: string): boolean {
  if (state.tokens[state.at] !== token) return false;
  state.at += 1;
  return true;
}

function orExpression(state: State): Expression | undefined {
  let left = andExpression(state);
  while (left && next(state, "||")) {
    const right = andExpression(state);
    left = right && { kind: "or", left, right };
  }
  return left;
}

function andExpression(state: State): Expression | undefined {
  let left = term(state);
  while (left && next(state, "&&")) {
    const right = term(state);
    left = right && { kind: "and", left, right };
  }
  return left;
}

function term(state: State): Expression | undefined {
  if (next(state, "!")) {
    const of = term(state);
    return of && { kind: "not", of };
  }
  if (next(state, "(")) {
    const inner = orExpression(state);
    return inner && next(state, ")") ? inner : undefined;
  }
  const word = state.tokens[state.at];
  if (word === undefined || !/^[A-Za-z0-9_./-]/.test(word)) return undefined;
  state.at += 1;
  if ((word === "all" || word === "global") && next(state, "(")) {
    if (word === "global") state.isGlobal = true;
    return next(state, ")") ? { kind: "all" } : undefined;
  }
  if (word === "has" && next(state, "(")) {
    const key = state.tokens[state.at++];
    return key !== undefined && next(state, ")") ? requirement(key, "Exists", []) : undefined;
  }
  return comparison(state, word);
}

function comparison(state: State, key: string): Expression | undefined {
  if (next(state, "==")) return single(state, key, "In");
  if (next(state, "!=")) return single(state, key, "NotIn");
  if (next(state, "in")) return set(state, key, "In");
  if (next(state, "not")) return next(state, "in") ? set(state, key, "NotIn") : undefined;
  for (const operator of ["contains", "starts", "ends"]) {
    if (!next(state, operator)) continue;
    state.unsupported = operator === "contains" ? operator : `${operator} with`;
    return undefined;
  }
  return undefined;
}

function single(state: State, key: string, operator: "In" | "NotIn"): Expression | undefined {
  const value = literal(state);
  return value === undefined ? undefined : requirement(key, operator, [value]);
}

function set(state: State, key: string, operator: "In" | "NotIn"): Expression | undefined {
  if (!next(state, "{")) return undefined;
  const values: string[] = [];
  while (!next(state, "}")) {
    const value = literal(state);
    if (value === undefined) return undefined;
    values.push(value);
    next(state, ",");
  }
  return requirement(key, operator, values);
}

function literal(state: State): string | undefined {
  const token = state.tokens[state.at];
  if (token === undefined || !/^["']/.test(token)) return undefined;
  state.at += 1;
  return token.slice(1, -1);
}

function requirement(key: string, operator: Requirement["operator"], values: readonly string[]): Expression {
  return { kind: "requirement", requirement: { key, operator, values } };
}

/* ------------------------------------------------------------------ normal form */

const OPPOSITE: Readonly<Record<Requirement["operator"], Requirement["operator"]>> = {
  In: "NotIn",
  NotIn: "In",
  Exists: "DoesNotExist",
  DoesNotExist: "Exists",
};

/** Undefined if there are too many alternatives. */
function normal(expression: Expression, isNegated: boolean): Alternatives | undefined {
  switch (expression.kind) {
    case "all":
      return isNegated ? [] : [[]];
    case "requirement": {
      const { key, operator, values } = expression.requirement;
      return [[{ key, operator: isNegated ? OPPOSITE[operator] : operator, values }]];
    }
    case "not":
      return normal(expression.of, !isNegated);
    case "and":
    case "or": {
      const left = normal(expression.left, isNegated);
      const right = normal(expression.right, isNegated);
      if (!left || !right) return undefined;
      return (expression.kind === "or") !== isNegated ? limited([...left, ...right]) : both(left, right);
    }
  }
}

/** Matches what both match. */
export function both(left: Alternatives, right: Alternatives): Alternatives | undefined {
  if (left.length * right.length > MOST_ALTERNATIVES) return undefined;
  return left.flatMap((one) => right.map((other) => [...one, ...other]));
}

/** Matches what the selector does not match. */
export function complement(alternatives: Alternatives): Alternatives | undefined {
  let result: Alternatives | undefined = [[]];
  for (const one of alternatives) {
    const opposite = one.map(({ key, operator, values }) => [{ key, operator: OPPOSITE[operator], values }]);
    result = result && both(result, opposite);
  }
  return result;
}

function limited(alternatives: Alternatives): Alternatives | undefined {
  return alternatives.length > MOST_ALTERNATIVES ? undefined : alternatives;
}
