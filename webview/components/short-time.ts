/** The time of today, the date of any other day. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  const isToday = time.toDateString() === new Date().toDateString();
  const language = document.documentElement.lang;
  return isToday
    ? time.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" })
    : time.toLocaleDateString(language, { day: "numeric", month: "short" });
}
