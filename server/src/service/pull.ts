/** A service for shells that can read files synchronously: it reads what it needs before each query. */
import type { Provided } from "./files.ts";
import type { Service } from "./service.ts";

/** Provides files until the service needs no more for this file, or for all open files. */
export function pull(service: Service, read: (file: string) => Provided, file?: string): void {
  for (let files = service.wanted(file); files.length > 0; files = service.wanted(file))
    for (const one of files) service.provide(one, read(one));
}

/** `read` is called once for each file, and again after `invalidate` and `forget`. */
export function pulling(service: Service, read: (file: string) => Provided): Service {
  /** Provides the file without its imports. What a known file needs is not computed: that takes time after each edit. */
  const find = (file: string): void => {
    if (!service.documentOf(file) && service.wanted(file).includes(file)) service.provide(file, read(file));
  };
  return {
    ...service,
    textOf(file) {
      find(file);
      return service.textOf(file);
    },
    documentOf(file) {
      find(file);
      return service.documentOf(file);
    },
    analysisOf(file) {
      pull(service, read, file);
      return service.analysisOf(file);
    },
    rootOf(file) {
      pull(service, read);
      return service.rootOf(file);
    },
    isSource(file) {
      pull(service, read);
      return service.isSource(file);
    },
    hasSources() {
      pull(service, read);
      return service.hasSources();
    },
    roots() {
      pull(service, read);
      return service.roots();
    },
    get version() {
      return service.version;
    },
  };
}
