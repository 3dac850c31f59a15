/** Of diagrams alone, loaded with the first of them. */
interface DiagramStrings {
  diagram(words: string): string;
  frame: string;
  showCode: string;
  showDiagram: string;
  faulty(why: string): string;
  large: string;
  tooSlow: string;
  notLoaded: string;
}

const EN: DiagramStrings = {
  diagram: (words) => (words === "" ? "Diagram" : `Diagram: ${words}`),
  frame: "Diagram",
  showCode: "Show the code",
  showDiagram: "Show the diagram",
  faulty: (why) => `No diagram can be drawn from this: ${why}`,
  large: "This one is large: drawing it may take a while. “Show the diagram” draws it.",
  tooSlow: "Drawing this took too long the last time. “Show the diagram” tries it again.",
  notLoaded: "What draws diagrams could not be loaded. “Show the diagram” tries it again.",
};

const RU: DiagramStrings = {
  diagram: (words) => (words === "" ? "Диаграмма" : `Диаграмма: ${words}`),
  frame: "Диаграмма",
  showCode: "Показать код",
  showDiagram: "Показать диаграмму",
  faulty: (why) => `Диаграмму по этому коду не нарисовать: ${why}`,
  large: "Диаграмма большая, рисовать её придётся долго. «Показать диаграмму» нарисует её.",
  tooSlow: "В прошлый раз рисование заняло слишком много времени. «Показать диаграмму» — ещё раз.",
  notLoaded: "То, что рисует диаграммы, не загрузилось. «Показать диаграмму» — ещё раз.",
};

export function diagramStrings(): DiagramStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
