/** The request for the `.knet` text of manifests and dumps. */
import type { TextFile } from "../frontends/containers/unpack.ts";
import { kubernetesFrontEnd } from "../frontends/kubernetes/document.ts";
import { isFolder } from "../service/files.ts";
import { importedText, notesOf, sourceDocuments } from "../service/importing.ts";
import { t } from "../text/l10n.ts";
import type { Disk } from "./disk.ts";
import type { ImportParams, ImportResult } from "./protocol.ts";
import { keyOf } from "./uri.ts";

export function imported(disk: Disk, { uris = [], text }: ImportParams): ImportResult {
  const files = text === undefined ? uris.flatMap((uri) => filesOf(disk, keyOf(uri))) : [{ file: CLIPBOARD, text }];
  const names = text === undefined ? uris.map((uri) => nameOf(keyOf(uri))) : [t`the clipboard`];
  const read = sourceDocuments(files[0]?.file ?? "", files);
  if (read.objects > 0) return { text: importedText(read, names) };
  const [first] = notesOf({ ...read, problems: read.problems.filter(({ code }) => code === "KN802") });
  return { error: first ?? t`no Kubernetes object or cloud network found` };
}

const CLIPBOARD = "clipboard.yaml";

/** The name of a file is relative to the folder with the chosen file or folder. */
function filesOf(disk: Disk, key: string): readonly TextFile[] {
  const found = disk.read(key);
  const keys = isFolder(found) ? found.files.filter((file) => kubernetesFrontEnd.accepts(file)) : [key];
  const above = key.lastIndexOf("/") + 1;
  return keys.flatMap((one) => {
    const text = disk.read(one);
    return typeof text === "string" ? [{ file: decodeURIComponent(one.slice(above)), text }] : [];
  });
}

function nameOf(key: string): string {
  return decodeURIComponent(key.split("/").at(-1) ?? key);
}
