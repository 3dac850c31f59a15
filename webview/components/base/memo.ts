import { Component, type ComponentClass, type FunctionComponent, h } from "preact";

/** A component that renders again only when one of its props is another one. */
export function memo<P extends object>(inner: FunctionComponent<P>): ComponentClass<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now: Partial<P> = this.props;
      const keys = Object.keys({ ...now, ...next }) as (keyof P)[];
      return keys.some((key) => now[key] !== next[key]);
    }
    override render(props: P) {
      return h(inner, props);
    }
  };
}
