/** What every export produces: files, and what their format cannot express. */
import type { Network } from "../dataplane/model.ts";
import type { Decl } from "../declared/decl.ts";
import type { Origin } from "../declared/origin.ts";
import { headText } from "../declared/text.ts";
import { t } from "../text/l10n.ts";
import type { Topology } from "../topology/model.ts";

export interface ExportInput {
  readonly topology: Topology;
  readonly network: Network;
  /** The exported file, shown to users. */
  readonly source: string;
  readonly version: string;
  /** Policies from expectations, although the file has policies. */
  readonly fromExpectations?: boolean;
}

export interface ExportFile {
  /** Relative to the output directory. */
  readonly name: string;
  /** Written one at a time: a large topology has thousands of files. */
  text(): string;
}

export interface Exported {
  readonly files: readonly ExportFile[];
  /** Variants of the files, written only to a directory. */
  readonly companions: readonly ExportFile[];
  /** One line for each thing that the format cannot express. */
  readonly losses: readonly string[];
}

/** `problem`: why there is nothing to export. */
export type ExportResult = Exported | { readonly problem: string };

export function exported(
  files: readonly ExportFile[],
  losses: readonly string[],
  companions: readonly ExportFile[] = [],
): Exported {
  return { files, companions, losses };
}

/** A file whose text is cheap. */
export function fileOf(name: string, text: string): ExportFile {
  return { name, text: () => text };
}

/** One line per statement of the block that is not in `expressed`. */
export function unexpressed(
  block: Decl | undefined,
  expressed: ReadonlySet<string>,
  where: string,
  format: string,
): readonly string[] {
  return (block?.children ?? []).flatMap((decl) =>
    decl.spec === undefined || expressed.has(decl.spec.keyword)
      ? []
      : [t`${where}: \`${headText(decl)}\` cannot be expressed in ${format}`],
  );
}

/** The statement as written: `route 10.0.0.0/8 via 192.168.1.1`. */
export function statementText({ decl }: Origin): string {
  return headText(decl);
}

/** Names of machines, clusters, and pods as names of files. */
export function fileName(path: string): string {
  return path.replaceAll(/[^\w.-]/g, "-");
}
