// On which day something was, by the reader's own clock and calendar.

export const DAYS = ["today", "yesterday", "week", "month", "older"] as const;
export type Day = (typeof DAYS)[number];

/** What lies ahead, by another machine's clock, is of today. */
export function dayOf(time: Date, now: Date): Day {
  if (time >= midnight(now, 0)) return "today";
  if (time >= midnight(now, 1)) return "yesterday";
  if (time >= midnight(now, 7)) return "week";
  return time >= midnight(now, 30) ? "month" : "older";
}

/** Not by hours: some days have 23 of them, or 25. */
function midnight(now: Date, daysAgo: number): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo);
}

/** How long a list of days that is drawn now stays right; at most an hour, since clocks are set. */
export function untilNextDay(now: Date): number {
  return Math.min(midnight(now, -1).getTime() - now.getTime() + 50, 3_600_000);
}

/** In the order in which they come. */
export function byDay<Item extends { updated_at: string }>(
  items: readonly Item[],
  now: Date,
): { day: Day; items: Item[] }[] {
  const days = items.map((item) => ({ item, day: dayOf(new Date(item.updated_at), now) }));
  return DAYS.flatMap((day) => {
    const of = days.filter((one) => one.day === day).map(({ item }) => item);
    return of.length === 0 ? [] : [{ day, items: of }];
  });
}
