// What `messageformat.generated.js` is bundled from.
export { IntlMessageFormat } from "intl-messageformat";
