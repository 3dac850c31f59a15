// Where there is no editor that keeps keys: a field for one, which goes to the
// companion and nowhere else.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { AppState } from "../state/model.ts";
import { lastTurn } from "../state/selectors.ts";
import { asFailure } from "../transport/transport.ts";
import { useSurroundings } from "./base/context.ts";
import { useModal } from "./base/modal.ts";
import { Secondary } from "./base/secondary.tsx";
import { keyStrings } from "./key-strings.ts";

/** As the companion takes them. */
const KEY = /^[\x21-\x7e]{1,4096}$/;
/** It answers by itself. */
const DEMO = "demo";

export function KeyDialog({ state }: { state: AppState }) {
  const { actions, text } = useSurroundings();
  const words = keyStrings();
  const asked = state.keyFor ?? "";
  const [provider, setProvider] = useState(providersOf(state, asked)[0] ?? "");
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const close = (): void => actions.askKey(null);
  const modal = useModal(close);
  useLayoutEffect(() => field.current?.focus(), []);
  const name = words.providers[provider] ?? provider;
  const keyState = keyStateOf(state, provider);

  const change = async (work: () => Promise<void>, told: string): Promise<void> => {
    setBusy(true);
    try {
      await work();
      const models = await actions.reloadModels();
      const model = models?.data.find(({ id }) => id === asked);
      if (model?.available) actions.chooseModel(asked);
      close();
      const isLeft = model !== undefined && !model.available && told === words.isSet(name);
      actions.tell("key_set", isLeft ? words.stillMissing(name) : told);
    } catch (thrown) {
      const { error } = asFailure(thrown);
      setFault([error.message, error.hint].filter(Boolean).join(" "));
      setBusy(false);
      field.current?.focus();
    }
  };
  const save = (): void => {
    const key = field.current?.value.trim() ?? "";
    if (!KEY.test(key)) {
      setFault(key === "" ? words.empty : words.malformed);
      field.current?.focus();
      return;
    }
    void change(async () => actions.keys?.set(provider, key), words.isSet(name));
  };
  return (
    <dialog {...modal} aria-labelledby="dialog-title">
      <h2 id="dialog-title">{words.title}</h2>
      <form
        class="key-form"
        aria-busy={isBusy}
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy) save();
        }}
      >
        <ProviderField
          providers={providersOf(state, asked)}
          chosen={provider}
          onChoose={(chosen) => {
            setProvider(chosen);
            setFault("");
          }}
        />
        <p id="key-state" role="status">
          {words.states[keyState]}
        </p>
        <label>
          {words.key}
          {/* Without a name, so that no form ever puts it into an address. */}
          <input
            ref={field}
            class="text-input"
            type="password"
            autocomplete="off"
            spellcheck={false}
            aria-describedby="key-state key-fault key-where"
            aria-invalid={fault !== ""}
          />
        </label>
        <p id="key-fault" class="field-fault" role="alert">
          {fault}
        </p>
        <p id="key-where" class="muted">
          {words.where}
        </p>
        <div class="button-row is-end">
          {keyState !== "missing" && (
            <Secondary
              disabled={isBusy}
              onClick={() =>
                void change(async () => actions.keys?.remove(provider), words.isRemoved(name))
              }
            >
              {words.remove}
            </Secondary>
          )}
          <Secondary onClick={close}>{text.cancel}</Secondary>
          <button type="submit" class="button" disabled={isBusy}>
            {isBusy ? words.saving : words.save}
          </button>
        </div>
      </form>
    </dialog>
  );
}

interface ProviderFieldProps {
  providers: readonly string[];
  chosen: string;
  onChoose: (provider: string) => void;
}

function ProviderField({ providers, chosen, onChoose }: ProviderFieldProps) {
  const words = keyStrings();
  return (
    <label>
      {words.provider}
      <select
        class="text-input"
        value={chosen}
        onChange={({ currentTarget }) => onChoose(currentTarget.value)}
      >
        {providers.map((id) => (
          <option key={id} value={id}>
            {words.providers[id] ?? id}
          </option>
        ))}
      </select>
    </label>
  );
}

const providerOf = (model: string): string => model.slice(0, Math.max(model.indexOf("/"), 0));

/** Whoever may want a key, the one that is asked about first. */
function providersOf({ models }: AppState, asked: string): string[] {
  const known = (models?.data ?? []).filter(({ demo }) => !demo).map(({ id }) => providerOf(id));
  const all = [providerOf(asked), ...known, "openai", "anthropic", "google"];
  return [...new Set(all)].filter((id) => id !== "" && id !== DEMO);
}

function keyStateOf(state: AppState, provider: string): "set" | "missing" | "refused" {
  const turn = lastTurn(state);
  const isRefused = turn?.ending?.code === "upstream_unauthorized";
  if (isRefused && providerOf(turn?.model ?? "") === provider) return "refused";
  const models = state.models?.data.filter(({ id }) => providerOf(id) === provider) ?? [];
  return models.some(({ available }) => available) ? "set" : "missing";
}
