// What `franc.generated.js` is bundled from.
export { francAll } from "franc";
