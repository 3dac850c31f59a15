const AGAIN_MS = 2_000;

/**
 * Loads a part of the app that is not there yet, over and over while it cannot be had and
 * `onMissing` does not say no.
 */
export async function insist<T>(
  load: () => Promise<T>,
  onMissing: () => boolean = () => true,
): Promise<T | undefined> {
  for (;;) {
    try {
      return await load();
    } catch {
      if (!onMissing()) return undefined;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}
