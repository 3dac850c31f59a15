/** The page's colours, as a diagram takes them. Six hex digits each: Mermaid reckons with them. */
export interface Look {
  font: string;
  isDark: boolean;
  /** Colours would be lost on its reader: only lines and words. */
  isStrict: boolean;
  page: string;
  text: string;
  muted: string;
  border: string;
  accent: string;
}

/** Blue, green, orange, violet, teal, red, olive, pink: each kept apart from the next. */
const HUES = [
  "#3b82f6",
  "#22a559",
  "#e08a1e",
  "#8b5cf6",
  "#12a5a5",
  "#e5484d",
  "#8a9a1b",
  "#d6409f",
];
const SCALE = 12;

/** The look of the page where `place` stands. */
export function lookOf(place: Element): Look {
  const probe = document.createElement("span");
  place.append(probe);
  const styles = getComputedStyle(probe);
  const read = (value: string): string => {
    probe.style.color = value;
    return toHex(styles.color);
  };
  const look: Look = {
    font: styles.fontFamily,
    isDark: styles.colorScheme !== "light" && luminance(read("var(--foreground)")) > 0.5,
    isStrict:
      matchMedia("(forced-colors: active)").matches ||
      document.body.classList.contains("vscode-high-contrast"),
    page: read("var(--diagram-page)"),
    text: read("var(--foreground)"),
    muted: read("var(--muted)"),
    border: read("var(--border)"),
    accent: read("var(--accent)"),
  };
  probe.remove();
  return look;
}

export function themeOf(look: Look): Record<string, string | boolean> {
  const { text, page, isDark, isStrict } = look;
  const tint = (hue: string, share: number): string => (isStrict ? page : mix(hue, page, share));
  const fill = tint(look.accent, isDark ? 0.24 : 0.14);
  const border = isStrict ? text : mix(look.accent, text, 0.55);
  const line = isStrict ? text : mix(text, page, 0.72);
  const numbered = Object.fromEntries(
    Array.from({ length: SCALE }, (_, index) => {
      const hue = HUES[index % HUES.length] ?? look.accent;
      // Without colours at all, lines of them and slices of a pie could not be told apart.
      const soft = mix(hue, page, isDark ? 0.42 : 0.3);
      return [
        [`cScale${index}`, soft],
        [`cScaleLabel${index}`, text],
        [`cScalePeer${index}`, line],
        [`cScaleInv${index}`, line],
        [`pie${index + 1}`, soft],
        [`fillType${index}`, soft],
        [`git${index}`, isStrict ? text : mix(hue, page, 0.75)],
        [`gitInv${index}`, page],
        [`gitBranchLabel${index}`, isStrict ? page : readable(mix(hue, page, 0.75))],
        [`actor${index}`, soft],
      ];
    }).flat(),
  );
  return {
    darkMode: isDark,
    background: page,
    fontFamily: look.font,
    fontSize: "14px",
    primaryColor: fill,
    primaryTextColor: text,
    primaryBorderColor: border,
    secondaryColor: tint(HUES[1] ?? fill, 0.18),
    secondaryTextColor: text,
    secondaryBorderColor: line,
    tertiaryColor: tint(text, 0.06),
    tertiaryTextColor: text,
    tertiaryBorderColor: line,
    lineColor: line,
    arrowheadColor: line,
    textColor: text,
    titleColor: text,
    mainBkg: fill,
    nodeBorder: border,
    nodeTextColor: text,
    clusterBkg: tint(text, 0.05),
    clusterBorder: isStrict ? text : mix(text, page, 0.35),
    edgeLabelBackground: page,
    labelBackground: page,
    noteBkgColor: tint(HUES[2] ?? fill, 0.2),
    noteTextColor: text,
    noteBorderColor: line,
    actorBkg: fill,
    actorBorder: border,
    actorTextColor: text,
    actorLineColor: line,
    signalColor: line,
    signalTextColor: text,
    labelBoxBkgColor: tint(text, 0.08),
    labelBoxBorderColor: line,
    labelTextColor: text,
    loopTextColor: text,
    activationBkgColor: tint(text, 0.16),
    activationBorderColor: line,
    sequenceNumberColor: page,
    sectionBkgColor: tint(text, 0.06),
    altSectionBkgColor: page,
    sectionBkgColor2: tint(look.accent, 0.1),
    excludeBkgColor: tint(text, 0.1),
    taskBkgColor: tint(look.accent, 0.4),
    taskBorderColor: border,
    taskTextColor: text,
    taskTextDarkColor: text,
    taskTextLightColor: text,
    taskTextOutsideColor: text,
    activeTaskBkgColor: tint(HUES[1] ?? fill, 0.35),
    activeTaskBorderColor: line,
    doneTaskBkgColor: tint(text, 0.2),
    doneTaskBorderColor: line,
    critBkgColor: tint(HUES[5] ?? fill, 0.4),
    critBorderColor: isStrict ? text : (HUES[5] ?? line),
    todayLineColor: HUES[5] ?? line,
    gridColor: mix(text, page, 0.25),
    classText: text,
    labelColor: text,
    errorBkgColor: page,
    errorTextColor: text,
    pieTitleTextColor: text,
    pieSectionTextColor: text,
    pieLegendTextColor: text,
    pieStrokeColor: line,
    pieOuterStrokeColor: line,
    pieOpacity: "1",
    commitLabelColor: text,
    commitLabelBackground: page,
    tagLabelColor: text,
    tagLabelBackground: fill,
    tagLabelBorder: border,
    attributeBackgroundColorOdd: page,
    attributeBackgroundColorEven: tint(text, 0.06),
    rowOdd: page,
    rowEven: tint(text, 0.06),
    ...numbered,
  };
}

/** WCAG asks for 4.5; below this it is not read at all. */
const MIN_CONTRAST = 3;

/** Words' colour on a box, if theirs cannot be read there. */
export function readableOn(box: string, words: string): string | undefined {
  const [a, b] = [luminance(toHex(box)), luminance(toHex(words))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  return contrast < MIN_CONTRAST ? readable(toHex(box)) : undefined;
}

/** Black or white, whichever is read better on it. */
function readable(background: string): string {
  return luminance(background) > 0.18 ? "#000000" : "#ffffff";
}

function mix(colour: string, into: string, share: number): string {
  const [a, b] = [channels(colour), channels(into)];
  return hex(a.map((value, index) => value * share + (b[index] ?? 0) * (1 - share)));
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((value) => (value / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

function hex(values: readonly number[]): string {
  return `#${values.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
}

/** Any colour of CSS. */
function toHex(colour: string): string {
  const canvas = document.createElement("canvas");
  canvas.width = 1;
  canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return "#808080";
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return hex([...context.getImageData(0, 0, 1, 1).data].slice(0, 3));
}
