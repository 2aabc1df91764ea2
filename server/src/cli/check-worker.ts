/** A worker thread of `knet check`: answers requests about topologies, which it reads from disk. */
import { parentPort, workerData } from "node:worker_threads";
import { type Analysis, withFailures } from "../service/analysis.ts";
import type { Service } from "../service/service.ts";
import type { Request, Response, Shared } from "./check-roots.ts";
import { attempt, readText } from "./files.ts";
import { diskService } from "./open.ts";
import { checkedOf, fixesOf } from "./report.ts";

/** False in the main thread, which has no requests to answer. */
export function answerRequests(): boolean {
  const port = parentPort;
  if (!port) return false;
  const { files, defaults, ...wanted } = workerData as Shared;
  const service = diskService(files, defaults);
  port.on("message", (request: Request) => port.postMessage(answer(service, request, wanted)));
  return true;
}

/** The roots of the request are the only open files, so each has a separate topology, as in the main thread. */
function answer(
  service: Service,
  request: Request,
  { withCases, failures }: Pick<Shared, "withCases" | "failures">,
): Response<Request> {
  const analysisOf = (root: string): Analysis | undefined => {
    const analysis = service.analysisOf(root);
    return analysis && failures ? withFailures(analysis) : analysis;
  };
  const roots = request.kind === "entries" ? request.roots : [request.root];
  for (const root of roots) {
    const text = attempt([], () => readText(root));
    if (text !== undefined) service.setText(root, text);
  }
  try {
    if (request.kind === "fixes") {
      const analysis = analysisOf(request.root);
      return analysis ? fixesOf(analysis, request.indexes) : [];
    }
    return roots.map((root) => {
      const analysis = analysisOf(root);
      const checked = analysis ? checkedOf(analysis, withCases) : { entries: [], cases: [] };
      service.release(root);
      return checked;
    });
  } finally {
    for (const root of roots) service.close(root);
  }
}
