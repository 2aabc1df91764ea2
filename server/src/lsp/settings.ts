/** User settings, read from the client's configuration. Missing or invalid values are replaced by defaults. */
import { codeOf } from "../checks/catalog.ts";
import { isLevel, type Level, type Levels, NO_LEVELS } from "../findings/levels.ts";

export interface Settings {
  readonly delay: number;
  /** `knet.kubernetes.enable`: whether Kubernetes manifests that no topology reads are checked. */
  readonly manifests: boolean;
  /** `knet.checks`: the severity of each configured code. */
  readonly levels: Levels;
  readonly inlayHints: { readonly addresses: boolean; readonly mtu: boolean; readonly defaults: boolean };
  readonly codeLens: { readonly expectations: boolean; readonly usage: boolean; readonly commands: boolean };
}

export const DEFAULT_DELAY = 150;
const MOST_DELAY = 60_000;

export const DEFAULTS: Settings = {
  delay: DEFAULT_DELAY,
  manifests: false,
  levels: NO_LEVELS,
  inlayHints: { addresses: true, mtu: true, defaults: true },
  codeLens: { expectations: true, usage: true, commands: true },
};

/** `settings`: the section `knet`. */
export function settingsIn(settings: unknown): Settings {
  const delay = member(member(settings, "diagnostics"), "delay");
  const hints = member(settings, "inlayHints");
  const lens = member(settings, "codeLens");
  return {
    delay: typeof delay === "number" && delay >= 0 && delay <= MOST_DELAY ? delay : DEFAULT_DELAY,
    manifests: member(member(settings, "kubernetes"), "enable") === true,
    levels: levelsIn(settings),
    inlayHints: {
      addresses: member(hints, "addresses") !== false,
      mtu: member(hints, "mtu") !== false,
      defaults: member(hints, "defaults") !== false,
    },
    codeLens: {
      expectations: member(lens, "expectations") !== false,
      usage: member(lens, "usage") !== false,
      commands: member(lens, "commands") !== false,
    },
  };
}

/** Invalid entries are ignored; the editor marks them in its settings. */
function levelsIn(settings: unknown): Levels {
  const checks = member(settings, "checks");
  const levels = new Map<string, Level>();
  for (const [name, level] of Object.entries(typeof checks === "object" && checks !== null ? checks : {})) {
    const code = codeOf(name);
    if (code !== undefined && isLevel(level)) levels.set(code, level);
  }
  return levels;
}

export function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
