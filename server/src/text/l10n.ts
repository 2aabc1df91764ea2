/**
 * Every text that the core shows to a person passes through here, so that a translation is a file: a bundle in the format
 * of `vscode.l10n` (English text with `{0}` for the values → translated text). `npm run generate` collects the English
 * texts into `l10n/bundle.l10n.json`; a shell installs the bundle of its user's language once, before anything is shown.
 *
 * Not texts in this sense: statements of the language, names, and the output of other programs (`ip`, `iptables`, errno).
 */

/** English text → translated text, both with `{0}`, `{1}`, … in place of the values. */
export type Bundle = Readonly<Record<string, string>>;
export type Value = string | number | bigint;

let installed: { readonly bundle: Bundle; readonly locale: string } | undefined;
/** The key of a template is computed once: the compiler keeps one strings array per template in the source. */
const keys = new WeakMap<TemplateStringsArray, string>();

/** Installs the translations of a locale (a BCP 47 tag); without a bundle, texts are English again. */
export function installBundle(bundle: Bundle | undefined, locale = "en"): void {
  installed = bundle === undefined ? undefined : { bundle, locale };
}

/** The locale of the installed bundle, for `Intl`. */
export function currentLocale(): string {
  return installed?.locale ?? "en";
}

/**
 * A text for a person, with its values: t`no route to ${prefix}`. Call it when the text is shown or reported, never while a
 * module loads: at that time no bundle is installed. Constant tables hold `phrase("…")` and are shown with `translated`.
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

/** The translation of a constant text: one marked by `phrase`, or one from the schema of the language or the catalog of checks. */
export function translated(text: string): string {
  return installed?.bundle[text] ?? text;
}

/** As `t`, for a text that is not a template in the source: `{0}` stands for the first value. */
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
