/** A value by itself: an address, a prefix, a word of a list. */

import type { ArgSpec } from "../../../language/schema/index.ts";
import { sysctls } from "../../../language/schema/sysctls.ts";
import type { Value } from "../../../language/values.ts";
import { number, plural } from "../../../text/words.ts";
import { requirementText } from "../../../topology/selector.ts";
import type { Analysis } from "../../analysis.ts";
import { code, paragraphs } from "../markdown.ts";
import { addressText, prefixText } from "../ranges.ts";
import { foreignName } from "./names.ts";

export function valueText(analysis: Analysis, value: Value, spec: ArgSpec): string {
  const { topology } = analysis;
  switch (value.kind) {
    case "prefix":
      return prefixText(topology, value.prefix);
    case "address":
      return addressText(topology, value.ip);
    case "interface-address":
      return addressText(topology, value.ip);
    case "ref":
      return value.address === undefined
        ? `${code(value.text)} · nothing has this name`
        : addressText(topology, value.address);
    case "endpoint":
      if (value.address !== undefined) return addressText(topology, value.address);
      return foreignName(analysis, value.text, value.path) || `${code(value.text)} · nothing has this name`;
    case "word": {
      if (spec.type.kind === "sysctl") return sysctlText(value.text);
      const chosen = spec.type.kind === "enum" ? spec.type.values.find((one) => one.value === value.text) : undefined;
      return `**${value.text}**${chosen ? ` · ${chosen.summary}` : ""}`;
    }
    case "default-route":
      return `${code("default")} · 0.0.0.0/0 or ::/0, according to the next hop`;
    case "length":
      return `**/${value.len}**${value.len <= 32 ? ` · of IPv4 ${plural(2 ** (32 - value.len), "address", "addresses")}` : ""}`;
    case "ports": {
      const proto = value.proto === undefined ? "" : `/${value.proto}`;
      return `**${value.first}${value.last === value.first ? "" : `-${value.last}`}${proto}**`;
    }
    case "index-range":
      return `${number(value.last - value.first + 1)} of them`;
    case "name":
    case "string":
      return code(value.text);
    case "number":
      return `**${value.value}**`;
    case "boolean":
      return `**${value.value}**`;
    case "label":
      return code(`${value.key}=${value.value}`);
    case "flag":
      return "";
    case "requirement":
      return code(value.requirement === undefined ? "*" : requirementText(value.requirement));
    case "port-name":
      return `port ${code(value.name)}${value.proto === undefined ? "" : `/${value.proto}`}, as the containers name it`;
  }
}

function sysctlText(name: string): string {
  const spec =
    sysctls.find((one) => one.name === name.replace(/^(net\.ipv4\.conf\.)[^.]+\./, "$1<device>.")) ??
    sysctls.find((one) => one.name === name);
  return paragraphs(code(name), spec && `${spec.summary}\n\nDefault: ${spec.default}`);
}
