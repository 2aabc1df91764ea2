/** A strict reader of small XML documents: throws if the text is not well-formed. */

export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** The text of the element itself. */
  readonly text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
/** Characters that XML 1.0 allows (section 2.2). */
const ALLOWED = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

export function elements(document: string): XmlElement {
  if (!ALLOWED.test(document)) throw new Error("a character that XML does not allow");
  const start = /^<\?xml version="1\.0" encoding="UTF-8"\?>\s*/.exec(document);
  if (!start) throw new Error("no XML declaration");
  const root: { name: string; attributes: Map<string, string>; children: XmlElement[]; text: string } = {
    name: "",
    attributes: new Map(),
    children: [],
    text: "",
  };
  const open = [root];
  const token = /<(\/?)([\w-]+)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy;
  token.lastIndex = start[0].length;
  while (token.lastIndex < document.length) {
    const at = token.lastIndex;
    const found = token.exec(document);
    const inner = open.at(-1);
    if (!found || !inner) throw new Error(`not well-formed at offset ${at}`);
    const [, closing, name = "", attributes = "", empty, text] = found;
    if (text !== undefined) {
      inner.text += unescaped(text);
      continue;
    }
    if (closing) {
      if (inner.name !== name) throw new Error(`</${name}> closes <${inner.name}>`);
      open.pop();
      continue;
    }
    const element = { name, attributes: new Map<string, string>(), children: [], text: "" };
    for (const [, key = "", value = ""] of attributes.matchAll(/([\w-]+)="([^"]*)"/g)) {
      if (element.attributes.has(key)) throw new Error(`attribute ${key} twice`);
      element.attributes.set(key, unescaped(value));
    }
    inner.children.push(element);
    if (!empty) open.push(element);
  }
  const [only, ...more] = root.children;
  if (open.length !== 1 || !only || more.length > 0) throw new Error("not exactly one root element");
  return only;
}

function unescaped(text: string): string {
  return text.replace(/&([^;\s]*);?/g, (_, name: string) => {
    const char = ENTITIES[name];
    if (char === undefined) throw new Error(`&${name}`);
    return char;
  });
}
