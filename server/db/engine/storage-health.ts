import { type ErrorCode, STORAGE_CODES, type StorageCode } from "../../protocol/errors.ts";

/**
 * Whether the last attempt to store something worked. Kept by every commit;
 * steers how storing is watched.
 */
export interface StorageHealth {
  /** Undefined while storing works. */
  readonly problem: StorageCode | undefined;
  /** Since when it has not worked, by the monotonic clock; undefined while it does. */
  readonly failingSince: number | undefined;
  /** When storing last worked, by the monotonic clock; at the start it is taken to. */
  readonly workedAt: number;
  /** Codes that say nothing of the storage are not taken for a failure. */
  failed(code: ErrorCode): void;
  worked(): void;
  /** Told of the problem of now, and of each change. */
  listen(listener: (problem: StorageCode | undefined) => void): void;
}

export function createStorageHealth(): StorageHealth {
  const listeners: ((problem: StorageCode | undefined) => void)[] = [];
  let problem: StorageCode | undefined;
  let workedAt = performance.now();
  let failingSince: number | undefined;
  const become = (next: StorageCode | undefined): void => {
    problem = next;
    failingSince = next && (failingSince ?? performance.now());
    for (const listener of listeners) listener(next);
  };
  return {
    get problem() {
      return problem;
    },
    get failingSince() {
      return failingSince;
    },
    get workedAt() {
      return workedAt;
    },
    failed(code) {
      const known = STORAGE_CODES.find((storage) => storage === code);
      if (known !== undefined && known !== problem) become(known);
    },
    worked() {
      workedAt = performance.now();
      if (problem !== undefined) become(undefined);
    },
    listen(listener) {
      listeners.push(listener);
      listener(problem);
    },
  };
}
