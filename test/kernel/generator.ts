export function topologyText(seed: number): string {
  return `# ${seed}\n`;
}
