/** Kubernetes objects as plain data, and their YAML. */
import { stringify } from "yaml";

export type Plain = null | boolean | number | string | readonly Plain[] | PlainRecord;
export interface PlainRecord {
  readonly [key: string]: Plain | undefined;
}

export interface KubeItem {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly labels?: PlainRecord | undefined;
    readonly annotations?: PlainRecord | undefined;
    readonly ownerReferences?: readonly PlainRecord[] | undefined;
  };
  readonly spec?: PlainRecord | undefined;
  readonly status?: PlainRecord | undefined;
  readonly data?: PlainRecord | undefined;
  /** EndpointSlice. */
  readonly addressType?: string;
  readonly ports?: readonly PlainRecord[];
  readonly endpoints?: readonly PlainRecord[];
}

/**
 * Kubernetes reads YAML 1.1 (sigs.k8s.io/yaml): a string such as `on` or `1_000` is quoted. Lines are not folded, and a value that
 * occurs twice is written twice.
 */
export function yamlText(value: Plain): string {
  return stringify(value, { compat: "yaml-1.1", lineWidth: 0, aliasDuplicateObjects: false });
}

/** One document per object. */
export function yamlDocuments(items: readonly (KubeItem | PlainRecord)[]): string {
  return items.map((item) => yamlText(item as PlainRecord)).join("---\n");
}

/** Undefined for an empty list: the field is omitted. */
export function ifAny<T>(values: readonly T[]): readonly T[] | undefined {
  return values.length === 0 ? undefined : values;
}

/** Undefined for an empty map. */
export function labelRecord(labels: ReadonlyMap<string, string>): PlainRecord | undefined {
  return labels.size === 0 ? undefined : Object.fromEntries(labels);
}

/** The value only if it is different from the API's default. */
export function unless<T>(value: T, otherwise: T): T | undefined {
  return value === otherwise ? undefined : value;
}
