// What `_shared/deliver/nodemailer.generated.js` is bundled from.
export { default as MailComposer } from "nodemailer/mail-composer";
export { encode, wrap } from "nodemailer/qp";
export { default as SMTPConnection } from "nodemailer/smtp-connection";
