// Chats out as files and in, and a copy of the open one: in a browser, where no editor has
// commands for it. Loaded when it is opened.
import { useRef, useState } from "preact/hooks";
import type { ImportReport } from "../../server/protocol/responses.ts";
import { useSurroundings } from "../components/base/context.ts";
import { useModal } from "../components/base/modal.ts";
import { Secondary } from "../components/base/secondary.tsx";
import { loadStyle } from "../load-style.ts";
import { forkChat } from "../state/fork-chat.ts";
import type { AppState } from "../state/model.ts";
import { said } from "../strings/said.ts";
import { asFailure } from "../transport/transport.ts";
import type { SessionLog } from "../turns/model.ts";
import { importFile, saveFile } from "./files.ts";
import { transferStrings } from "./strings.ts";

const FORMATS = ["jsonl", "markdown", "html"] as const;

interface TransferProps {
  state: AppState;
  onClose: () => void;
}

export async function loadTransfer(): Promise<typeof TransferDialog> {
  await loadStyle("transfer.css");
  return TransferDialog;
}

interface Result {
  words: string;
  failed?: boolean;
  report?: ImportReport;
  files?: readonly File[];
}

interface Work {
  told: string;
  stop: AbortController;
}

function TransferDialog({ state, onClose }: TransferProps) {
  const { actions, attaching, text } = useSurroundings();
  const words = transferStrings();
  const [work, setWork] = useState<Work | null>(null);
  const [bytes, setBytes] = useState(0);
  const [result, setResult] = useState<Result | null>(null);
  const close = (): void => {
    work?.stop.abort();
    onClose();
  };
  const modal = useModal(close);
  const { transport } = attaching;
  const { link } = transport;
  if (!link) return null;

  const begin = async (
    told: string,
    body: (signal: AbortSignal) => Promise<Result | null>,
  ): Promise<void> => {
    const stop = new AbortController();
    setBytes(0);
    setResult(null);
    setWork({ told, stop });
    try {
      setResult(await body(stop.signal));
    } catch (thrown) {
      const { message, hint } = said(asFailure(thrown).error);
      const isLeft = stop.signal.aborted;
      const failure = { words: [message, hint].filter(Boolean).join(" "), failed: true };
      setResult(isLeft ? { words: words.cancelled } : failure);
    }
    setWork(null);
    // Its buttons were off meanwhile, which takes the focus from them.
    modal.ref.current?.focus();
  };
  const save = (path: string): void =>
    void begin(words.exporting, async (signal) => ({
      words: words.saved(await saveFile(link, path, setBytes, signal)),
    }));
  const fork = (log: SessionLog): void =>
    void begin(words.forking, async () => {
      const copy = await forkChat(transport, log, log.cursor);
      actions.openSession(copy.id);
      actions.sessions.refresh();
      onClose();
      return null;
    });
  const bring = (files: readonly File[], asCopies: boolean): void => {
    const [file, ...others] = files;
    if (!file) return;
    void begin(words.importing(files.map(({ name }) => name).join(", ")), async (signal) => {
      let report = await importFile(link, file, asCopies, signal);
      for (const other of others) {
        report = together(report, await importFile(link, other, asCopies, signal));
      }
      actions.sessions.refresh();
      const isCut = !report.complete && report.problems.length === 0;
      const told = [words.counts(report.counts), isCut && words.notWhole, report.message];
      return { words: told.filter(Boolean).join(" "), report, files };
    });
  };
  const isBusy = work !== null;
  return (
    <dialog {...modal} class="transfer" tabIndex={-1} aria-labelledby="dialog-title">
      <h2 id="dialog-title">{words.title}</h2>
      <ThisChat state={state} isBusy={isBusy} onSave={save} onFork={fork} />
      <h3>{words.allChats}</h3>
      <Secondary disabled={isBusy} onClick={() => save("/v1/export")}>
        {words.exportAll}
      </Secondary>
      <h3>{words.importTitle}</h3>
      <p class="muted">{words.importDetail}</p>
      <FilesButton disabled={isBusy} onChosen={(files) => bring(files, false)} />
      <div role="status" class="transfer-state" aria-busy={isBusy}>
        {work?.told}
        {result && !result.failed && <span>{result.words}</span>}
      </div>
      {result?.failed && (
        <p role="alert" class="field-fault">
          {result.words}
        </p>
      )}
      {work && (
        <div class="transfer-work">
          <progress aria-label={work.told} />
          <span class="muted" aria-hidden="true">
            {bytes > 0 && words.received(bytes)}
          </span>
          <Secondary onClick={() => work.stop.abort()}>{text.cancel}</Secondary>
        </div>
      )}
      {result?.report && (
        <Report result={result} onCopies={(files) => bring(files, true)} onOpen={close} />
      )}
      <div class="button-row is-end">
        <Secondary onClick={close}>{words.close}</Secondary>
      </div>
    </dialog>
  );
}

