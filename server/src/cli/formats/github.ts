/** Workflow commands of GitHub Actions (docs.github.com, "Workflow commands"): annotations on a pull request. */
import { visible } from "../../text/visible.ts";
import type { Report } from "../report-schema.ts";

/** Ends with a newline unless it is empty. */
export function githubReport(report: Report): string {
  return report.files
    .flatMap(({ path, diagnostics }) =>
      diagnostics.map(({ severity, code, message, range }) => {
        const level = severity === "error" ? "error" : severity === "warning" ? "warning" : "notice";
        const place = [
          `file=${property(path)}`,
          `line=${range.start.line + 1}`,
          `endLine=${range.end.line + 1}`,
          `col=${range.start.character + 1}`,
          `endColumn=${range.end.character + 1}`,
          `title=${property(code)}`,
        ];
        return `::${level} ${place.join(",")}::${data(message)}\n`;
      }),
    )
    .join("");
}

function data(text: string): string {
  return visible(text).replace(/%/g, "%25");
}

function property(text: string): string {
  return data(text).replace(/:/g, "%3A").replace(/,/g, "%2C");
}
