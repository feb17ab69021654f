-- The minimal scenario: one space "Test Book Club", five people, week 1 with five prompts and twenty responses, its
-- newsletter published, and the tokens that came of it. For development only: the five can sign in as
-- ada@example.test, boris@, chloe@, dmitri@ and eleni@ with the password "book-club-2026".
--
-- Everything after the accounts is done as the people themselves, by the same inserts and functions that an app uses,
-- so the rules of production hold in it: 100 transactions (20 responses, 1 curation, 10 badges, 9 purchases, 30 gifts
-- with two each), 10 badges earned. Running it twice changes nothing.

do $seed$
declare
  v_people uuid[] := array[
    '5eed0000-0000-4000-8000-000000000001',
    '5eed0000-0000-4000-8000-000000000002',
    '5eed0000-0000-4000-8000-000000000003',
    '5eed0000-0000-4000-8000-000000000004',
    '5eed0000-0000-4000-8000-000000000005'
  ];
  v_names text[] := array['Ada', 'Boris', 'Chloe', 'Dmitri', 'Eleni'];
  v_space_id uuid := '5eed0000-0000-4000-8000-0000000000aa';
  v_questions text[] := array[
    'What did you read this week?',
    'Which sentence stayed with you?',
    'Where do you read best?',
    'Which book would you give a friend today?',
    'What shall we read next?'
  ];
  v_answers text[] := array[
    'Middlemarch, again. Dorothea gets younger every time.',
    'Half of The Master and Margarita, mostly on trams.',
    'A thin book on lichens. It was not thin enough to end.',
    'Only the back of the cereal box, but all four sides.',
    '"The growing good of the world is partly dependent on unhistoric acts."',
    '"Manuscripts don''t burn." Mine, however, get coffee on them.',
    '"A lichen is a fungus that has discovered agriculture."',
    '"Best before: see lid."',
    'In the armchair by the radiator, October to April.',
    'On the number 7 tram, upstairs, facing backwards.',
    'In the woods, until the midges find me.',
    'At the kitchen table, while something boils over.',
    'Middlemarch. I am not even sorry.',
    'The Summer Book, because the friend has had a bad spring.',
    'An atlas of islands nobody needs to visit.',
    'A cookbook with short recipes.',
    'Something short. I mean it this time.',
    'Invisible Cities: fifty-five chapters, none longer than a tram ride.',
    'Gathering Moss.',
    'Whatever Eleni says; she has been very quiet.'
  ];
  v_shopping jsonb := '[
    ["theme_midnight", "frame_laurel"], ["theme_riso", "flair_early_bird"], ["theme_midnight", "stickers_margins"],
    ["flair_early_bird", "frame_laurel"], ["stickers_margins"]
  ]';
  v_code text;
  v_prompt_ids uuid[];
  v_selected uuid[];
  v_newsletter_id uuid;
  v_purchase_id uuid;
