import { type Script, startUpstream, type Upstream } from "./start-upstream.ts";

/** Lends a fake model's server for the length of `run`. */
export async function withUpstream<T>(
  scripts: [Script, ...Script[]],
  run: (upstream: Upstream) => Promise<T>,
): Promise<T> {
  const upstream = await startUpstream(...scripts);
  try {
    return await run(upstream);
  } finally {
    await upstream.close();
  }
}
