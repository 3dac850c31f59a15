import type { AppState } from "../state/model.ts";
import { chosenModel, findModel } from "../state/selectors.ts";
import { useSurroundings } from "./base/context.ts";
import { Icon } from "./base/icon.tsx";

/** A chat in which nothing has been said. */
export function Welcome({ state }: { state: AppState }) {
  const { actions, text } = useSurroundings();
  const { ready } = state;
  return (
    <div class="welcome">
      <h2 class="welcome-title">{text.promise}</h2>
      <ModelNote state={state} />
      <p class="visually-hidden" id="examples">
        {text.tryOne}
      </p>
      <ul class="prompts" aria-labelledby="examples">
        {text.prompts.map(({ label, text: prompt }) => (
          <li key={label}>
            <button type="button" class="prompt" onClick={() => actions.sending.sendText(prompt)}>
              <span>{label}</span>
              <Icon name="chevron-right" />
            </button>
          </li>
        ))}
      </ul>
      {ready && (
        <p class="welcome-storage" title={text.durability[ready.durability]}>
          <Icon name="database" />
          {text.storage(ready.engine, ready.durability)}
        </p>
      )}
    </div>
  );
}

function ModelNote({ state }: { state: AppState }) {
  const { actions, text } = useSurroundings();
  const chosen = chosenModel(state);
  if (chosen === null) return <p class="welcome-note">&nbsp;</p>;
  const model = findModel(state, chosen);
  if (!model?.demo) return <p class="welcome-note">{text.modelNote(model?.name ?? chosen)}</p>;
  return (
    <p class="welcome-note">
      <Icon name="beaker" />
      <span>
        {text.demoNote}{" "}
        {actions.run ? (
          <button type="button" class="link" onClick={() => actions.run?.("choose_model")}>
            {text.chooseModel}
          </button>
        ) : (
          text.demoNoteChoose
        )}
      </span>
    </p>
  );
}
