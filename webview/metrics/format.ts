/** "0.09 ms", "0.9 ms", "12 ms", "1.2 s": two digits that matter. */
export function formatSeconds(seconds: number): string {
  const ms = seconds * 1000;
  if (ms < 0.0995) return ms === 0 ? "0 ms" : `${ms.toFixed(2)} ms`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  return ms < 999.5 ? `${Math.round(ms)} ms` : `${seconds.toFixed(1)} s`;
}
