import { later } from "./later.tsx";

/** Of a state: the button, and what is attached; of items: what went with a question. */
export const Attachments = later(async () => {
  const { styled } = await import("../../attachments/attachments.tsx");
  return await styled();
});
