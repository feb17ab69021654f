/**
 * Emails: taken from the database in batches, composed, sent by a provider, and settled, each once. See `worker.ts`.
 */

export { compose, type Content, type Message, type Sender } from "./compose.ts";
export {
  type Batch,
  type BatchEmail,
  type Begun,
  type EmailQueue,
  emailQueue,
  type Settlement,
} from "./email_queue.ts";
export { notice, type NoticeSettings } from "./notice.ts";
export type { OpenRequest, Outcome, Provider, Report, Result } from "./provider.ts";
export { Resend } from "./resend.ts";
export { type MailboxSearch, mailpitSearch, Smtp, SmtpFailure, type SmtpTransport } from "./smtp.ts";
export { LEASE_SECONDS, sendEmails, sendEmailsTogether, type Work, type WorkerDeps } from "./worker.ts";
