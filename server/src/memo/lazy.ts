/** Objects with properties that are computed when they are first read. */
import { once } from "./memo.ts";

const makers = Symbol("makers");

interface Holder {
  readonly [makers]: ReadonlyMap<string, () => unknown>;
}

type Made<L extends Readonly<Record<string, () => unknown>>> = { readonly [K in keyof L]: ReturnType<L[K]> };

/**
 * Adds the properties to the object. All objects share one getter per name: an object literal with a getter has a separate
 * hidden class, and V8 keeps this class, and everything that the getter refers to, until the next full collection. A check
 * of thousands of small files would keep most of them, and copy them during each smaller collection.
 */
export function withLazy<T extends object, L extends Readonly<Record<string, () => unknown>>>(
  object: T,
  make: L,
): T & Made<L> {
  Object.defineProperty(object, makers, {
    value: new Map(Object.entries(make).map(([name, one]) => [name, once(one)])),
  });
  for (const name of Object.keys(make)) Object.defineProperty(object, name, getterOf(name));
  return object as T & Made<L>;
}

const getters = new Map<string, PropertyDescriptor & ThisType<Holder>>();

function getterOf(name: string): PropertyDescriptor & ThisType<Holder> {
  let getter = getters.get(name);
  if (getter === undefined) {
    getter = {
      get() {
        return this[makers].get(name)?.();
      },
      enumerable: true,
    };
    getters.set(name, getter);
  }
  return getter;
}
