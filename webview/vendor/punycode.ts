// Stands in for the package `punycode.js` in the bundle: a browser's URL parser knows Punycode.
// Hosts are shown as they are asked for, so nothing is ever turned back into Unicode.
export default {
  toASCII(host: string): string {
    const url = `http://${host}/`;
    return URL.canParse(url) ? new URL(url).hostname : host;
  },
  toUnicode(host: string): string {
    return host;
  },
};
