/**
 * Classifies a mail server's refusals: whose fault each one is.
 *
 * One wrong setting of ours must not look like a hundred dead mailboxes, so a mailbox counts as gone only where the
 * server speaks of the mailbox: by an enhanced status code that says so (RFC 3463), or in one of the usual phrases. The
 * reply code alone says nothing: servers reply 550 for an unknown address, to a spammer, and to a sender that may not
 * relay.
 */

/**
 * Whose fault a refusal is.
 *
 * - NO_MAILBOX: there is no such mailbox, or it was closed.
 * - MAILBOX_FULL: it is over its quota; that may pass.
 * - SENDER: ours. Not signed in, no right to relay, not encrypted, on a blocklist, against SPF, DKIM or DMARC, over a
 *   quota, or with messages larger than the server takes: every email fails in the same way until somebody fixes it.
 * - RATE: too much at once; later will do.
 * - CONTENT: what this email says is not wanted.
 * - AWAY: the server could not be reached.
 * - OTHER: none of these, or not said.
 */
export type Fault = "NO_MAILBOX" | "MAILBOX_FULL" | "SENDER" | "RATE" | "CONTENT" | "AWAY" | "OTHER";

/** How far a conversation had come. Up to `sender` nothing of an email was sent. */
export type Stage = "connect" | "login" | "sender" | "recipient" | "transaction";

export interface Refusal {
  /** The reply code, such as 550. */
  code: number;
  /** The reply as it came, of one line or several. */
  text: string;
  stage: Stage;
  /** To whom the email was: nothing is read out of an address that the server repeats. */
  address?: string;
}

interface Rule {
  fault: Fault;
  words: RegExp;
  /** In which step it applies; in every step unless given. */
  stages?: Stage[];
}

