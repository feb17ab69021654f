/**
 * The two providers against servers on this machine: real HTTP, real SMTP, and all that may go wrong on the way.
 *
 * The servers are ours. What Resend's API replies is taken from its documentation:
 * https://resend.com/docs/api-reference
 */

import "./resend_test.ts";
import "./smtp_test.ts";
