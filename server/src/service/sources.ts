/** Sources: the statements that read other files than `.knet` files, and the resulting declarations. */

import type { RealState } from "../dataplane/real/state.ts";
import { all, child, nameOf } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import type { Document } from "../declared/document.ts";
import type { FileProblem } from "../declared/file-problem.ts";
import type { Handle } from "../declared/handle.ts";
import { completed } from "../declared/merge.ts";
import { type Origin, sourceOf } from "../declared/origin.ts";
import { pointer } from "../declared/point.ts";
import { readNetworks } from "../frontends/config/document.ts";
import { readState } from "../frontends/hoststate/index.ts";
import { type Around, importInto } from "../frontends/kubernetes/document.ts";
import { memo, valueAt } from "../memo/memo.ts";
import { sameMembers } from "../memo/same.ts";
import { t } from "../text/l10n.ts";
import type { SourceUse } from "./closure.ts";

/** Adds the declarations of the sources to the documents with the statements that read them. */
export type Expand = (files: readonly Document[], uses: readonly SourceUse[]) => Expanded;

export interface Expanded {
  readonly files: readonly Document[];
  /** The state of real machines. */
  readonly state?: RealState;
}

export const unexpanded: Expand = (files) => ({ files });

/** What a source declares. */
interface Shown {
  readonly decls: readonly Decl[];
  readonly problems: readonly FileProblem[];
  /** The number of objects that were found. */
  readonly objects: number;
}

/** A statement that reads a source, and what it declares. */
interface Reading extends Shown {
  /** The cluster with the statement; undefined for a statement at the top level. */
  readonly within: Decl | undefined;
  readonly statement: Decl;
}

/** Sources that have not changed are read once; the last two versions are known, because fixes are tried in turn. */
export function createExpander(): Expand {
  const showing = recent<Shown>();
  const states = recent<RealState>();
  return (files, uses) => {
    if (uses.length === 0) return { files };
    const byName = new Map(files.map((file) => [file.file, file]));
    const declared = topOf(files);
    const read = files.map((file) => {
      const own = uses.filter((use) => use.file === file.file);
      const readings = own.flatMap((use) => {
        const texts = use.files.flatMap((name) => byName.get(name) ?? []);
        return readingsOf(file, use).map(({ within, statement }): Reading => {
          const key = `${file.file} ${use.kind} ${use.path}`;
          if (!within) return { ...showing(key, texts, () => readNetworks(texts)), within, statement };
          const around = aroundOf(within, declared);
          const name = nameOf(within) ?? "";
          const inputs = [name, keyOf(around), ...texts];
          const shown = showing(key, inputs, () => importInto(file.file, name, around, texts));
          return { ...shown, within, statement };
        });
      });
      return { file, readings };
    });
    const decls = read.flatMap(({ readings }) => readings.flatMap((one) => one.decls));
    const texts = new Set(uses.flatMap((use) => use.files));
    const changed = read.map(({ file, readings }) =>
      readings.length > 0 ? expanded(file, readings) : texts.has(file.file) ? pointing(file, decls) : file,
    );
    const outputs = uses.flatMap((use) =>
      use.kind === "state" ? use.files.flatMap((name) => byName.get(name) ?? []) : [],
    );
    return outputs.length === 0
      ? { files: changed }
      : { files: changed, state: states("state", outputs, () => readState(outputs)) };
  };
}

/** The results for the last inputs of each key. */
function recent<T>(): (key: string, inputs: readonly unknown[], compute: () => T) => T {
  const known = new Map<string, { readonly inputs: readonly unknown[]; readonly result: T }[]>();
  return (key, inputs, compute) => {
    const versions = valueAt(known, key, () => []);
    const same = versions.find((one) => sameMembers(one.inputs, inputs));
    if (same) return same.result;
    const result = compute();
    versions.unshift({ inputs, result });
    versions.splice(MOST_VERSIONS);
    return result;
  };
}

const MOST_VERSIONS = 2;

/** The statements of this use: after an edit, the path can be gone. */
function readingsOf({ decls }: Document, { kind, path }: SourceUse): readonly Pick<Reading, "within" | "statement">[] {
  const isUse = (one: Decl): boolean =>
    one.spec?.keyword === kind && all(one, "path").some(({ text }) => text === path);
  switch (kind) {
    case "network":
      return decls.filter(isUse).map((statement) => ({ within: undefined, statement }));
    case "manifests":
      return decls.flatMap((within) => within.children.filter(isUse).map((statement) => ({ within, statement })));
    // It declares nothing.
    case "state":
      return [];
  }
}

