/** Installs the translations that the extension has inserted into the page. Must be the first import of each page. */
import { installBundle } from "../../server/src/text/l10n.ts";

interface Installed {
  readonly bundle: Record<string, string>;
  readonly locale: string;
}

const text = document.getElementById("l10n")?.textContent;
const installed = text ? (JSON.parse(text) as Installed | null) : null;
if (installed) installBundle(installed.bundle, installed.locale);
