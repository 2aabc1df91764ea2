/**
 * What the expressions of a Terraform configuration refer to. In a plan, a value that is known only after apply is absent;
 * `configuration` has the references of each expression, from the most specific one to the resource:
 * `["aws_subnet.a[0].id", "aws_subnet.a[0]", "aws_subnet.a"]`. Local values are not in it.
 */
import { at, isRecord, type Json, type JsonRecord, listAt, type Path, recordAt, textAt } from "../../text/json.ts";
import type { References, Referred, Resource } from "./resource.ts";
import { NO_REFERENCE } from "./resource.ts";

export type Key = string | number | undefined;

/** A module instance: its address ("" for the root), and its module calls from the root down. */
export interface Instance {
  readonly address: string;
  readonly calls: readonly string[];
}

/** "module.vpc[0].module.nat" is called by `vpc` and `nat`. Keys can contain any character. */
export function instanceAt(address: string): Instance {
  return { address, calls: [...address.matchAll(STEP)].map(([, name = ""]) => name) };
}

/** `vpc-prod` for "module.vpc[\"prod\"]": the name and the key of the innermost call. */
export function moduleLabel({ address }: Instance): string | undefined {
  const last = [...address.matchAll(STEP)].at(-1);
  const key = keyIn(last?.[2]);
  return last && (key === undefined || key === 0 ? last[1] : `${last[1]}-${key}`);
}

