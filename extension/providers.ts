/** The model servers whose key or address can be set here; ids as the companion knows them. */
export const PROVIDERS = [
  { id: "openai", label: "OpenAI", setting: "providers.openai.baseUrl" },
  { id: "anthropic", label: "Anthropic", setting: "providers.anthropic.baseUrl" },
  { id: "google", label: "Google Gemini", setting: "providers.google.baseUrl" },
  {
    id: "openai-compatible",
    label: "OpenAI-compatible server",
    setting: "providers.openaiCompatible.baseUrl",
  },
  { id: "ollama", label: "Ollama", setting: "providers.ollama.baseUrl" },
] as const;

export type KeyedProvider = (typeof PROVIDERS)[number];

export function providerOf(model = ""): KeyedProvider | undefined {
  return PROVIDERS.find(({ id }) => model.startsWith(`${id}/`));
}