interface ThisChatProps {
  state: AppState;
  isBusy: boolean;
  onSave: (path: string) => void;
  onFork: (log: SessionLog) => void;
}

function ThisChat({ state: { log, facts }, isBusy, onSave, onFork }: ThisChatProps) {
  const words = transferStrings();
  const [format, setFormat] = useState<(typeof FORMATS)[number]>("jsonl");
  const hasChat = log !== null && log.turns.length > 0;
  return (
    <>
      <h3>
        {words.thisChat}
        {hasChat && facts && <span class="muted"> {facts.title}</span>}
      </h3>
      {hasChat ? (
        <>
          <div class="transfer-row">
            <label>
              {words.format}{" "}
              <select
                class="text-input"
                value={format}
                onChange={({ currentTarget: { value } }) =>
                  setFormat(FORMATS.find((one) => one === value) ?? "jsonl")
                }
              >
                {FORMATS.map((one) => (
                  <option key={one} value={one}>
                    {words.formats[one]}
                  </option>
                ))}
              </select>
            </label>
            <Secondary
              disabled={isBusy}
              onClick={() => onSave(`/v1/sessions/${log.id}/export?format=${format}`)}
            >
              {words.exportChat}
            </Secondary>
          </div>
          <div class="transfer-row">
            <span class="muted" id="fork-detail">
              {words.forkDetail}
            </span>
            <Secondary disabled={isBusy} aria-describedby="fork-detail" onClick={() => onFork(log)}>
              {words.fork}
            </Secondary>
          </div>
        </>
      ) : (
        <p class="muted">{words.noChat}</p>
      )}
    </>
  );
}

interface FilesButtonProps {
  disabled: boolean;
  onChosen: (files: readonly File[]) => void;
}

function FilesButton({ disabled, onChosen }: FilesButtonProps) {
  const words = transferStrings();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Secondary disabled={disabled} onClick={() => input.current?.click()}>
        {words.choose}
      </Secondary>
      <input
        ref={input}
        type="file"
        accept=".jsonl,application/jsonl"
        multiple
        hidden
        onChange={({ currentTarget }) => {
          onChosen([...(currentTarget.files ?? [])]);
          // The same file may be chosen again.
          currentTarget.value = "";
        }}
      />
    </>
  );
}

interface ReportProps {
  result: Result;
  onCopies: (files: readonly File[]) => void;
  onOpen: () => void;
}

function Report({ result: { report, files = [] }, onCopies, onOpen }: ReportProps) {
  const { actions } = useSurroundings();
  const words = transferStrings();
  if (!report) return null;
  const { counts, problems, session_id: first } = report;
  return (
    <>
      {problems.length > 0 && (
        <ul class="transfer-problems">
          {problems.map(({ title, message }, index) => (
            <li key={index}>
              {title !== null && <strong>{title}: </strong>}
              {message}
            </li>
          ))}
        </ul>
      )}
      <div class="button-row">
        {first !== null && counts.imported + counts.incomplete > 0 && (
          <button
            type="button"
            class="button"
            onClick={() => {
              actions.openSession(first);
              onOpen();
            }}
          >
            {words.open}
          </button>
        )}
        {counts.differs > 0 && (
          <Secondary onClick={() => onCopies(files)}>{words.copies}</Secondary>
        )}
      </div>
    </>
  );
}

function together(a: ImportReport, b: ImportReport): ImportReport {
  const counts = { ...a.counts };
  for (const [outcome, count] of Object.entries(b.counts)) {
    counts[outcome as keyof typeof counts] += count;
  }
  return {
    complete: a.complete && b.complete,
    counts,
    problems: [...a.problems, ...b.problems],
    session_id: a.session_id ?? b.session_id,
    message: [a.message, b.message].filter(Boolean).join(" ") || null,
  };
}
