export interface Page {
  cspSource: string;
  nonce: string;
  script: string;
  style: string;
  language: string;
}

/**
 * The page around one of our web apps. It may run our one script and load our style, font and
 * icons; it can reach no network, so that nothing a model writes can carry anything out.
 */
export function renderPage(page: Page): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${page.nonce}'`,
    `style-src ${page.cspSource}`,
    `font-src ${page.cspSource}`,
    `img-src ${page.cspSource} data: blob:`,
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="${escape(page.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Streamkeeper</title>
<link rel="stylesheet" href="${escape(page.style)}">
</head>
<body>
<div id="app"></div>
<script type="module" nonce="${page.nonce}" src="${escape(page.script)}"></script>
</body>
</html>`;
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll('"', "&quot;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
