// Points in time as parts of file names: sorted by name they are sorted by
// time, on every file system.

/** 20260131T235959Z */
export function toStamp(time: Date): string {
  return time.toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

/** Undefined if it is none. */
export function fromStamp(stamp: string): Date | undefined {
  const [, day, month, date, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp) ?? [];
  const time = new Date(`${day}-${month}-${date}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time.getTime()) ? undefined : time;
}