/* ------------------------------------------------------------------ what a cluster's source must know */

type Top = Pick<Around, "segments" | "taken">;

function topOf(files: readonly Document[]): Top {
  const decls = files.flatMap((file) => file.decls);
  return {
    segments: decls.flatMap((decl) => {
      const name = decl.spec?.keyword === "segment" ? nameOf(decl) : undefined;
      return name === undefined ? [] : { name, prefixes: prefixesOf(decl) };
    }),
    taken: new Set(decls.flatMap((decl) => nameOf(decl) ?? [])),
  };
}

const prefixesOf = memo((segment: Decl) =>
  all(child(segment, "cidr"), "prefixes").flatMap(({ value }) => (value.kind === "prefix" ? value.prefix : [])),
);

function aroundOf(cluster: Decl, { segments, taken }: Top): Around {
  return { segments, taken, stated: new Set(cluster.children.flatMap(({ spec }) => spec?.keyword ?? [])) };
}

/** As text: most edits change nothing that the source must know. */
function keyOf({ segments, taken, stated }: Around): string {
  const prefix = ({ ip, len }: { readonly ip: number | bigint; readonly len: number }): string => `${ip}/${len}`;
  const shown = segments.map(({ name, prefixes }) => `${name} ${prefixes.map(prefix).join(" ")}`);
  return [...shown, "", ...taken, "", ...stated].join("\n");
}

/* ------------------------------------------------------------------ the document */

/** The file of a source, which knows the declarations from its text. */
function pointing(file: Document, decls: readonly Decl[]): Document {
  return { ...file, pointAt: pointer(file, decls) };
}

/** The document with the declarations of its sources. */
function expanded(file: Document, readings: readonly Reading[]): Document {
  const statements = new Map<Handle, Decl>();
  for (const { decls, statement } of readings) for (const decl of decls) locate(file.file, decl, statement, statements);
  const completions = new Map<Decl, Decl>();
  const added: Decl[] = [];
  for (const { decls, within } of readings) {
    for (const decl of decls) {
      const own = within && decl.spec?.keyword === "cluster" ? within : file.decls.find((one) => isSameName(one, decl));
      if (own) completions.set(own, completed(completions.get(own) ?? own, decl));
      else added.push(decl);
    }
  }
  const placed = (source: Origin): Origin => {
    const statement = statements.get(source.decl.handle);
    return statement ? sourceOf(file.file, statement) : source;
  };
  const problems = readings.flatMap(({ problems: found, statement, objects }) => [
    ...(objects > 0 ? [] : [nothingIn(sourceOf(file.file, statement))]),
    ...found.map((one): FileProblem => {
      if (one.source.file !== file.file) return one;
      const { span: _span, ...rest } = one;
      return { ...rest, source: sourceOf(file.file, statement) };
    }),
  ]);
  return {
    ...file,
    decls: [...file.decls.map((decl) => completions.get(decl) ?? decl), ...added],
    problems: () => [...file.problems(), ...problems],
    spanOf: (source) => file.spanOf(placed(source)),
    innerSpanOf: (source) => file.innerSpanOf(placed(source)),
    prepare: (sources) => file.prepare(sources.map(placed)),
    // What a source does not state cannot be edited there.
    render: (change) =>
      "source" in change && statements.has(change.source.decl.handle) ? undefined : file.render(change),
  };
}

function nothingIn(source: Origin): FileProblem {
  return { code: "KN802", source, data: { error: t`no Kubernetes object or cloud network found` }, related: [] };
}

function isSameName(a: Decl, b: Decl): boolean {
  return a.spec?.keyword === b.spec?.keyword && nameOf(a) !== undefined && nameOf(a) === nameOf(b);
}

/** Values without evidence are located at the statement that reads the source. */
function locate(file: string, decl: Decl, statement: Decl, statements: Map<Handle, Decl>): void {
  if (decl.file === file) statements.set(decl.handle, statement);
  for (const one of decl.children) locate(file, one, statement, statements);
}
