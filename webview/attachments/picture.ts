// Makes of a picture what a model takes: upright, without what a camera notes beside it (the
// place!), not larger than vendors look at. What is so already goes as it is.
import { MEDIA_TYPES, type MediaType } from "../../server/protocol/attachments.ts";

/** Vendors make larger ones smaller themselves. */
const MAX_SIDE = 2_000;
/** Some refuse what is more, and then every later message of the chat. */
const MAX_BYTES = 3_500_000;
const JPEG_QUALITY = 0.9;

/** Resolves with undefined when it cannot be read. */
export async function fitted(
  file: Blob,
  mediaType: MediaType | undefined,
): Promise<Blob | undefined> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return undefined;
  }
  try {
    const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
    const isKnown = MEDIA_TYPES.image.some((known) => known === mediaType);
    const isFine = isKnown && scale === 1 && file.size <= MAX_BYTES;
    if (isFine && !(await hasNotes(file))) return new Blob([file], { type: mediaType ?? "" });
    return await redrawn(bitmap, scale, mediaType === "image/jpeg");
  } finally {
    bitmap.close();
  }
}

async function redrawn(bitmap: ImageBitmap, scale: number, isPhoto: boolean): Promise<Blob> {
  const canvas = new OffscreenCanvas(
    Math.max(1, Math.round(bitmap.width * scale)),
    Math.max(1, Math.round(bitmap.height * scale)),
  );
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const jpeg = { type: "image/jpeg", quality: JPEG_QUALITY };
  if (isPhoto) return await canvas.convertToBlob(jpeg);
  const png = await canvas.convertToBlob({ type: "image/png" });
  if (png.size <= MAX_BYTES) return png;
  // What can be seen through would be black.
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  return await canvas.convertToBlob(jpeg);
}

/** Exif, in each kind's own place; found where there is none, it costs a redrawing. */
async function hasNotes(file: Blob): Promise<boolean> {
  const text = new TextDecoder("latin1").decode(await file.arrayBuffer());
  return /Exif\0\0|eXIf|EXIF/.test(text);
}
