// Texts of the field for a key, loaded with it.
interface KeyStrings {
  title: string;
  provider: string;
  providers: Readonly<Record<string, string>>;
  key: string;
  states: Record<"set" | "missing" | "refused", string>;
  where: string;
  save: string;
  saving: string;
  remove: string;
  empty: string;
  malformed: string;
  isSet(provider: string): string;
  isRemoved(provider: string): string;
  stillMissing(provider: string): string;
}

const EN: KeyStrings = {
  title: "Keys of models",
  provider: "Who answers",
  providers: {
    openai: "OpenAI",
    anthropic: "Anthropic",
    google: "Google Gemini",
    "openai-compatible": "OpenAI-compatible server",
    ollama: "Ollama",
  },
  key: "Key",
  states: {
    set: "The companion has what it needs. A new key takes its place.",
    missing: "There is no key yet.",
    refused: "The key that is set was refused.",
  },
  where:
    "It goes to the companion only, which holds it in memory until it ends. It is not stored, and this page cannot read it again.",
  save: "Set key",
  saving: "Setting the key…",
  remove: "Remove key",
  empty: "Paste the key first.",
  malformed: "A key has no spaces and only Latin letters, digits and signs. Copy it once more.",
  isSet: (provider) => `The key of ${provider} is set.`,
  isRemoved: (provider) => `The key of ${provider} that was set here is removed.`,
  stillMissing: (provider) => `The key of ${provider} is set, but this model cannot be used yet.`,
};

const RU: KeyStrings = {
  title: "Ключи моделей",
  provider: "Кто отвечает",
  providers: { ...EN.providers, "openai-compatible": "Сервер, совместимый с OpenAI" },
  key: "Ключ",
  states: {
    set: "У сервера есть всё нужное. Новый ключ заменит прежний.",
    missing: "Ключа ещё нет.",
    refused: "Заданный ключ не приняли.",
  },
  where:
    "Ключ уйдёт только на сервер Streamkeeper и останется в его памяти, пока тот работает. Он не сохраняется, и эта страница его больше не увидит.",
  save: "Задать ключ",
  saving: "Ключ задаётся…",
  remove: "Убрать ключ",
  empty: "Сначала вставьте ключ.",
  malformed: "В ключе нет пробелов, только латиница, цифры и знаки. Скопируйте его ещё раз.",
  isSet: (provider) => `Ключ задан: ${provider}.`,
  isRemoved: (provider) => `Заданный здесь ключ убран: ${provider}.`,
  stillMissing: (provider) => `Ключ задан: ${provider}, но этой моделью пользоваться пока нельзя.`,
};

export function keyStrings(): KeyStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
