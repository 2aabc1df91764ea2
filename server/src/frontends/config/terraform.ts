/**
 * `terraform show -json` of a plan or a state, and `terraform.tfstate` (version 4), as resources
 * (developer.hashicorp.com/terraform/internals/json-format).
 */
import { at, isRecord, type JsonRecord, listAt, type Path, recordAt, textAt } from "../../text/json.ts";
import { type Instance, instanceAt, type Key, moduleLabel, referenceReader } from "./references.ts";
import type { Resource } from "./resource.ts";
import type { SpanFinder } from "./spans.ts";

/** A file, and where its values are. */
export interface SourceText {
  readonly file: string;
  readonly find: SpanFinder;
}

export function isTerraform(value: JsonRecord): boolean {
  return isRecord(value["planned_values"]) || isRecord(at(value, "values", "root_module")) || isStateFile(value);
}

function isStateFile(value: JsonRecord): boolean {
  return (
    value["version"] === 4 && Array.isArray(value["resources"]) && textAt(value, "terraform_version") !== undefined
  );
}

/** The version of the format if this reader does not know its major version. */
export function unknownFormat(value: JsonRecord): string | undefined {
  const version = textAt(value, "format_version");
  return version === undefined || /^[01]\./.test(version) ? undefined : version;
}

/** A resource as written, with its path in the file. */
interface Raw {
  readonly type: string;
  readonly name: string;
  readonly address: string;
  readonly instance: Instance;
  readonly key: Key;
  readonly values: JsonRecord;
  readonly valuesPath: Path;
  /** The field that names the resource. */
  readonly namePath: Path;
  readonly isData: boolean;
}

export function terraformResources(source: SourceText, value: JsonRecord): readonly Resource[] {
  const raw = isStateFile(value)
    ? stateResources(value)
    : [
        ...resourcesIn(value, ["planned_values", "root_module"]),
        // Data sources that are read before the plan; the managed resources are there as they were before.
        ...resourcesIn(value, ["prior_state", "values", "root_module"]).filter(({ isData }) => isData),
        ...resourcesIn(value, ["values", "root_module"]),
      ];
  const byAddress = new Map<string, Resource[]>();
  const references = isRecord(value["configuration"]) ? referenceReader(value, byAddress) : undefined;
  return raw.map((one) => {
    const resource: Resource = {
      object: {
        file: source.file,
        apiVersion: "terraform",
        kind: one.type,
        namespace: undefined,
        name: one.address,
        value: one.values,
        locate: (path) => source.find(path.length === 0 ? one.namePath : [...one.valuesPath, ...path]),
      },
      type: one.type,
      label: labelOf(one),
      references: references?.(one),
    };
    const place = `${one.instance.address} ${one.isData ? "data." : ""}${one.type}.${one.name}`;
    const known = byAddress.get(place);
    if (known) known.push(resource);
    else byAddress.set(place, [resource]);
    return resource;
  });
}

/** Names that say nothing: the module's name says more. */
const EMPTY_NAMES: ReadonlySet<string> = new Set(["this", "main", "default"]);

/** "module.vpc.aws_subnet.private[0]" is `vpc-private-0`. */
function labelOf({ type, name, key, instance, isData }: Raw): string {
  const own = EMPTY_NAMES.has(name) && instance.calls.length === 0 ? kindName(type) : name;
  const module = moduleLabel(instance);
  const first = module === undefined ? [own] : EMPTY_NAMES.has(name) ? [module] : [module, own];
  const parts = [...first, ...(key === undefined || (key === 0 && EMPTY_NAMES.has(name)) ? [] : [String(key)])];
  return isData && parts.length === 0 ? type : parts.join("-");
}

function kindName(type: string): string {
  return type.slice(type.lastIndexOf("_") + 1);
}

function resourcesIn(value: JsonRecord, path: Path): readonly Raw[] {
  const module = recordAt(value, ...path);
  const instance = instanceAt(textAt(module, "address") ?? "");
  return [
    ...listAt(module, "resources").flatMap((one, index) => {
      const type = textAt(one, "type");
      const name = textAt(one, "name");
      const address = textAt(one, "address");
      if (type === undefined || name === undefined || address === undefined) return [];
      const own = [...path, "resources", index];
      return {
        type,
        name,
        address,
        instance,
        key: keyOf(at(one, "index")),
        values: recordAt(one, "values"),
        valuesPath: [...own, "values"],
        namePath: [...own, "address"],
        isData: at(one, "mode") === "data",
      };
    }),
    ...listAt(module, "child_modules").flatMap((_, index) => resourcesIn(value, [...path, "child_modules", index])),
  ];
}

/** `terraform.tfstate`: one entry per resource, with its instances. */
function stateResources(value: JsonRecord): readonly Raw[] {
  return listAt(value, "resources").flatMap((one, index) => {
    const type = textAt(one, "type");
    const name = textAt(one, "name");
    if (type === undefined || name === undefined) return [];
    const instance = instanceAt(textAt(one, "module") ?? "");
    const isData = at(one, "mode") === "data";
    const head = `${instance.address === "" ? "" : `${instance.address}.`}${isData ? "data." : ""}${type}.${name}`;
    return listAt(one, "instances").map((instanceValue, place): Raw => {
      const key = keyOf(at(instanceValue, "index_key"));
      return {
        type,
        name,
        address: key === undefined ? head : `${head}[${JSON.stringify(key)}]`,
        instance,
        key,
        values: recordAt(instanceValue, "attributes"),
        valuesPath: ["resources", index, "instances", place, "attributes"],
        namePath: ["resources", index, "name"],
        isData,
      };
    });
  });
}

function keyOf(value: unknown): Key {
  return typeof value === "string" || typeof value === "number" ? value : undefined;
}
