import type { Model } from "../../../server/protocol/responses.ts";
import type { AppState } from "../../state/model.ts";
import { chosenAgent, chosenModel } from "../../state/selectors.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon } from "../base/icon.tsx";

interface PickerProps {
  label: string;
  value: string;
  onChoose: (value: string) => void;
  onFocus?: () => void;
  children: preact.ComponentChildren;
}

/** The browser's own list: it is known to every screen reader and every keyboard. */
function Picker({ label, value, onChoose, onFocus, children }: PickerProps) {
  return (
    <span class="picker">
      <select
        aria-label={label}
        title={label}
        value={value}
        onFocus={onFocus}
        onChange={(event) => {
          const select = event.currentTarget;
          onChoose(select.value);
          // What the state does not take is not shown as taken.
          select.value = value;
        }}
      >
        {children}
      </select>
      <Icon name="chevron-down" />
    </span>
  );
}

export function AgentPicker({ state }: { state: AppState }) {
  const { actions, text } = useSurroundings();
  const chosen = chosenAgent(state);
  // Its place, until it is known who there is: what comes after it must not jump.
  if (state.agents === null) {
    return (
      <span class="picker is-coming" aria-hidden="true">
        <select disabled>
          <option>{chosen ?? "Universal"}</option>
        </select>
      </span>
    );
  }
  const { agents } = state.agents;
  if (chosen === null || agents.length < 2) return null;
  return (
    <Picker
      label={text.agent}
      value={chosen}
      onChoose={actions.chooseAgent}
      onFocus={() => void actions.refreshAgents()}
    >
      {agents.map(({ type, name, description }) => (
        <option key={type} value={type} title={description}>
          {name}
        </option>
      ))}
      {!agents.some(({ type }) => type === chosen) && <option value={chosen}>{chosen}</option>}
    </Picker>
  );
}

export function ModelPicker({ state }: { state: AppState }) {
  const { actions, text } = useSurroundings();
  const chosen = chosenModel(state);
  const { models } = state;
  if (chosen === null || models === null) return null;
  const { data, offers } = models;
  const isKnown = [...data.map(({ id }) => id), ...offers.map(({ model }) => model)].includes(
    chosen,
  );
  const option = (model: Model) => (
    <option key={model.id} value={model.id}>
      {model.available ? model.name : `${model.name} — ${text.needsKey}`}
    </option>
  );
  return (
    <Picker
      label={text.model}
      value={chosen}
      onChoose={(id) => (id === "" ? actions.askKey("") : actions.chooseModel(id))}
    >
      {!isKnown && <option value={chosen}>{chosen}</option>}
      {data.filter(({ available }) => available).map(option)}
      {offers
        .filter(({ model }) => !data.some(({ id }) => id === model))
        .map(({ model, label }) => (
          <option key={model} value={model}>
            {label}
          </option>
        ))}
      {data.filter(({ available }) => !available).map(option)}
      {actions.keys && <option value="">{text.setKey}…</option>}
    </Picker>
  );
}
