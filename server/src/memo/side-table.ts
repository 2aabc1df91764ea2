/**
 * Values about objects, which end with their objects, as in a WeakMap. They are attached to the object: V8 keeps the
 * values of a WeakMap until the next full collection, and copies them during each smaller collection. A check of thousands
 * of small files would keep all topologies in between.
 */
export interface SideTable<K extends object, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
}

/** The values about one object, of all tables. */
interface Entry {
  readonly table: object;
  value: unknown;
  readonly next: Entry | undefined;
}

const attached = Symbol("attached");

interface Holder {
  [attached]?: Entry | undefined;
}

export function sideTable<K extends object, V>(): SideTable<K, V> {
  const table: SideTable<K, V> = {
    get: (key) => entryOf(key, table)?.value as V | undefined,
    set(key, value) {
      const known = entryOf(key, table);
      if (known) known.value = value;
      else attach(key, { table, value, next: (key as Holder)[attached] });
    },
  };
  return table;
}

function entryOf(key: Holder, table: object): Entry | undefined {
  let entry = key[attached];
  while (entry !== undefined && entry.table !== table) entry = entry.next;
  return entry;
}

/** Not enumerable: a copy of the object is a different object. */
function attach(key: Holder, entry: Entry): void {
  if (entry.next) key[attached] = entry;
  else Object.defineProperty(key, attached, { value: entry, writable: true });
}
