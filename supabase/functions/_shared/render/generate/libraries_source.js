// What `pdf/libraries.generated.js` is bundled from.
export { default as PDFDocument } from "pdfkit";
export { default as LineBreaker } from "linebreak";
export { default as bidi } from "bidi-js";