begin
  if exists (select from public.spaces where id = v_space_id) then
    return;
  end if;

  -- Accounts. The hash is bcrypt's of the password above.
  insert into auth.users (
    instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, confirmation_token, recovery_token,
    email_change, email_change_token_new, raw_app_meta_data, raw_user_meta_data, created_at, updated_at
  )
  select
    '00000000-0000-0000-0000-000000000000', v_people[n], 'authenticated', 'authenticated',
    lower(v_names[n]) || '@example.test', '$2a$10$e52j0Oux9wjU1C51E0qLt.crbQrYhK1M9P7wPmP2qtSj1vj8TFEiu', now(), '', '',
    '', '', '{"provider": "email", "providers": ["email"]}', jsonb_build_object('display_name', v_names[n]), now(), now()
  from generate_subscripts(v_people, 1) as n
  on conflict (id) do nothing;

  insert into auth.identities (id, provider, provider_id, user_id, identity_data, last_sign_in_at, created_at, updated_at)
  select
    v_people[n], 'email', v_people[n]::text, v_people[n],
    jsonb_build_object(
      'sub', v_people[n]::text, 'email', lower(v_names[n]) || '@example.test', 'email_verified', true,
      'phone_verified', false
    ),
    now(), now(), now()
  from generate_subscripts(v_people, 1) as n
  on conflict (id) do nothing;

  update public.users set username = lower(display_name) where id = any (v_people);

  -- Ada founds the space and invites the others.
  perform set_config('role', 'authenticated', true);
  perform set_config('request.jwt.claims', jsonb_build_object('sub', v_people[1], 'role', 'authenticated')::text, true);
  insert into public.spaces (id, name, description) values (v_space_id, 'Test Book Club', 'Testing space');
  v_code := public.create_invite(v_space_id, 4) ->> 'code';
  for n in 2..5 loop
    perform set_config('request.jwt.claims', jsonb_build_object('sub', v_people[n], 'role', 'authenticated')::text, true);
    perform public.join_space(v_code);
  end loop;

  -- She makes Boris the curator, who asks five questions.
  perform set_config('request.jwt.claims', jsonb_build_object('sub', v_people[1], 'role', 'authenticated')::text, true);
  perform public.assign_curator(v_space_id, v_people[2]);
  perform set_config('request.jwt.claims', jsonb_build_object('sub', v_people[2], 'role', 'authenticated')::text, true);
  insert into public.prompts (space_id, question, "order")
  select v_space_id, v_questions[n], n from generate_subscripts(v_questions, 1) as n;
  select array_agg(id order by "order") into v_prompt_ids from public.publish_prompts(v_space_id);

  -- Four of the five respond to all of them.
  for n in 1..4 loop
    perform set_config('request.jwt.claims', jsonb_build_object('sub', v_people[n], 'role', 'authenticated')::text, true);
    insert into public.responses (prompt_id, content, is_published)
    select v_prompt_ids[p], v_answers[(p - 1) * 4 + n], true from generate_subscripts(v_prompt_ids, 1) as p;
  end loop;

  -- Ada chooses two responses to each prompt and publishes the newsletter: week 2 begins.
  perform set_config('request.jwt.claims', jsonb_build_object('sub', v_people[1], 'role', 'authenticated')::text, true);
  select array_agg(responses.id) into v_selected
  from public.responses
  join public.prompts on prompts.id = responses.prompt_id
  where responses.space_id = v_space_id
    and responses.user_id in (v_people[(prompts."order" - 1) % 4 + 1], v_people[prompts."order" % 4 + 1]);
  perform public.select_responses(v_space_id, v_selected, 1);
  select id into v_newsletter_id from public.generate_newsletter(v_space_id);
  perform public.publish_newsletter(v_newsletter_id);

  -- Everybody sends six gifts of five tokens and goes shopping. Eleni, who earned nothing yet, comes last.
  for n in 1..5 loop
    perform set_config('request.jwt.claims', jsonb_build_object('sub', v_people[n], 'role', 'authenticated')::text, true);
    for g in 1..6 loop
      perform public.transfer_tokens(
        v_people[(n + (g - 1) % 4) % 5 + 1], 5, 'Thanks for reading along', 'seed-gift-' || n || '-' || g
      );
    end loop;
    perform public.purchase_item(store_items.id, 'seed-' || store_items.code)
    from public.store_items
    where store_items.code in (select jsonb_array_elements_text(v_shopping -> (n - 1)))
    order by store_items.code;
  end loop;

  perform set_config('request.jwt.claims', jsonb_build_object('sub', v_people[1], 'role', 'authenticated')::text, true);
  select purchases.id into v_purchase_id
  from public.purchases
  join public.store_items on store_items.id = purchases.item_id
  where purchases.user_id = v_people[1] and store_items.code = 'theme_midnight';
  perform public.activate_purchase(v_purchase_id);

  perform set_config('request.jwt.claims', '', true);
  perform set_config('role', 'none', true);

  -- All this was some time ago: everybody has their emails, and nothing is sent to these addresses.
  update private.mails
  set state = 'SENT', sent_at = clock_timestamp(), attempts = 1, run_at = least(run_at, now())
  where state = 'QUEUED';
  update public.curator_rotations set notification_status = 'SENT', notified_at = now() where space_id = v_space_id;
end;
$seed$;
