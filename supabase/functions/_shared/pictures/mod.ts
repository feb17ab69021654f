/** Pictures: what kind they are, and those that are shown of them. */

export { derive, type Derived, type DerivedFile, LARGEST } from "./derive.ts";
export { inspect, type PictureInfo, shownSize } from "./inspect.ts";
export { DERIVED, type Use } from "./names.ts";
export { PictureError, type Refusal } from "./problem.ts";
