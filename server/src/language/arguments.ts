/**
 * The read arguments of one statement, by name: a short chain. A statement has one to four of them and a large file has
 * tens of thousands of statements; a Map for each, or an array that grows (V8 gives it room for 17), is most of the memory.
 */
import type { Read } from "./values.ts";

export interface ArgumentValues {
  get(name: string): readonly Read[] | undefined;
  has(name: string): boolean;
  values(): Iterable<readonly Read[]>;
  [Symbol.iterator](): Iterator<readonly [string, readonly Read[]]>;
}

interface Link {
  readonly name: string;
  readonly reads: Read[];
  next: Link | undefined;
}

export class ReadArguments implements ArgumentValues {
  first: Link | undefined = undefined;

  get(name: string): Read[] | undefined {
    for (let link = this.first; link; link = link.next) if (link.name === name) return link.reads;
    return undefined;
  }
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }
  set(name: string, reads: Read[]): void {
    const added: Link = { name, reads, next: undefined };
    let last = this.first;
    while (last?.next) last = last.next;
    if (last) last.next = added;
    else this.first = added;
  }
  *values(): Iterable<readonly Read[]> {
    for (let link = this.first; link; link = link.next) yield link.reads;
  }
  *[Symbol.iterator](): Iterator<readonly [string, readonly Read[]]> {
    for (let link = this.first; link; link = link.next) yield [link.name, link.reads];
  }
}
