/**
 * All user-facing texts of the core pass through this module, so a translation is one file: a bundle in the format of
 * `vscode.l10n` (English text with `{0}` for the values → translated text). `npm run generate` collects the English
 * texts in `l10n/bundle.l10n.json`; a shell installs the bundle for the user's language once, before showing any text.
 *
 * Not translated: statements of the language, names, and the output of other programs (`ip`, `iptables`, errno).
 */

/** English text → translated text, both with `{0}`, `{1}`, … in place of the values. */
export type Bundle = Readonly<Record<string, string>>;
export type Value = string | number | bigint;

let installed: { readonly bundle: Bundle; readonly locale: string } | undefined;
/** Caches bundle keys: JavaScript passes the same strings array each time a template is evaluated. */
const keys = new WeakMap<TemplateStringsArray, string>();

/** Installs the translations for a locale (a BCP 47 tag); without a bundle, all texts are English. */
export function installBundle(bundle: Bundle | undefined, locale = "en"): void {
  installed = bundle === undefined ? undefined : { bundle, locale };
}

/** The locale of the installed bundle, for `Intl`. */
export function currentLocale(): string {
  return installed?.locale ?? "en";
}

/**
 * A user-facing text with its values: t`no route to ${prefix}`. Call it when the text is shown or reported, never while a
 * module loads: no bundle is installed at that time. Constant tables use `phrase("…")` and are shown with `translated`.
 */
export function t(strings: TemplateStringsArray, ...values: readonly Value[]): string {
  if (installed !== undefined) {
    const translation = installed.bundle[keyOf(strings)];
    if (translation !== undefined) return fill(translation, values);
  }
  let text = strings[0] ?? "";
  for (let i = 0; i < values.length; i++) text += `${values[i]}${strings[i + 1] ?? ""}`;
  return text;
}

/** Marks a constant text for translation and returns it unchanged; `translated` shows it. */
export function phrase<T extends string>(text: T): T {
  return text;
}

/** The translation of a constant text: marked with `phrase`, or from the language schema or the catalog of checks. */
export function translated(text: string): string {
  return installed?.bundle[text] ?? text;
}

/** Like `t`, for a text that is not a template in the source: `{0}` is the first value. */
export function filled(text: string, values: readonly Value[]): string {
  return fill(translated(text), values);
}

/** The bundle key of a template: `no route to {0}`. */
export function keyOf(strings: TemplateStringsArray): string {
  const known = keys.get(strings);
  if (known !== undefined) return known;
  const key = strings.reduce((text, part, i) => `${text}{${i - 1}}${part}`);
  keys.set(strings, key);
  return key;
}

function fill(text: string, values: readonly Value[]): string {
  return text.replace(/\{(\d+)\}/g, (whole, index: string) => String(values[Number(index)] ?? whole));
}
