/**
 * A style that comes with a part of the app that is loaded later. Rejects if it cannot be had;
 * it may be asked for again.
 */
export function loadStyle(name: string): Promise<unknown> {
  const href = new URL(name, import.meta.url).href;
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = href;
  const loaded = new Promise((resolve, reject) => {
    style.addEventListener("load", resolve);
    style.addEventListener("error", () => {
      style.remove();
      reject(new Error(`${name} was not loaded`));
    });
  });
  document.head.append(style);
  return loaded;
}
