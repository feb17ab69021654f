/** A received email and its parts. Names and shapes are those of Mailpit's API. */

import { type AddressObject, type Attachment, type ParsedMail, simpleParser } from "mailparser";
import { Buffer } from "node:buffer";

export interface Address {
  Name: string;
  Address: string;
}

/** The sender and the recipients on the SMTP level. Only this names the recipients of blind copies. */
export interface Envelope {
  from: string;
  to: string[];
}

/** An entry of the list of emails. */
export interface Summary {
  ID: string;
  MessageID: string;
  Read: boolean;
  From: Address;
  To: Address[];
  Cc: Address[];
  Bcc: Address[];
  ReplyTo: Address[];
  Subject: string;
  Created: string;
  Username: string;
  Tags: string[];
  Size: number;
  Attachments: number;
  Snippet: string;
}

interface Part {
  PartID: string;
  FileName: string;
  ContentType: string;
  ContentID: string;
  Size: number;
}

/** An email with its texts. */
export interface Message extends Omit<Summary, "Read" | "Created" | "Attachments" | "Snippet"> {
  ReturnPath: string;
  Date: string;
  ListUnsubscribe: { Header: string; Links: string[]; Errors: string; HeaderPost: string };
  Text: string;
  HTML: string;
  Inline: Part[];
  Attachments: Part[];
}

const SNIPPET_LENGTH = 250;

export async function parse(raw: Uint8Array): Promise<ParsedMail> {
  return await simpleParser(Buffer.from(raw), { skipTextToHtml: true });
}

export function summarize(
  id: string,
  raw: Uint8Array,
  email: ParsedMail,
  envelope: Envelope | null,
  created: string,
): Summary {
  const named = [...addresses(email.to), ...addresses(email.cc)];
  const blind = (envelope?.to ?? [])
    .filter((recipient) => !named.some(({ Address }) => Address.toLowerCase() === recipient.toLowerCase()))
    .map((recipient) => ({ Name: "", Address: recipient }));
  return {
    ID: id,
    MessageID: bare(email.messageId),
    Read: false,
    From: addresses(email.from)[0] ?? { Name: "", Address: envelope?.from ?? "" },
    To: addresses(email.to),
    Cc: addresses(email.cc),
    Bcc: [...addresses(email.bcc), ...blind],
    ReplyTo: addresses(email.replyTo),
    Subject: email.subject ?? "",
    Created: created,
    Username: "",
    Tags: [],
    Size: raw.byteLength,
    Attachments: email.attachments.filter((attachment) => !isInline(attachment)).length,
    Snippet: plainText(email).replace(/\s+/g, " ").trim().slice(0, SNIPPET_LENGTH),
  };
}

export function detail(summary: Summary, email: ParsedMail, envelope: Envelope | null): Message {
  const { Read: _read, Created, Attachments: _count, Snippet: _snippet, ...rest } = summary;
  const parts = email.attachments.map((attachment, index) => ({ attachment, part: part(attachment, index) }));
  return {
    ...rest,
    ReturnPath: envelope?.from ?? summary.From.Address,
    Date: email.date?.toISOString() ?? Created,
    ListUnsubscribe: unsubscribe(email),
    Text: email.text ?? "",
    HTML: email.html || "",
    Inline: parts.filter(({ attachment }) => isInline(attachment)).map(({ part }) => part),
    Attachments: parts.filter(({ attachment }) => !isInline(attachment)).map(({ part }) => part),
  };
}

/** The headers, with their names as they were written, each with all its values. */
export function headers(email: ParsedMail): Record<string, string[]> {
  const result: Record<string, string[]> = {};
  for (const { line } of email.headerLines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim();
    (result[name] ??= []).push(line.slice(colon + 1).replace(/\r?\n\s+/g, " ").trim());
  }
  return result;
}

/** The text part, or the HTML part without its markup. */
export function plainText(email: ParsedMail): string {
  if (email.text) return email.text;
  return (email.html || "")
    .replace(/<(style|script|head)\b[\s\S]*?<\/\1>/gi, " ")
    .replace(/<[^>]+>/g, " ")
    .replace(/&nbsp;/g, " ").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

function addresses(value: AddressObject | AddressObject[] | undefined): Address[] {
  const objects = value === undefined ? [] : Array.isArray(value) ? value : [value];
  return objects.flatMap((object) => object.value).flatMap((entry) =>
    (entry.group ?? [entry]).map(({ name, address }) => ({ Name: name ?? "", Address: address ?? "" }))
  );
}

function part(attachment: Attachment, index: number): Part {
  return {
    PartID: String(index + 1),
    FileName: attachment.filename ?? "",
    ContentType: attachment.contentType,
    ContentID: bare(attachment.cid),
    Size: attachment.size,
  };
}

function isInline(attachment: Attachment): boolean {
  return attachment.related || attachment.contentDisposition === "inline";
}

function unsubscribe(email: ParsedMail): Message["ListUnsubscribe"] {
  const all = headers(email);
  const value = (name: string) =>
    Object.entries(all).find(([key]) => key.toLowerCase() === name)?.[1][0] ?? "";
  const header = value("list-unsubscribe");
  return {
    Header: header,
    Links: [...header.matchAll(/<([^>]+)>/g)].map(([, link]) => link),
    Errors: "",
    HeaderPost: value("list-unsubscribe-post"),
  };
}

function bare(id: string | undefined): string {
  return (id ?? "").replace(/^<|>$/g, "");
}
