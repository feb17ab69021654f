-- What publishing prompts sets off. The first of a week pay the curator who publishes them, once a week.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.paid_curations (
  rotation_id uuid primary key references public.curator_rotations (id) on delete cascade,
  user_id uuid references public.users (id) on delete set null
);
comment on table private.paid_curations is
  'The weeks in which somebody has published prompts, and who was first: that is who has curated the week, and was '
  'paid, within the limit. Apart from the ledger, which goes with its account: the week pays nobody else.';

create index idx_paid_curations_user_id on private.paid_curations (user_id);

alter table private.paid_curations enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.announce_prompts(prompt_ids uuid[])
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_week record;
  v_rotation public.curator_rotations;
begin
  -- Hold the people who are paid before others are notified: who publishes, which takes the curator or a secret key.
  -- Whose words these are may be somebody else, and has no part in it.
  perform private.lock_people(
    array(
      select spaces.current_curator_id
      from public.prompts
      join public.spaces on spaces.id = prompts.space_id
      where prompts.id = any (announce_prompts.prompt_ids)
    )
  );
  for v_week in
    select
      prompts.space_id, prompts.week_number, spaces.current_curator_id as curator_id,
      jsonb_agg(prompts.id order by prompts."order") as ids
    from public.prompts
    join public.spaces on spaces.id = prompts.space_id
    where prompts.id = any (announce_prompts.prompt_ids)
    group by prompts.space_id, prompts.week_number, spaces.current_curator_id
    order by prompts.space_id, prompts.week_number
  loop
    perform private.emit(
      v_week.space_id, 'prompts.published', v_week.curator_id,
      jsonb_build_object('week_number', v_week.week_number, 'prompt_ids', v_week.ids)
    );
    select * into v_rotation
    from public.curator_rotations
    where curator_rotations.space_id = v_week.space_id and curator_rotations.week_number = v_week.week_number;
    perform private.notify(
      array(
        select memberships.user_id from public.memberships
        where memberships.space_id = v_week.space_id and memberships.user_id is distinct from v_week.curator_id
      ),
      'PROMPTS_PUBLISHED', v_week.space_id,
      jsonb_build_object('week_number', v_week.week_number),
      'prompts:' || v_rotation.id::text
    );
    if v_week.curator_id is not null then
      insert into private.paid_curations (rotation_id, user_id)
      values (v_rotation.id, v_week.curator_id)
      on conflict on constraint paid_curations_pkey do nothing;
      if found then
        perform private.earn(
          v_week.curator_id, 'curation', private.week_of(v_week.curator_id, now()), 'rotation', v_rotation.id,
          'curation:' || v_rotation.id::text
        );
        perform private.award_badges(array[v_week.curator_id], '{weeks_curated,tokens_earned}');
      end if;
    end if;
  end loop;
end;
$$;
comment on function private.announce_prompts(uuid[]) is
  'Event, notifications, reward and badges for prompts just published. A week pays once, whoever publishes, and '
  'whoever''s words they are. Definer; '
  'not granted, only the triggers below call it.';

create function public.publish_prompts(space_id uuid)
returns setof public.prompts
language plpgsql
set search_path = ''
as $$
declare
  v_week integer;
begin
  perform private.lock_space_as(publish_prompts.space_id, 'curator');
  v_week := private.open_week(publish_prompts.space_id);
  update public.prompts
  set is_published = true
  where prompts.space_id = publish_prompts.space_id and prompts.week_number = v_week and not prompts.is_published;
  return query
    select * from public.prompts
    where prompts.space_id = publish_prompts.space_id and prompts.week_number = v_week
    order by prompts."order";
  if not found then
    perform private.fail('MG206');
  end if;
end;
$$;
comment on function public.publish_prompts(uuid) is
  'Publish all prompts of the open week and return them in order. Doing it again publishes what was added since. The '
  'curator only. MG206 where there are none.';
grant execute on function public.publish_prompts(uuid) to authenticated, service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.announce_new_prompts()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.announce_prompts(array(select id from inserted where is_published));
  return null;
end;
$$;
comment on function private.announce_new_prompts() is
  'Trigger: announce prompts inserted as published. Definer because clients write no event and no ledger; safe '
  'because it only fires for rows that were let in.';

create trigger prompts__announce_new
  after insert on public.prompts
  referencing new table as inserted
  for each statement execute function private.announce_new_prompts();

create function private.announce_published_prompts()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.announce_prompts(
    array(
      select updated.id from updated join former using (id) where updated.is_published and not former.is_published
    )
  );
  return null;
end;
$$;
comment on function private.announce_published_prompts() is
  'Trigger: announce prompts that were just published. Definer because clients write no event and no ledger; safe '
  'because it only fires for rows that were let in.';

create trigger prompts__announce
  after update on public.prompts
  referencing old table as former new table as updated
  for each statement execute function private.announce_published_prompts();
