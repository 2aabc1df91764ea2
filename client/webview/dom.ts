/** Creates elements. Texts are always inserted as text nodes, never as HTML. */

export type Child = Node | string | undefined | null | false;

export interface Attributes {
  class?: string | undefined;
  testid?: string | undefined;
  /** All other attributes, by name. `false` and `undefined` omit the attribute, `true` sets it to an empty value. */
  [name: string]: string | number | boolean | undefined;
}

function apply(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name === "testid" ? "data-testid" : name, value === true ? "" : String(value));
  }
}

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  apply(element, attributes);
  element.append(
    ...children.filter((child): child is Node | string => child !== undefined && child !== null && child !== false),
  );
  return element;
}

export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  apply(element, attributes);
  element.append(
    ...children.filter((child): child is Node | string => child !== undefined && child !== null && child !== false),
  );
  return element;
}

export function find<T extends Element>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no #${id}`);
  return element;
}

/** Paths of 16 × 16 icons, drawn in the color of the surrounding text. */
const icons = {
  good: "M6.4 11.2 3.2 8l-.9.9 4.1 4.1 8-8-.9-.9z",
  partly: "M8 1.6 15.2 14.4H.8zM7.3 6v4.2h1.4V6zm0 5.4v1.4h1.4v-1.4z",
  bad: "M8 7.1 11.9 3.2l.9.9L8.9 8l3.9 3.9-.9.9L8 8.9l-3.9 3.9-.9-.9L7.1 8 3.2 4.1l.9-.9z",
  first: "M3 3h1.3v10H3zM12.3 3.2 7.5 8l4.8 4.8-.9.9L5.7 8l5.7-5.7z",
  previous: "M10.5 2.9 5.4 8l5.1 5.1-.9.9L3.6 8l6-6z",
  next: "M5.5 2.9 10.6 8l-5.1 5.1.9.9L12.4 8l-6-6z",
  last: "M11.7 3H13v10h-1.3zM3.7 3.2 8.5 8l-4.8 4.8.9.9L10.3 8 4.6 2.3z",
  source: "M9 2h5v5h-1.3V4.2L7.9 9 7 8.1l4.8-4.8H9zM3 4h4v1.3H4.3v6.4h6.4V9H12v4H3z",
  refresh: "M13 3v4H9V5.8h2A4 4 0 1 0 12 8.6h1.3A5.3 5.3 0 1 1 11.8 4.8V3z",
  edit: "m11.6 1.9 2.5 2.5-8.3 8.3-3.2.7.7-3.2zM10.5 4.9l.6.6 1.1-1.1-.6-.6zM9.6 5.8l-5.1 5.1-.3 1 1-.2 5-5.1z",
} as const;

export type IconName = keyof typeof icons;

export function icon(name: IconName): SVGSVGElement {
  return s(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true", focusable: "false" },
    s("path", { d: icons[name], "fill-rule": "evenodd" }),
  );
}