const STEP = /module\.([\w-]+)(\[(?:\d+|"(?:[^"\\]|\\.)*")\])?\.?/g;

export interface Referring {
  readonly type: string;
  readonly name: string;
  readonly key: Key;
  readonly instance: Instance;
}

/** Where references are resolved. */
interface Scope {
  readonly instance: Instance;
  /** The key of the resource, or of the call of the module. */
  readonly key: Key;
  readonly forEach: readonly string[];
}

interface World {
  readonly root: JsonRecord;
  /** By the address of the module instance and the resource without its key. */
  readonly byAddress: ReadonlyMap<string, readonly Resource[]>;
}

/** Expressions refer to each other through variables and outputs; a configuration has few levels of modules. */
const DEEPEST = 30;

export function referenceReader(
  value: JsonRecord,
  byAddress: ReadonlyMap<string, readonly Resource[]>,
): (resource: Referring) => References {
  const world: World = { root: recordAt(value, "configuration", "root_module"), byAddress };
  return ({ type, name, key, instance }) => {
    const known = new Map<string, Referred>();
    return {
      of: (path) => {
        const text = JSON.stringify(path);
        const found = known.get(text) ?? referred(world, { type, name, key, instance }, path);
        known.set(text, found);
        return found;
      },
    };
  };
}

function referred(world: World, { type, name, key, instance }: Referring, path: Path): Referred {
  const module = moduleAt(world, instance);
  const config = listAt(module, "resources").find(
    (one) => textAt(one, "type") === type && textAt(one, "name") === name,
  );
  const texts = referencesAt(at(config, "expressions"), path);
  if (texts.length === 0) return NO_REFERENCE;
  const scope = { instance, key, forEach: referencesAt(at(config, "for_each_expression"), []) };
  const found = resolved(world, scope, texts, 0);
  return { ...found, key: texts.some(isOwnKey) ? key : undefined };
}

function isOwnKey(text: string): boolean {
  return text === "count.index" || text === "each.key" || text.startsWith("each.value");
}

function moduleAt({ root }: World, { calls }: Instance): JsonRecord {
  return calls.reduce((module, name) => recordAt(module, "module_calls", name, "module"), root);
}

/** The references of the argument at a path; in a dynamic block, all references of the block. */
function referencesAt(expressions: Json | undefined, path: Path): readonly string[] {
  let now = expressions;
  for (const step of path) {
    if (isRecord(now) && Array.isArray(now["references"])) break;
    // A block that occurs once can be a record.
    if (typeof step === "number" && isRecord(now)) continue;
    now = at(now, step);
  }
  return listAt(now, "references").filter((one) => typeof one === "string");
}

interface Found {
  readonly resources: readonly Resource[];
  readonly isOpaque: boolean;
}

const NOTHING: Found = { resources: [], isOpaque: false };

function resolved(world: World, scope: Scope, texts: readonly string[], depth: number): Found {
  if (depth > DEEPEST) return NOTHING;
  // Only the most specific reference of each: the others are its beginnings.
  const longest = texts.filter(
    (text) => !texts.some((one) => one !== text && (one.startsWith(`${text}.`) || one.startsWith(`${text}[`))),
  );
  const ownKey = texts.some(isOwnKey) ? scope.key : undefined;
  const all = longest.map((text) => resolvedOne(world, scope, { text, ownKey }, depth));
  return {
    resources: [...new Set(all.flatMap(({ resources }) => resources))],
    isOpaque: all.some(({ isOpaque }) => isOpaque),
  };
}

function resolvedOne(
  world: World,
  scope: Scope,
  { text, ownKey }: { readonly text: string; readonly ownKey: Key },
  depth: number,
): Found {
  const [head = "", second = ""] = text.split(/[.[]/);
  switch (head) {
    case "local":
      return { resources: [], isOpaque: true };
    case "each":
      return second === "value" ? resolved(world, { ...scope, forEach: [] }, scope.forEach, depth + 1) : NOTHING;
    case "count":
    case "path":
    case "terraform":
    case "self":
      return NOTHING;
    case "var":
      return ofVariable(world, scope.instance, second, depth);
    case "module":
      return ofOutput(world, scope.instance, text, depth);
    default:
      return { resources: ofAddress(world, scope.instance, text, ownKey), isOpaque: false };
  }
}

/** The argument of the call of the module. */
function ofVariable(world: World, { address, calls }: Instance, name: string, depth: number): Found {
  const call = calls.at(-1);
  if (call === undefined) return NOTHING;
  const steps = [...address.matchAll(STEP)];
  const last = steps.at(-1);
  const parent = instanceAt(address.slice(0, last?.index ?? 0).replace(/\.$/, ""));
  const config = recordAt(moduleAt(world, parent), "module_calls", call);
  const forEach = referencesAt(config["for_each_expression"], []);
  const scope = { instance: parent, key: keyIn(last?.[2]), forEach };
  return resolved(world, scope, referencesAt(at(config, "expressions", name), []), depth + 1);
}

function keyIn(bracket: string | undefined): Key {
  if (bracket === undefined) return undefined;
  const key: unknown = JSON.parse(bracket.slice(1, -1));
  return typeof key === "string" || typeof key === "number" ? key : undefined;
}

/** `module.vpc.private_subnets`, `module.vpc["a"].vpc_id`; without a key, of all instances of the module. */
function ofOutput(world: World, { address }: Instance, text: string, depth: number): Found {
  const match = /^module\.([\w-]+)(\[(?:\d+|"(?:[^"\\]|\\.)*")\])?(?:\.([\w-]+))?/.exec(text);
  const [, name = "", bracket = "", output] = match ?? [];
  if (output === undefined) return NOTHING;
  const start = `${address === "" ? "" : `${address}.`}module.${name}`;
  const instances = bracket !== "" ? [start + bracket] : instancesOf(world, start);
  const all = instances.map((one) => {
    const instance = instanceAt(one);
    const expression = at(moduleAt(world, instance), "outputs", output, "expression");
    return resolved(world, { instance, key: undefined, forEach: [] }, referencesAt(expression, []), depth + 1);
  });
  return {
    resources: all.flatMap(({ resources }) => resources),
    isOpaque: all.some(({ isOpaque }) => isOpaque),
  };
}

/** The addresses of the instances of a module call, from the resources in them. */
function instancesOf({ byAddress }: World, start: string): readonly string[] {
  const found = new Set<string>();
  for (const place of byAddress.keys()) {
    if (!place.startsWith(start)) continue;
    const rest = /^(?:\[(?:\d+|"(?:[^"\\]|\\.)*")\])?(?=[. ])/.exec(place.slice(start.length));
    if (rest) found.add(start + rest[0]);
  }
  return found.size > 0 ? [...found] : [start];
}

/** `aws_subnet.a[0].id`; without a key, the instance with the key of the referring resource if it exists, else all. */
function ofAddress({ byAddress }: World, { address }: Instance, text: string, ownKey: Key): readonly Resource[] {
  const match = /^((?:data\.)?[\w-]+\.[\w-]+)(\[(?:\d+|"(?:[^"\\]|\\.)*")\])?/.exec(text);
  const all = byAddress.get(`${address} ${match?.[1] ?? ""}`) ?? [];
  const bracket = match?.[2] ?? (ownKey === undefined ? undefined : `[${JSON.stringify(ownKey)}]`);
  const exact = bracket === undefined ? [] : all.filter(({ object }) => object.name.endsWith(bracket));
  return exact.length > 0 ? exact : all;
}
