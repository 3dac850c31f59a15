// How it stands with the newest answer of a chat in the list, where that is worth a look.
import type { Session } from "../../server/protocol/responses.ts";
import type { IconName } from "../icons.ts";
import { Icon } from "./base/icon.tsx";

type Mark = "running" | "waiting" | "failed";

const ICONS: Record<Mark, IconName> = { running: "loading", waiting: "question", failed: "error" };
// Beside the list and not among the others: nothing before the first word needs them.
const EN: Record<Mark, string> = {
  running: "Writing",
  waiting: "Waits for you",
  failed: "Failed",
};
const RU: Record<Mark, string> = { running: "Пишется", waiting: "Ждёт вас", failed: "Ошибка" };

export function SessionMark({ session }: { session: Session }) {
  const mark = markOf(session);
  if (!mark) return null;
  const texts = document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
  return (
    <span class="session-mark" data-mark={mark}>
      <Icon name={ICONS[mark]} spin={mark === "running"} />
      {texts[mark]} ·{" "}
    </span>
  );
}

/** Whether it goes on without anybody here. */
export function isUnfinished({ turn }: Session): boolean {
  return turn?.status === "running" || turn?.status === "waiting";
}

function markOf({ turn }: Session): Mark | undefined {
  if (turn?.status === "error") return "failed";
  // Without a question a tool runs meanwhile.
  if (turn?.status === "waiting" && turn.asks) return "waiting";
  return turn?.status === "running" || turn?.status === "waiting" ? "running" : undefined;
}
