// How documentation names things, for the tidy tests.
import { createMetrics } from "../../server/observe/metrics.ts";

/** a.{b,c}.d -> a.b.d, a.c.d */
export function unfold(name: string): string[] {
  const [, before, choices, after] = /^(.*)\{(.*)\}(.*)$/.exec(name) ?? [];
  return choices?.split(",").map((choice) => `${before}${choice}${after}`) ?? [name];
}

/** A name may stop early, and say more where the title differs from case to case. */
export function isNamedBy(name: string): (title: string) => boolean {
  return (title) => {
    const [fixed = "", ...rest] = title.split("${");
    return fixed.startsWith(name) || (rest.length > 0 && fixed !== "" && name.startsWith(fixed));
  };
}

interface Described {
  name: string | undefined;
  labels: string[];
}

export function byName(a: Described, b: Described): number {
  return (a.name ?? "").localeCompare(b.name ?? "");
}

/** Those of ours; the process's and Node's are described by their own projects. */
export function ownMetrics(): Described[] {
  const { registry } = createMetrics("test");
  return registry
    .getMetricsAsArray()
    .filter(({ name }) => !/^(?:process|nodejs)_/.test(name))
    .map((metric) => ({
      name: metric.name,
      labels: "labelNames" in metric ? [...(metric.labelNames as string[])] : [],
    }));
}

/** `H1–H3, H5` as H1, H2, H3, H5. */
export function unrange(ids: string): string[] {
  return ids.split(", ").flatMap((part) => {
    const [first = "", last = first] = part.split("–");
    const from = Number(first.slice(1));
    const count = Number(last.slice(1)) - from + 1;
    return Array.from({ length: count }, (_, index) => `${first[0]}${from + index}`);
  });
}
