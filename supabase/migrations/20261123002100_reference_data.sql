-- Badges and store items that every Monogram has. Production needs them, so they are a migration and not a seed.

insert into public.badges (code, name, description, icon, criteria) values
  ('first_words', 'First Words', 'Publish your first response.', '✍️', '{"metric": "responses_published", "at_least": 1}'),
  ('five_week_streak', '5 Week Streak', 'Answer in five weeks in a row.', '🔥', '{"metric": "current_streak", "at_least": 5}'),
  ('first_curator', 'Holding the Pen', 'Publish the prompts of a week.', '🖋️', '{"metric": "weeks_curated", "at_least": 1}'),
  ('generous', 'Generous', 'Send five gifts.', '🎁', '{"metric": "gifts_sent", "at_least": 5}'),
  ('collector', 'Collector', 'Buy three things in the store.', '🛍️', '{"metric": "purchases", "at_least": 3}'),
  ('front_page', 'Front Page', 'Have ten responses chosen for newsletters.', '📰', '{"metric": "selected_responses", "at_least": 10}');

insert into public.store_items (code, name, description, kind, price, stock, metadata) values
  ('theme_midnight', 'Midnight', 'A dark theme with a warm lamp.', 'THEME', 100, null,
    '{"paper": "#12131a", "ink": "#f2efe6", "accent": "#e8b64c", "numerals": "oldstyle", "ornament": "diamond"}'),
  ('theme_riso', 'Riso', 'Two inks on rough paper.', 'THEME', 150, null,
    '{"paper": "#fbf6ea", "ink": "#1f3a5f", "accent": "#e4572e", "ornament": "dots", "initial": "drop",
      "dark": {"paper": "#131c2b", "ink": "#f3ead7", "accent": "#ff7a52"}}'),
  ('frame_laurel', 'Laurel Frame', 'A wreath around your picture.', 'AVATAR_FRAME', 80, null, '{"frame": "laurel"}'),
  ('flair_early_bird', 'Early Bird', 'A flair for the first hundred.', 'PROFILE_FLAIR', 60, 100, '{"flair": "early-bird"}'),
  ('stickers_margins', 'Margin Notes', 'Twenty stickers for the margins.', 'STICKER_PACK', 40, null, '{"pack": "margin-notes"}');
