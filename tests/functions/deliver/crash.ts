/**
 * Sends the same emails through many runs of trouble, on a real database, and counts what arrived.
 *
 *     deno run ... crash.ts DSN resend|smtp FIRST_SEED COUNT [SECONDS]
 *
 * In every simulation each email to a good address must be with the provider exactly once, each to a bad one refused,
 * and nothing left open in the database, though workers died and replies were lost, and without anybody's help. After
 * SECONDS no other simulation begins. Prints one JSON object: what happened, and the seeds that failed with the reason.
 */

import postgres from "postgres";
import {
  type Batch,
  type Begun,
  type Content,
  type EmailQueue,
  LEASE_SECONDS,
  notice,
  type Provider,
  Resend,
  sendEmails,
  Smtp,
} from "../../../supabase/functions/_shared/deliver/mod.ts";
import { FakeResend, FakeSmtp } from "./providers.ts";
import { Killed, mortal, Simulation } from "./simulation.ts";

const [dsn, kind, first, count, seconds] = Deno.args;
const end = performance.now() + 1000 * Number(seconds ?? Infinity);
const sql = postgres(dsn, { max: 1, onnotice: () => {} });
const SETTINGS = {
  from: "Monogram <letters@example.org>",
  replyTo: null,
  unsubscribe: "https://example.org/u",
  appUrl: null,
};
const totals = { runs: 0, deaths: 0, faults: 0, uncertain: 0, mails: 0, statements: 0 };

/** A newsletter that is rendered. */
const [newsletter] = await sql`select id, space_id from public.newsletters limit 1`;

/** A database in which a worker may die at any statement. */
function emailQueueIn(simulation: Simulation, worker: string): EmailQueue {
  const at = () => new Date(simulation.now);
  const statement = <T>(run: () => Promise<T>) =>
    mortal(simulation, () => {
      totals.statements += 1;
      return run();
    });
  return {
    claim: (provider, limit) =>
      statement(async () => {
        const [{ batch }] = await sql<
          { batch: Batch | null }[]
        >`select public.claim_mails(${worker}, ${provider}, ${limit}, ${LEASE_SECONDS}, ${at()}) as batch`;
        return batch;
      }),
    begin: (batch, contents) =>
      statement(async () =>
        await sql<
          Begun[]
        >`select id, email, token from public.begin_mails(${worker}, ${batch}, ${
          sql.json(contents as never)
        }, ${LEASE_SECONDS}, ${at()})`
      ),
    settle: (batch, { results, pauseSeconds, isEnd }) =>
      statement(async () => {
        totals.uncertain += results.filter(({ outcome }) => outcome === "UNCERTAIN").length;
        const [{ held }] = await sql<{ held: boolean }[]>`select public.settle_mails(
          ${worker}, ${batch}, ${sql.json(results as never)}, ${pauseSeconds ?? 0}, ${isEnd}, ${at()}, 1000
        ) as held`;
        return held;
      }),
    newsletter: (id) =>
      statement(async () => {
        const [{ content }] = await sql<
          { content: Content | null }[]
        >`select public.newsletter_mail(${id}) as content`;
        return content;
      }),
  };
}

/** A provider at whose calls a worker may die as well. */
function mortalProvider(simulation: Simulation, provider: Provider): Provider {
  return {
    name: provider.name,
    batchSize: kind === "resend" ? 4 : 3,
    together: provider.together,
    send: (key, messages) => call(simulation, () => provider.send(key, messages)),
    resolve: (request, messages) =>
      call(simulation, () => provider.resolve({ ...request, now: simulation.now }, messages)),
    close: () => provider.close(),
  };
}

/** A call begins at once when it is a worker's turn; the death may come while it is under way. */
async function call<T>(simulation: Simulation, does: () => Promise<T>): Promise<T> {
  if (simulation.chance.hits(0.05 * simulation.trouble)) throw new Killed("before the call");
  const done = await does();
  if (simulation.chance.hits(0.05 * simulation.trouble)) throw new Killed("during the call");
  await simulation.turn();
  return done;
}

/** Ids decide about jitter, so they must not be left to chance. */
await sql.unsafe(`
  create sequence if not exists private.batch_numbers;
  alter table private.mail_batches
    alter column id set default lpad(to_hex(nextval('private.batch_numbers')), 32, '0')::uuid`);

async function fill(): Promise<void> {
  await sql.begin(async (sql) => {
    await sql`alter sequence private.batch_numbers restart`;
    await sql`delete from private.mails where true`;
    await sql`delete from private.mail_batches where true`;
    await sql`delete from private.mail_providers where true`;
    await sql`delete from private.email_suppressions where true`;
    await sql`select private.queue_mails(
      array(select id from public.users), 'NEWSLETTER_PUBLISHED', ${newsletter.space_id}, ${newsletter.id}, '{}', 'newsletter'
    )`;
    await sql`select private.queue_mails(
      array(select id from public.users order by id limit 3), 'PROMPTS_PUBLISHED', ${newsletter.space_id}, null,
      '{"week_number": 2}', 'prompts'
    )`;
    await sql`update private.mails set run_at = '2026-11-23 12:00:00+00' where true`;
  });
}

