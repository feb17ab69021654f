/** Inspects pictures, and converts them to those that are shown. */

export { derive, type Derived, type DerivedFile, LARGEST } from "./derive.ts";
export { inspect, type PictureInfo, shownSize } from "./inspect.ts";
export { DERIVED, type Use } from "./names.ts";
export { PictureError, type Refusal } from "./problem.ts";
