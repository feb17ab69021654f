/**
 * Refusals as mail servers word them, and whose fault each is.
 *
 * The phrases are those that Exim, Postfix, Sendmail, qmail, Exchange, Gmail, Outlook.com, Yahoo, iCloud, GMX, Yandex,
 * Zoho, Amazon and others document or are known for; names, addresses and numbers are made up.
 */

import { deepStrictEqual as deepEqual, strictEqual as equal } from "node:assert";
import { type Fault, faultOf, type Stage } from "./refusals.ts";

const ADDRESS = "ada.lovelace@example.test";

const REPLIES: [Fault, string, Stage?][] = [
  // Nobody there.
  [
    "NO_MAILBOX",
    "550 5.1.1 <ada.lovelace@example.test>: Recipient address rejected: User unknown in virtual mailbox table",
  ],
  [
    "NO_MAILBOX",
    "550 5.1.1 <ada.lovelace@example.test>: Recipient address rejected: User unknown in local recipient table",
  ],
  [
    "NO_MAILBOX",
    "550 <ada.lovelace@example.test>: Recipient address rejected: User unknown in relay recipient table",
  ],
  [
    "NO_MAILBOX",
    "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking the recipient's email address for typos or\n550 5.1.1 unnecessary spaces. https://support.google.com/mail/?p=NoSuchUser a1-2b.3 - gsmtp",
  ],
  [
    "NO_MAILBOX",
    "550-5.2.1 The email account that you tried to reach is disabled. Learn more at\n550 5.2.1 https://support.google.com/mail/?p=DisabledUser a1.2 - gsmtp",
  ],
  [
    "NO_MAILBOX",
    "550-5.2.1 The email account that you tried to reach is inactive. 550 5.2.1 For more information, go to https://support.google.com/mail/?p=DisabledUser",
  ],
  [
    "NO_MAILBOX",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ada.lovelace@example.test not found by SMTP address lookup",
  ],
  ["NO_MAILBOX", "550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found"],
  ["NO_MAILBOX", "550 5.1.1 User unknown"],
  [
    "NO_MAILBOX",
    "554 delivery error: dd This user doesn't have a yahoo.com account (ada.lovelace@example.test) [0] - mta1.example",
  ],
  ["NO_MAILBOX", "552 1 Requested mail action aborted, mailbox not found"],
  ["NO_MAILBOX", "550 5.1.1 <ada.lovelace@example.test>: user does not exist"],
  ["NO_MAILBOX", "550 unknown user"],
  ["NO_MAILBOX", "550 Unrouteable address"],
  ["NO_MAILBOX", "550 No such user here"],
  ["NO_MAILBOX", '550 No Such User Here"'],
  ["NO_MAILBOX", "550 No such recipient here"],
  ["NO_MAILBOX", "550 sorry, no mailbox here by that name. (#5.1.1)"],
  ["NO_MAILBOX", "550 Sorry, no mailbox here by that name. vpopmail (#5.1.1)"],
  ["NO_MAILBOX", "511 sorry, no mailbox here by that name (#5.1.1 - chkuser)"],
  ["NO_MAILBOX", "553 5.1.1 <ada.lovelace@example.test>... User unknown"],
  ["NO_MAILBOX", "550 5.1.1 <ada.lovelace@example.test>... User unknown"],
  ["NO_MAILBOX", "550 5.7.1 No such user!"],
  [
    "NO_MAILBOX",
    "550 Message was not accepted -- invalid mailbox. Local mailbox ada.lovelace@example.test is unavailable: user not found",
  ],
  ["NO_MAILBOX", "550 5.2.1 <ADA.LOVELACE@EXAMPLE.TEST>... Addressee unknown, relay=[192.0.2.1]"],
  ["NO_MAILBOX", "550 cuda_nsu 5.1.1 <ada.lovelace@example.test> Recipient address rejected: User unknown"],
  ["NO_MAILBOX", "550 No such user (ada.lovelace@example.test)"],
  ["NO_MAILBOX", "550 5.1.1 User does not exist - <ada.lovelace@example.test>"],
  ["NO_MAILBOX", "550 5.1.1 Not our Customer"],
  ["NO_MAILBOX", "550 Mailbox not found. http://service.example/cgi-bin/help"],
  ["NO_MAILBOX", "550 User not found: ada.lovelace@example.test"],
  ["NO_MAILBOX", "550 Invalid Recipient - https://community.example/docs#550"],
  ["NO_MAILBOX", "550 5.1.1 Recipient not found. <https://knowledge.example>"],
  ["NO_MAILBOX", "550 5.1.0 ada.lovelace@example.test: unknown or invalid user"],
  ["NO_MAILBOX", "550 5.1.6 recipient no longer on server: ada.lovelace@example.test"],
  ["NO_MAILBOX", "550 Account has been suspended"],
  ["NO_MAILBOX", "550 5.2.1 mailbox disabled, not accepting messages"],
  ["NO_MAILBOX", "550 #5.1.0 Address rejected. Unknown address"],
  ["NO_MAILBOX", "550 ada.lovelace: user unknown"],
  ["NO_MAILBOX", "550 5.1.1 Mailbox does not exist"],
  ["NO_MAILBOX", "554 5.1.1 Email address could not be found, or was misspelled"],
  ["NO_MAILBOX", "550 5.1.1 The recipient's address is invalid"],
  ["NO_MAILBOX", "550 5.0.0 unknown recipient"],
  ["NO_MAILBOX", "550 invalid mailbox name: no such account"],
  ["NO_MAILBOX", "550 5.1.1 xyz"],

  // Full.
  ["MAILBOX_FULL", "552 Mailbox full"],
  ["MAILBOX_FULL", "552 5.2.2 <ada.lovelace@example.test>: user is over quota"],
  [
    "MAILBOX_FULL",
    "452-4.2.2 The email account that you tried to reach is over quota. Please direct\n452 4.2.2 the recipient to https://support.google.com/mail/?p=OverQuotaTemp",
  ],
  [
    "MAILBOX_FULL",
    "552-5.2.2 The recipient's inbox is out of storage space and inactive. Please\n552 5.2.2 direct the recipient to https://support.google.com/mail/?p=OverQuotaPerm",
  ],
  ["MAILBOX_FULL", "550 5.2.2 mailbox full"],
  ["MAILBOX_FULL", "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException"],
  ["MAILBOX_FULL", "422 The recipient's mailbox is over quota"],
  ["MAILBOX_FULL", "452 4.2.2 Mailbox full"],
  ["MAILBOX_FULL", "552 Requested mail action aborted: exceeded storage allocation"],
  [
    "MAILBOX_FULL",
    "554 delivery error: dd Sorry, your message to ada.lovelace@example.test cannot be delivered. This account is over quota. - mta2",
  ],
  ["MAILBOX_FULL", "550 Quota exceeded"],
  ["MAILBOX_FULL", "552"],

  // Ours: signing in and encryption.
  ["SENDER", "530 Authentication required"],
  [
    "SENDER",
    "530 5.7.0 Authentication Required. Learn more at https://support.google.com/mail/?p=WantAuthError",
  ],
  ["SENDER", "530 5.7.0 Must issue a STARTTLS command first"],
  ["SENDER", "530 5.7.57 Client not authenticated to send mail"],
  ["SENDER", "535 5.7.8 Error: authentication failed", "login"],
  ["SENDER", "535-5.7.8 Username and Password not accepted", "login"],
  ["SENDER", "550 SMTP authentication is required"],
  ["SENDER", "550 You must authenticate before sending"],
  ["SENDER", "503 5.5.1 Error: need MAIL command: send AUTH first"],
  ["SENDER", "554 5.7.1 <ada.lovelace@example.test>: Recipient address rejected: not logged in"],
  ["SENDER", "550 5.7.1 TLS required"],
  ["SENDER", "454 4.7.0 TLS not available due to local problem"],
  // Relaying.
  ["SENDER", "554 5.7.1 <ada.lovelace@example.test>: Relay access denied"],
  ["SENDER", "454 4.7.1 <ada.lovelace@example.test>: Relay access denied"],
  ["SENDER", "550 relay not permitted"],
  ["SENDER", "550 5.7.1 <ada.lovelace@example.test>... Relaying denied"],
  ["SENDER", "550 5.7.1 Unable to relay for ada.lovelace@example.test"],
  ["SENDER", "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"],
  ["SENDER", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"],
  ["SENDER", "553 Local user only"],
  ["SENDER", "551 User not local; please try <forward@example.test>"],
  ["SENDER", "551 this server is not an open relay, user unknown"],
  // Whom it is from.
  [
    "SENDER",
    "550 5.1.0 <news@example.org>: Sender address rejected: User unknown in virtual mailbox table",
  ],
  ["SENDER", "553 5.7.1 <news@example.org>: Sender address rejected: not owned by user letters"],
  ["SENDER", "450 4.1.8 <news@example.org>: Sender address rejected: Domain not found"],
  [
    "SENDER",
    "550-Verification failed for <news@example.org>\n550-No such user here\n550 Sender verify failed",
  ],
  ["SENDER", "550 Callout verification failed: 550 no such user"],
  [
    "SENDER",
    "553 5.1.8 <news@example.org>... Domain of sender address news@example.org does not exist",
  ],
  [
    "SENDER",
    "554 Message rejected: Email address is not verified. The following identities failed the check",
  ],
  ["SENDER", "550 The from address does not match a verified Sender Identity"],
  ["SENDER", "550 5.7.60 SMTP; Client does not have permissions to send as this sender: SendAsDenied"],
  ["SENDER", "501 anything", "sender"],
  ["SENDER", "550 5.1.1 unknown user", "sender"],
  // SPF, DKIM, DMARC.
  [
    "SENDER",
    "550-5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires SPF or DKIM",
  ],
  [
    "SENDER",
    "550-5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy",
  ],
  [
    "SENDER",
    "550 5.7.23 The message was rejected because of Sender Policy Framework violation -> 550 5.7.1 SPF fail",
  ],
  ["SENDER", "550 5.7.509 Access denied, sending domain example.org does not pass DMARC verification"],
  ["SENDER", "550 5.7.1 Your message was rejected due to example.org's DMARC policy"],
  ["SENDER", "550 SPF check failed: user not found in list"],
  ["SENDER", "554 5.7.5 Permanent error evaluating DMARC policy"],
  // Blocklists and names of hosts.
  [
    "SENDER",
    "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.7",
  ],
  [
    "SENDER",
    "550 5.7.1 Service unavailable, Client host [192.0.2.7] blocked using Spamhaus. To request removal see http://www.spamhaus.org/lookup.lasso (S3130)",
  ],
  ["SENDER", "550 192.0.2.7 is listed at b.barracudacentral.example"],
  ["SENDER", "554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.7"],
  ["SENDER", "550 5.7.606 Access denied, banned sending IP [192.0.2.7]"],
  ["SENDER", "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP"],
  [
    "SENDER",
    "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.7, because the ip is in Spamhaus's list",
  ],
  ["SENDER", "554 IP=192.0.2.7 - None/bad reputation. Ask your postmaster for help"],
  [
    "SENDER",
    "550 5.7.1 Connections not accepted from servers without a valid sender domain. Fix reverse DNS for 192.0.2.7",
  ],
  ["SENDER", "550-5.7.25 The IP address sending this message does not have a PTR record setup"],
  ["SENDER", "450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.7]"],
  ["SENDER", "504 5.5.2 <monogram>: Helo command rejected: need fully-qualified hostname"],
  ["SENDER", "554 your mail server is on our blacklist, unknown user", "connect"],
  ["SENDER", "550 5.7.1 refused"],
  // How much, and how large.
  ["SENDER", "550 5.4.5 Daily user sending limit exceeded. https://support.google.com/a/answer/166852"],
  ["SENDER", "454 Throttling failure: Daily message quota exceeded"],
  [
    "SENDER",
    "550 Domain example.org has exceeded the max emails per hour (100/100) allowed. Message discarded.",
  ],
  ["SENDER", "550 5.4.6 Unusual sending activity detected. Please try after sometime"],
  ["SENDER", "552 5.3.4 Message size exceeds fixed limit"],
  ["SENDER", "552-5.3.4 Your message exceeded Google's message size limits: message too large"],
  ["SENDER", "552 message size exceeds maximum value"],
  ["RATE", "421 4.7.28 Our system has detected an unusual rate of mail from your account; throttled"],
  ["RATE", "450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend later"],
  [
    "RATE",
    "550-5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered.",
  ],
  ["RATE", "451 4.7.500 Server busy. Please try again later from [192.0.2.7]"],
  ["RATE", "454 Throttling failure: Maximum sending rate exceeded."],
  [
    "RATE",
    "450 4.7.1 <ada.lovelace@example.test>: Recipient address rejected: Greylisted, see http://greylist.example",
  ],
  ["RATE", "421 Service not available, closing transmission channel"],
  ["RATE", "550 Too many invalid recipients"],
  ["RATE", "450 4.7.3 Organization queue quota exceeded"],

  // What it says.
  ["CONTENT", "554 5.7.1 Message rejected as spam by content scanner", "transaction"],
  [
    "CONTENT",
    "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.example/error-codes",
    "transaction",
  ],
  [
    "CONTENT",
    "552-5.7.0 This message was blocked because its content presents a potential security issue",
    "transaction",
  ],
  ["CONTENT", "554 5.7.1 [CS01] Message rejected due to local policy", "transaction"],
  ["CONTENT", "550 5.7.1 Email contains a virus", "transaction"],
  ["CONTENT", "554 5.6.0 Message contains invalid header", "transaction"],
  ["CONTENT", "554 DT:SPM message", "transaction"],

  // Nobody's, or not said.
  ["OTHER", "550 Requested action not taken: mailbox unavailable"],
  ["OTHER", "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)"],
  ["OTHER", "554 Transaction failed"],
  ["OTHER", "550 Administrative prohibition"],
  ["OTHER", "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required"],
  ["OTHER", "550 5.4.1 Recipient address rejected: Access denied. [AS(201806281)]"],
  [
    "OTHER",
    "550 5.4.1 All recipient addresses rejected : Access denied. [AB1.eur01.prod.protection.outlook.com]",
  ],
  [
    "OTHER",
    "550-5.7.1 The group you tried to contact (ada) may not exist, or you may not have\n550-5.7.1 permission to post messages to the group.",
  ],
  ["OTHER", "550 5.7.193 UnifiedGroupAgentDelivery; access denied: user not in group"],
  ["OTHER", "550 5.1.2 Host unknown"],
  [
    "OTHER",
    "450 4.1.1 <ada.lovelace@example.test>: Recipient address rejected: User unknown, unverified address",
  ],
  ["OTHER", "450 Requested mail action not taken: mailbox unavailable"],
  ["OTHER", "451 4.3.0 disk full of nothing"],
  ["OTHER", "550 no"],
  ["OTHER", "550"],
  ["OTHER", "500 command unrecognized"],
];

Deno.test("each reply is taken for what it means", () => {
  const taken = REPLIES.map(([, text, stage = "recipient"]) =>
    [faultOf({ code: Number(text.slice(0, 3)), text, stage, address: ADDRESS }), text] as const
  );
  deepEqual(taken.filter(([fault], index) => fault !== REPLIES[index][0]), []);
});

Deno.test("what an address is made of says nothing", () => {
  const addresses = [
    "user.unknown@no-such-user.test",
    "relay@denied.test",
    "spam@spf.test",
    "mailbox.full@quota.test",
    "5.1.1@example.test",
    '"no such user"@example.test',
  ];
  for (const address of addresses) {
    const local = address.slice(0, address.lastIndexOf("@"));
    for (const text of [`550 <${address}>: no`, `550 ${local}: no`, `550 (${address.toUpperCase()}) no`]) {
      equal(faultOf({ code: 550, text, stage: "recipient", address }), "OTHER", text);
    }
  }
});

Deno.test("a closed mailbox is believed only of the reply to its own address", () => {
  for (const stage of ["connect", "login", "sender"] as const) {
    const fault = faultOf({ code: 550, text: "550 5.1.1 no such user", stage });
    equal(fault === "NO_MAILBOX", false, stage);
  }
});

Deno.test("long replies take no long time", () => {
  const start = performance.now();
  for (const filler of ["user ", "a", "mailbox that ", "exceeded ", "message ", "@", "sender "]) {
    faultOf({ code: 550, text: `550 ${filler.repeat(20_000)}`, stage: "recipient" });
  }
  // Whatever looks at each pair of characters takes minutes.
  equal(performance.now() - start < 30_000, true, `${performance.now() - start} ms`);
});
