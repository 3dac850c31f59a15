import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { insist } from "../../insist.ts";
import { useSurroundings } from "./context.ts";

/**
 * A component whose code is loaded when it is first shown. While it cannot be, that is said, and
 * tried as long as it is wanted.
 */
export function later<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Later(props: P) {
    const { actions, text } = useSurroundings();
    const [, setReady] = useState(loaded !== undefined);
    // Also where it is loaded: another may have loaded it after this one was drawn without.
    useEffect(() => {
      let isWanted = true;
      let isTold = false;
      void insist(load, () => {
        if (isWanted && !isTold) actions.tell("not_loaded", text.notLoaded);
        isTold = true;
        return isWanted;
      }).then((component) => {
        if (!component) return;
        loaded = component;
        setReady(true);
      });
      return () => {
        isWanted = false;
      };
    }, []);
    const Loaded = loaded;
    return Loaded ? <Loaded {...props} /> : null;
  };
}