/** In this order: what speaks of the sender is looked for first, because such replies like to mention users as well. */
const PHRASES: Rule[] = [
  // The recipient's own rules about who may write to them: nobody is at fault, and waiting does not help.
  {
    fault: "OTHER",
    words:
      /resolver\.rst|unifiedgroupagentdelivery|(all )?recipient address(es)? rejected ?: access denied|group .{0,60}may not exist|permission to post|user not in group|restricted to (internal|authenticated)|(group|list) (only accepts|is restricted)|recipient.{0,20}has (blocked|rejected) (you|your)/,
  },
  { fault: "RATE", words: /organization queue quota exceeded/ },
  // Too many in a short time. A quota of ours lasts for days and depends on the plan.
  {
    fault: "SENDER",
    words:
      /(daily|monthly|hourly)[ a-z]*(quota|limit)|(sending|sender|user|message|account)('s)? (quota|limit)[ a-z]*(exceed|reach)|(exceeded|reached)[ a-z]*(sending|messag|emails?) ?[ a-z]*(limit|quota|credits|per (hour|day))|max(imum)? (emails|messages|defers)[ a-z]*per (hour|day)|unusual sending activity|credits exceeded/,
  },
  {
    fault: "RATE",
    words:
      /receiving mail (at a rate|too quickly)|too (many|much) (connections|messages|emails|mails?|recipients|sessions|concurrent|errors|invalid)|rate.?limit|(at|over) .{0,12}rate (than|of)|throttl|try again later|server (is )?(too )?busy|gr[ae]y.?list|temporarily (deferred|rate)|slow down|unusual rate/,
  },
  // The server wants to know who sends.
  {
    fault: "SENDER",
    words:
      /authenticat(e|ion|ed)( is)? (required|first|failed|unsuccessful|credentials)|(must|need to|requires?) (be )?authenticat|auth (required|first|needed)|issue (an? )?(auth|starttls)|not (authenticated|logged in)|(smtp )?auth(entication)? is (needed|required)|log ?in (first|required)|please (log ?in|authenticate)|invalid (login|credentials)|credentials (invalid|incorrect)|username and password not accepted|application.specific password|smtpclientauthentication|mail server doesn't accept .{0,12}without auth/,
  },
  {
    fault: "SENDER",
    words:
      /(must|should) (issue|use) (a )?(starttls|tls)|(tls|starttls|encryption|secure connection|ssl)[ a-z]*(required|needed|first|only|not available|mandatory)|requires (tls|encryption|starttls)/,
  },
  // The sender may not send this from here.
  {
    fault: "SENDER",
    words:
      /relay(ing)?( access)? ?(is )?(denied|not (permitted|allowed|authorized|supported)|prohibited|disallowed|refused)|(unable|not permitted|not allowed|cannot|can't|refus\w+|denied) (to )?relay|not (an )?open relay|rcpthosts|local users? only|mail relay|relay(ing)? .{0,30}(prohibited|denied)|no relay|we do(n't| not) relay|user not local/,
  },
  {
    fault: "SENDER",
    words:
      /sender( address| domain| verify| verification| callout| id| is| identity)?[ a-z:]*(reject|denied|fail|refused|not (owned|allowed|authorized|verified|permitted|exist)|unverified|invalid|block)|(sender|from)[ -]address|envelope.from|return.path.{0,30}(invalid|not)|domain of sender|domain (is )?not (verified|found)|not (a )?verified (sender|domain|email)|(verify|verified) (a |your )?domain|email address is not verified|callout verification fail|not allowed to send|sendas|not permitted to send|bad outbound|from.address does not match|testing emails/,
  },
  {
    fault: "SENDER",
    words:
      /\bspf\b|\bdkim\b|\bdmarc\b|\barc\b.{0,10}fail|unauthenticated (email|mail|message|sender)|unaligned|authentication-results|domain.?key/,
  },
  {
    fault: "SENDER",
    words:
      /block ?list|black ?list|deny ?list|dnsbl|\brbls?\b|\bsbl\b|\bxbl\b|spamhaus|spamcop|barracuda(central)?|sorbs|invaluement|uceprotect|abuseat|senderscore|proofpoint|ipcheck|client host|\bhelo\b|\behlo\b|reverse (dns|host)|\bptr\b|rdns|\[?bl\d\d\]?|\btss\d\d\b|reputation|banned sending ip|(your|sending|source|this|the|client|originating) (ip|network|server|host|mail server)( address)?.{0,60}(block|reject|denied|banned|listed|refus|not (accept|allow|permit)|dynamic|poor|bad)|(mail|messages|email|connections?|traffic) (will )?not (be )?accepted from|(blocked|listed|rejected) (by|using|at|in) [^ ]+\.[a-z]{2,}|ip=|dynamic ip|unsolicited mail originating|access denied|connection refused|not accepting (mail|connections) from/,
  },
  // The content of this email.
  {
    fault: "SENDER",
    words:
      /(message|mail|email)( size)?[ a-z]*(too (large|big)|exceeds)|size (limit|exceeds)|exceeds[ a-z]*(size|maximum message)|too large|message file too big|larger than allowed/,
  },
  {
    fault: "CONTENT",
    words:
      /\bspam\b|spam.?(score|content|detected|like)|junk|virus|malware|phish|suspicious (content|url|link|due)|content[ a-z]*(reject|block|not accept|denied|unacceptable|filter|refused)|(reject|block|refus)\w*[ a-z]*(content|due to policy|for policy)|(message|mail|email)[ a-z]*(looks like|detected as|classified|considered|identified as|contains)|prohibited (attachment|content|link|url)|(banned|blocked) (attachment|content|url|link)|surbl|uribl|policy (reasons|violation|restrictions)|local policy|dt:spm|bulk mail|not accepted for policy/,
  },
  // The recipient's mailbox.
  {
    fault: "MAILBOX_FULL",
    words:
      /(mailbox|inbox|account|user|recipient|storage|maildir|mail ?box)( is| has)?[ a-z']*(full|over ?quota|out of (storage|space)|exceeded[ a-z]*(quota|storage|size|limit|allocation)|quota (exceeded|is full))|over ?quota|quota[ a-z]*exceed|exceeded[ a-z]*(storage|quota)|insufficient (disk )?(storage|space)|out of storage|mailbox size limit|full mailbox/,
  },
  {
    fault: "NO_MAILBOX",
    words:
      /(user|account|mailbox|recipient|address(ee)?|e?mail ?box|person|login|customer|subscriber)( name| account| address| email)?( <address>)?[ :,"']*(is |was |you .{0,24}|that .{0,24})?(unknown|doesn'?t exist|does not exist|not exist|do not exist|not found|not known|isn'?t known|no longer (exists?|valid|active|available|in use)|not (a )?valid|invalid|closed|deleted|terminated|disabled|deactivated|inactive|suspended|discontinued|has been (disabled|closed|deleted|suspended|deactivated|discontinued)|is (disabled|inactive|not active)|nonexistent|not recognized|cannot be found|unrouteable|doesn'?t have an?|is not (one|a) )|(unknown|invalid|no such|nonexistent|non-existent|unrecognized|undeliverable|unrouteable|unroutable|bad|inactive|disabled|nobody|wrong) (local )?(or invalid )?(user|account|mailbox|recipient|address(ee)?|local.?part|destination (mailbox )?address|customer|person|mail ?box|virtual mailbox|email address)|no (such )?(user|account|mailbox|recipient|one|person|address)[ a-z]*(here|by that name|found|with|at this|in this|exist|present)|(can'?t|cannot|could ?n[o']t) (find|verify|locate) (the |that |this |your )?(user|recipient|account|mailbox|address)|not our customer|recipientnotfound|there is no one|does not have (an|a) .{0,24}(account|mailbox)|doesn'?t have an? .{0,24}account|not listed in|no such (local )?(user|address|recipient|mailbox)|mailbox not found/,
    stages: ["recipient", "transaction"],
  },
  { fault: "CONTENT", words: /(message|mail)( was)? (rejected|refused|not accepted)/ },
];

/** By enhanced status code, where no phrase said more. Source: RFC 3463, RFC 7505, the registry of IANA. */
const STATUS: [RegExp, Fault][] = [
  [/^[45]\.1\.(7|8)$/, "SENDER"],
  [/^[45]\.2\.2$/, "MAILBOX_FULL"],
  [/^[45]\.2\.3$/, "CONTENT"],
  [/^[45]\.3\.4$/, "SENDER"],
  [/^[45]\.4\.5$/, "SENDER"],
  [/^[45]\.6\.\d+$/, "CONTENT"],
  [/^4\.7\.\d+$/, "RATE"],
  // 5.7.124-136: who may write to a group, in Exchange.
  [/^5\.7\.1(2[4-9]|3[0-6])$/, "OTHER"],
  [/^5\.7\.\d+$/, "SENDER"],
];

/** A mailbox that is not there, moved away without an address, or was closed. */
const GONE = /^5\.(1\.1|1\.6|1\.10|2\.1)$/;

/** Not to be sent before somebody has signed in or encrypted, whatever the words. */
const SENDER_CODES = [503, 530, 534, 535, 538];

/** Longer replies say nothing more of use. */
const LONGEST = 2000;

/** Say whose fault a refusal is. */
export function faultOf({ code, text, stage, address }: Refusal): Fault {
  const words = withoutAddresses(text, address);
  const status = /(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])/.exec(words)?.[0] ?? "";
  if (code >= 500 && (stage === "sender" || stage === "login")) return "SENDER";
  if (SENDER_CODES.includes(code)) return "SENDER";
  for (const { fault, words: phrase, stages } of PHRASES) {
    if (stages !== undefined && !stages.includes(stage)) continue;
    if (!phrase.test(words)) continue;
    // A temporary refusal never closes a mailbox.
    if (fault === "NO_MAILBOX" && (code < 500 || status.startsWith("4"))) return "OTHER";
    return fault;
  }
  if (code >= 500 && stage === "recipient" && GONE.test(status)) return "NO_MAILBOX";
  const known = STATUS.find(([pattern]) => pattern.test(status));
  if (known !== undefined) return known[1];
  // "Exceeded storage allocation", in RFC 5321's own words.
  if (code === 552 || code === 452) return "MAILBOX_FULL";
  return code === 421 ? "RATE" : "OTHER";
}

/** The words in lower case on one line, without the continuation's codes and without addresses, which say anything. */
function withoutAddresses(text: string, address = ""): string {
  let words = text.slice(0, LONGEST).toLowerCase().replace(/[’‘]/g, "'");
  for (const form of [address, address.replace(/@[^@]*$/, "")]) {
    if (form.length < 3) continue;
    const pattern = form.toLowerCase().replace(/[\^$\\.*+?()[\]{}|/]/g, "\\$&");
    words = words.replace(new RegExp(`(?<![\\p{L}\\p{N}])${pattern}(?![\\p{L}\\p{N}])`, "gu"), "<address>");
  }
  return words
    .replace(/"?[^\s<>()"]+@[^\s<>()"]+"?/g, "<address>")
    .replace(/<+address>+/g, "<address>")
    .replace(/https?:\/\/\S+/g, (link) => /spamhaus|spamcop|proofpoint|barracuda/.exec(link)?.[0] ?? "")
    .replace(/(^|\s)\d{3}-(?=\S)/g, "$1")
    .replace(/\s+/g, " ");
}
