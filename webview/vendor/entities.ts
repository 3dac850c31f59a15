// Stands in for the package `entities` in the bundle: a browser knows the named characters already,
// so their table of 24 KB need not come along. markdown-it asks only for single, complete entities.

/** The character that `entity` (like `&copy;`) names; the entity itself if it names none. */
export function decodeHTMLStrict(entity: string): string {
  const area = document.createElement("textarea");
  // Inside a textarea nothing is markup but the entity, and it is never attached to the page.
  area.innerHTML = entity;
  return area.value;
}
