// `npm run monitoring`: writes the dashboard and the alerts from the code's own names.
import { writeFileSync } from "node:fs";
import { GENERATED } from "./generated.ts";

for (const { path, content } of GENERATED) {
  writeFileSync(path, content());
  console.log(`wrote ${path}`);
}
