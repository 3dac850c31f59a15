/** The list's own, which comes with it. */
const LOOKS = `
.mentions {
  position: relative;
}

#mentions {
  position: absolute;
  right: -1px;
  bottom: 4px;
  left: -1px;
  z-index: 1;
  max-height: 40vh;
  padding: 4px;
  overflow-y: auto;
  border: 1px solid var(--border);
  border-radius: 6px;
  background: var(--raised);
  box-shadow: 0 2px 8px var(--vscode-widget-shadow, #00000029);
}

#mentions li {
  padding: 2px 6px;
  border-radius: 4px;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
  cursor: pointer;
}

#mentions [aria-selected="true"] .muted {
  color: inherit;
}

#mentions [aria-selected="true"] {
  outline: 1px solid var(--contrast-border);
  color: var(--selected-foreground);
  background: var(--selected);
}
`;

export function addLooks(): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(LOOKS);
  document.adoptedStyleSheets.push(sheet);
}
