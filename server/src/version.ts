import manifest from "../../package.json" with { type: "json" };

/** knet's own version, from the package. */
export const VERSION: string = manifest.version;
