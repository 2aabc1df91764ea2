/** Assigns numbers to values by identity, from 0, to use values in keys. */
export function numbering<K = object>(): (value: K) => number {
  const known = new Map<K, number>();
  return (value) => {
    const number = known.get(value) ?? known.size;
    known.set(value, number);
    return number;
  };
}
