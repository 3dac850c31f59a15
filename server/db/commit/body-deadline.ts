import type { Operation } from "../../observe/operations.ts";
import { UnfinishedWork } from "./commit-group.ts";

/**
 * Nothing slow belongs into a transaction; what takes longer waits for something that is not the
 * database.
 */
const MAX_BODY_SECONDS = 5;

export async function withDeadline<T>(operation: Operation, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new UnfinishedWork(
          `${operation} kept its transaction open for ${MAX_BODY_SECONDS} s; it was rolled back.`,
        ),
      );
    }, MAX_BODY_SECONDS * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
