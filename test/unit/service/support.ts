/** Texts with a cursor mark, and a service for them. */
import type { Analysis } from "../../../server/src/service/analysis.ts";
import { pulling } from "../../../server/src/service/pull.ts";
import { createService, type Service } from "../../../server/src/service/service.ts";

export const CURSOR = "‸";

export interface Fixture {
  readonly service: Service;
  readonly analysis: Analysis;
  readonly file: string;
  readonly text: string;
  readonly offset: number;
}

/** Opens a text without its cursor mark. Other files are on disk next to it. */
export function fixture(marked: string, others: Readonly<Record<string, string>> = {}): Fixture {
  const file = "main.knet";
  const offset = marked.indexOf(CURSOR);
  const text = marked.replace(CURSOR, "");
  const service = pulling(createService({ resolveImport: (_from, path) => path }), (name) => others[name]);
  service.setText(file, text);
  const analysis = service.analysisOf(file);
  if (!analysis) throw new Error("an open file has an analysis");
  return { service, analysis, file, text, offset };
}

/** The text with marks around spans: [like this]. */
export function marked(text: string, spans: readonly { readonly start: number; readonly end: number }[]): string {
  return [...spans]
    .sort((a, b) => b.start - a.start)
    .reduce((so, { start, end }) => `${so.slice(0, start)}[${so.slice(start, end)}]${so.slice(end)}`, text);
}

/** The text with the cursor some characters after the start of a substring. */
export function at(piece: string, inside = 1, text = SHOP): string {
  const start = text.indexOf(piece) + inside;
  return text.slice(0, start) + CURSOR + text.slice(start);
}

/** A text after edits. */
export function edited(
  text: string,
  edits: readonly { readonly start: number; readonly end: number; readonly text: string }[],
): string {
  return [...edits]
    .reverse()
    .sort((a, b) => b.start - a.start || b.end - a.end)
    .reduce((so, { start, end, text: by }) => so.slice(0, start) + by + so.slice(end), text);
}

export const SHOP = `segment rack-a {
  cidr 10.168.0.0/24
  gateway tor
}
segment rack-b {
  cidr 10.168.1.0/24
  gateway tor
}
router tor {
  attach rack-a 10.168.0.1
  attach rack-b 10.168.1.1
}
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel {
    backend vxlan
  }
  node n1 { attach rack-a 10.168.0.2 }
  node n2 { attach rack-b 10.168.1.3 }
  nodes w 1..50 { attach rack-a }
  namespace shop {
    pod web on n1 {
      labels app=web
      container nginx { listen 8080/tcp }
    }
    deployment api replicas 3 {
      container api { listen 9090/tcp 53/udp }
    }
  }
}
host laptop { attach rack-b 10.168.1.50 }
expect shop/web -> shop/api-0:9090 reachable
`;