async function live(seed: number): Promise<void> {
  const simulation = new Simulation(seed, seed % 5 === 0 ? 0.9 : 0.5);
  const fake = kind === "resend" ? new FakeResend(simulation) : new FakeSmtp(simulation);
  const provider = mortalProvider(
    simulation,
    fake instanceof FakeResend
      ? new Resend({ apiKey: "re_x", url: "http://resend.test", fetch: fake.fetch })
      : new Smtp(fake, fake),
  );
  await fill();
  let alive = 0;
  let born = 0;
  const work = async () => {
    alive += 1;
    const deps = {
      emailQueue: emailQueueIn(simulation, `worker ${born++}`),
      provider,
      sender: SETTINGS,
      notice: (mail: Batch["mails"][number]) => notice(mail, SETTINGS, new Date(simulation.now)),
      now: () => simulation.now,
      log: () => totals.faults += 1,
    };
    try {
      await sendEmails(deps, simulation.now + 20_000);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      totals.deaths += 1;
    } finally {
      alive -= 1;
      simulation.change();
    }
  };

  for (let round = 0;; round++) {
    if (round > 400) throw new Error("it does not come to an end");
    if (round === 12) simulation.trouble = 0;
    const running: Promise<void>[] = Array.from({ length: 1 + simulation.chance.below(3) }, work);
    // Nobody's turn comes before everybody waits for one: statements take real time, and that must not matter.
    while (alive > 0) {
      if (simulation.waiting < alive) await simulation.changed();
      else if (simulation.nextTurn > simulation.now + LEASE_SECONDS * 1000 && running.length < 9) {
        // All who live are stuck for longer than a lease. The next one comes, and finds what they hold.
        simulation.advance(simulation.now + LEASE_SECONDS * 1000 + simulation.chance.below(5_000));
        running.push(work());
      } else simulation.step();
    }
    for (const outcome of await Promise.allSettled(running)) {
      if (outcome.status === "rejected") throw outcome.reason;
    }
    const [{ open, next }] = await sql`
      select
        (select count(*)::integer from private.mails where state in ('QUEUED', 'SENDING', 'UNCERTAIN'))
          + (select count(*)::integer from private.mail_batches) as open,
        greatest(
          least(
            (select min(run_at) from private.mails where state = 'QUEUED' and batch_id is null),
            (select min(greatest(run_at, coalesce(leased_until, run_at))) from private.mail_batches)
          ),
          (select max(paused_until) from private.mail_providers)
        ) as next`;
    if (open === 0) break;
    // Sometimes nobody comes for more than a day, and the provider has forgotten its keys.
    const gap = simulation.chance.hits(0.05 * simulation.trouble)
      ? 30 * 3600_000
      : simulation.chance.below(5_000);
    simulation.advance(Math.max(simulation.now + gap, (next as Date).getTime() + gap));
  }
  simulation.advance(simulation.now + 3600_000);
  await check(fake);
}

async function check(fake: FakeResend | FakeSmtp): Promise<void> {
  const rows = await sql`
    select mails.id, mails.state, accounts.email from private.mails join auth.users as accounts on accounts.id = user_id`;
  totals.mails += rows.length;
  const arrived = new Map<string, number>();
  for (const message of fake.accepted) {
    const id = /#([0-9a-f-]{36})/.exec(message.text)![1];
    arrived.set(id, (arrived.get(id) ?? 0) + 1);
  }
  for (const { id, state, email } of rows) {
    const isBad = email.startsWith("bad");
    const copies = arrived.get(id) ?? 0;
    const wanted = isBad ? 0 : 1;
    const ends = isBad ? ["FAILED", "SUPPRESSED"] : ["SENT"];
    if (copies !== wanted || !ends.includes(state)) {
      throw new Error(`${email}: ${state}, ${copies} times at the provider`);
    }
  }
  const [{ batches }] = await sql`select count(*)::integer as batches from private.mail_batches`;
  if (batches > 0) throw new Error(`${batches} batches left`);
  if (fake instanceof FakeResend && fake.conflicts > 0) throw new Error("a key was used for two requests");
}

const failures: { seed: number; reason: string }[] = [];
for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  if (performance.now() > end) break;
  try {
    await live(seed);
  } catch (error) {
    failures.push({ seed, reason: (error as Error).message });
    if (failures.length >= 5) break;
  }
  totals.runs += 1;
}
console.log(JSON.stringify({ ...totals, failures }));
await sql.end();
