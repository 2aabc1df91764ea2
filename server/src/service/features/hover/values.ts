/** Hovers of plain values: addresses, prefixes, enumeration values, numbers. */

import { markText } from "../../../dataplane/text.ts";
import type { ArgSpec } from "../../../declared/schema/index.ts";
import { sysctls } from "../../../declared/schema/sysctls.ts";
import type { Value } from "../../../declared/values.ts";
import { plural } from "../../../text/format.ts";
import { t, translated } from "../../../text/l10n.ts";
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
      if (spec.type.kind === "ref" && spec.type.orDevice) return t`device ${code(value.text)}`;
      return value.address === undefined ? t`${code(value.text)} · not declared` : addressText(topology, value.address);
    case "endpoint":
      if (value.address !== undefined) return addressText(topology, value.address);
      return foreignName(analysis, value.text, value.path) || t`${code(value.text)} · not declared`;
    case "word": {
      if (spec.type.kind === "sysctl") return sysctlText(value.text);
      const chosen = spec.type.kind === "enum" ? spec.type.values.find((one) => one.value === value.text) : undefined;
      return `**${value.text}**${chosen ? ` · ${translated(chosen.summary)}` : ""}`;
    }
    case "icmp-type":
      return t`ICMP type **${value.type}**${value.code === undefined ? "" : t`, code **${value.code}**`}`;
    case "mark":
      return code(markText(value, 0xffffffff));
    case "default-route":
      return t`${code("default")} · 0.0.0.0/0 or ::/0, depending on the next hop`;
    case "length":
      return value.len <= 32
        ? t`**/${value.len}** · ${plural(2 ** (32 - value.len), "address", "addresses")} in IPv4`
        : `**/${value.len}**`;
    case "ports": {
      const proto = value.proto === undefined ? "" : `/${value.proto}`;
      return `**${value.first}${value.last === value.first ? "" : `-${value.last}`}${proto}**`;
    }
    case "index-range":
      return plural(value.last - value.first + 1, "member");
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
      return t`port ${code(value.name)}${value.proto === undefined ? "" : `/${value.proto}`}, as named by the containers`;
  }
}

function sysctlText(name: string): string {
  const spec =
    sysctls.find((one) => one.name === name.replace(/^(net\.ipv4\.conf\.)[^.]+\./, "$1<device>.")) ??
    sysctls.find((one) => one.name === name);
  return paragraphs(code(name), spec && `${translated(spec.summary)}\n\n${t`Default: ${translated(spec.default)}`}`);
}
