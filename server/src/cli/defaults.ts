/** Options that all commands share that read a topology. */
import { isFlag, keywordsIn } from "../declared/schema/index.ts";
import { t } from "../text/l10n.ts";
import type { ClusterDefaults } from "../topology/cluster.ts";
import { UsageError } from "./errors.ts";

export interface TopologyOptions {
  readonly kubernetesVersion?: string | undefined;
}

/** Throws UsageError if knet does not support the release. */
export function defaultsOf({ kubernetesVersion }: TopologyOptions): ClusterDefaults | undefined {
  return kubernetesVersion === undefined ? undefined : { version: releaseOf(kubernetesVersion) };
}

/** "v1.34.2" → "1.34"; an older release than the oldest one that knet distinguishes is the same as that one. */
function releaseOf(text: string): string {
  const known = releases();
  const minors = known.map((release) => Number(release.split(".")[1]));
  const [, digits] = /^v?1\.(\d{1,3})(?:\.\d+)?(?:[-+].*)?$/.exec(text) ?? [];
  const minor = Number(digits);
  if (digits === undefined || minor > Math.max(...minors))
    throw new UsageError(
      t`invalid value \`${text}\` for \`--kubernetes-version\`: expected a release up to ${known.at(-1) ?? ""}`,
    );
  return `1.${Math.max(minor, Math.min(...minors))}`;
}

/** The values of the statement `version`, oldest first. */
function releases(): readonly string[] {
  const [arg] = keywordsIn("cluster").get("version")?.args ?? [];
  return arg === undefined || isFlag(arg) || arg.type.kind !== "enum" ? [] : arg.type.values.map(({ value }) => value);
}
