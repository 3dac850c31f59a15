// Stands in for the package `linkify-it` in the bundle: bare addresses are not made into links, so
// markdown-it needs no more of it than that it can be made.
export class LinkifyIt {
  pretest(): boolean {
    return false;
  }
}
